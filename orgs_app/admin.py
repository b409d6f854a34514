"""Operators' pages of organisations, projects, API keys and the people who operate this service."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.admin import UserAdmin
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from ittyhost.admin import html
from ittyhost.admin.actions import Button, ServiceAdmin
from ittyhost.admin.lists import AutocompleteFilter, BoundedPaginator, ReadOnly
from ittyhost.api.versions import all_versions
from orgs_app.models import ApiKey, Member, Organisation, Project
from orgs_app.services import api_key_create, api_key_revoke

User = get_user_model()


class OwnerAdmin(ServiceAdmin):
    """Rows that much else hangs on: changed column by column, deleted only while nothing belongs to them."""

    searches_text = True

    def save_model(self, request: HttpRequest, obj: Any, form: forms.ModelForm, change: bool) -> None:
        if not change:
            obj.save()
            return
        # Only what was changed here: a whole row would write back counters that moved meanwhile.
        obj.updated = timezone.now()
        obj.save(update_fields=[*form.changed_data, "updated"])

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is not None and super().has_delete_permission(request, obj) and not owns_anything(obj)


def owns_anything(obj: models.Model) -> bool:
    """Whether any row points at this one. One look each, however many there are."""
    return any(
        relation.related_model._base_manager.filter(**{relation.field.name: obj.pk}).exists()
        for relation in obj._meta.related_objects
    )


class MemberInline(admin.TabularInline):
    model = Member
    autocomplete_fields = ("user",)
    extra = 0
    fields = ("user", "role", "created")
    readonly_fields = ("created",)


@admin.register(Organisation)
class OrganisationAdmin(OwnerAdmin):
    list_display = ("name", "public_id", html.moment("created", short=True))
    search_fields = ("name",)
    search_help_text = "A name, or ids."
    fields = ("name", "public_id", "created", "belongings")
    readonly_fields = ("public_id", "created", "belongings")
    inlines = (MemberInline,)

    @admin.display(description="id")
    def public_id(self, obj: Organisation) -> str:
        return obj.public_id if obj.created else html.NOTHING

    @admin.display(description="what belongs to it")
    def belongings(self, obj: Organisation) -> str:
        return html.related_links(obj, shown=20)


class ProjectForm(forms.ModelForm):
    """The version pin is chosen among the versions there are; one that is no longer known may stay."""

    api_version = forms.ChoiceField(label="API version", required=False)

    class Meta:
        model = Project
        fields = ("organisation", "name", "api_version", "is_private", "delivery_domain", "storage_quota", "limits")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "limits" in self.fields:
            self.fields["limits"].show_hidden_initial = False  # what is changed is told by the row, not by the page
        names = [version.name for version in all_versions()]
        if self.instance.api_version and self.instance.api_version not in names:
            names.append(self.instance.api_version)
        if "api_version" in self.fields:
            field = self.fields["api_version"]
            field.choices = [("", "the service's default"), *((name, name) for name in names)]  # type: ignore[attr-defined]
            field.help_text = Project._meta.get_field("api_version").help_text

    def clean_api_version(self) -> str | None:
        return self.cleaned_data["api_version"] or None

    def clean_limits(self) -> dict[str, Any]:
        return self.cleaned_data["limits"] or {}

    def clean_delivery_domain(self) -> str | None:
        return self.cleaned_data["delivery_domain"] or None


@admin.register(Project)
class ProjectAdmin(OwnerAdmin):
    form = ProjectForm
    list_display = (
        "name",
        "organisation",
        "public_id",
        "pin",
        "is_private",
        "storage",
        html.moment("created", short=True),
    )
    list_select_related = ("organisation",)
    list_filter = (("organisation", AutocompleteFilter), "is_private")
    search_fields = ("name", "delivery_domain")
    search_help_text = "A name, a delivery domain, or ids."
    autocomplete_fields = ("organisation",)
    readonly_fields = ("public_id", "created", "storage", "delivery", "belongings")
    searched_ids = {"org": ("organisation",)}
    fieldsets = (
        (None, {"fields": ("organisation", "name", "public_id", "created")}),
        ("API", {"fields": ("api_version",)}),
        ("Delivery", {"fields": ("is_private", "delivery_domain", "delivery")}),
        ("Storage", {"fields": ("storage_quota", "storage")}),
        ("Work", {"fields": ("limits",)}),
        ("What belongs to it", {"fields": ("belongings",)}),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fieldsets if obj else self.fieldsets[:-1]

    @admin.display(description="id")
    def public_id(self, obj: Project) -> str:
        return obj.public_id

    @admin.display(description="version pin")
    def pin(self, obj: Project) -> str:
        return obj.api_version or html.NOTHING

    @admin.display(description="storage used")
    def storage(self, obj: Project) -> str:
        used = html.size(obj.storage_used)
        if obj.storage_quota is None:
            return f"{used}, without limit"
        percent = 100 * obj.storage_used / obj.storage_quota if obj.storage_quota else 100.0
        return html.bar(percent, f"{used} of {html.size(obj.storage_quota)}", label="used")

    @admin.display(description="delivery URL")
    def delivery(self, obj: Project) -> str:
        return obj.delivery_url

    @admin.display(description="newest")
    def belongings(self, obj: Project) -> str:
        return html.related_links(obj)


class KeyState(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("active", "active"), ("expired", "expired"), ("revoked", "revoked")]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        match self.value():
            case "active":
                return queryset.active()  # type: ignore[attr-defined]
            case "expired":
                return queryset.filter(expires_at__lte=timezone.now(), revoked_at__isnull=True)
            case "revoked":
                return queryset.filter(revoked_at__isnull=False)
        return queryset


class ApiKeyForm(forms.ModelForm):
    scopes = forms.MultipleChoiceField(
        choices=[(scope, scope) for scope in ApiKey.SCOPES],
        initial=list(ApiKey.SCOPES),
        widget=forms.CheckboxSelectMultiple,
        help_text=ApiKey._meta.get_field("scopes").help_text,
    )

    class Meta:
        model = ApiKey
        fields = ("project", "name", "live_mode", "scopes", "expires_at")

    def clean_expires_at(self) -> Any:
        expires_at = self.cleaned_data["expires_at"]
        if expires_at is not None and "expires_at" in self.changed_data and expires_at <= timezone.now():
            raise forms.ValidationError("The expiry must be in the future. To end a key now, revoke it.")
        return expires_at


@admin.register(ApiKey)
class ApiKeyAdmin(ServiceAdmin):
    """Keys are made here and shown once, in the answer to the form alone: in no session, cookie, log or page after it.

    They are revoked and never deleted: what they did stays told of them.
    """

    form = ApiKeyForm
    searches_text = True
    list_display = (
        "name",
        "hint",
        "project",
        "mode",
        "scope_words",
        "state",
        html.moment("last_used_at", "last used", short=True),
        html.moment("expires_at", "expires", short=True),
        html.moment("created", short=True),
    )
    list_select_related = ("project",)
    list_filter = (KeyState, ("project", AutocompleteFilter), "live_mode")
    list_defer = ("ciphertext", "digest")
    search_fields = ("name", "last_four")
    search_help_text = "A name, the last four characters, or ids."
    searched_ids = {"prj": ("project",)}
    autocomplete_fields = ("project",)
    actions = ("revoke",)
    buttons = (Button("revoke", "Revoke", "Revoke this key? Whoever uses it is refused at once; it cannot be undone."),)
    told = (
        "public_id",
        "hint",
        "state",
        html.moment("last_used_at"),
        html.moment("revoked_at"),
        html.moment("created"),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        own = (None, {"fields": ("project", "name", "live_mode", "scopes", "expires_at")})
        return (own, ("What is known of it", {"fields": self.told})) if obj else (own,)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("project", "live_mode", *self.told) if obj else ()

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or obj.revoked_at is None)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        # After a key is made its secret is shown, whatever button was pressed.
        context |= {"show_save_and_continue": False, "show_save_and_add_another": False}
        return super().render_change_form(request, context, *args, **kwargs)

    @sensitive_variables("secret")
    def save_model(self, request: HttpRequest, obj: ApiKey, form: forms.ModelForm, change: bool) -> None:
        if change:
            obj.updated = timezone.now()
            obj.save(update_fields=[*form.changed_data, "updated"])
            return
        asked = form.cleaned_data
        key, secret = api_key_create(
            project=asked["project"],
            name=asked["name"],
            live_mode=asked["live_mode"],
            scopes=asked["scopes"],
            expires_at=asked["expires_at"],
        )
        obj.__dict__.update(key.__dict__)
        request.api_key_secret = secret  # type: ignore[attr-defined]

    @sensitive_variables("secret")
    def response_add(self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None) -> HttpResponse:
        """The one page that shows the secret: rendered at once, so that it passes through no message and no session."""
        secret = request.api_key_secret  # type: ignore[attr-defined]
        context = {
            **self.admin_site.each_context(request),
            "title": "API key made",
            "opts": self.opts,
            "original": obj,
            "secret": secret,
            "copyable": html.copyable(secret),
            "media": self.media,
        }
        return TemplateResponse(
            request,
            "admin/orgs_app/apikey/created.html",
            context,
            headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"},
        )

    @admin.action(description="Revoke the chosen keys", permissions=["operate"])
    def revoke(self, request: HttpRequest, queryset: models.QuerySet[ApiKey]) -> None:
        self.each(request, queryset, lambda key: api_key_revoke(key=key), done="revoked")

    def button_fits(self, button: Button, obj: ApiKey) -> bool:
        return obj.revoked_at is None

    @admin.display(description="id")
    def public_id(self, obj: ApiKey) -> str:
        return obj.public_id

    @admin.display(description="secret")
    def hint(self, obj: ApiKey) -> str:
        return obj.hint

    @admin.display(description="mode")
    def mode(self, obj: ApiKey) -> str:
        return html.badge("live", "busy") if obj.live_mode else html.badge("test")

    @admin.display(description="scopes")
    def scope_words(self, obj: ApiKey) -> str:
        return ", ".join(obj.scopes)

    @admin.display(description="state")
    def state(self, obj: ApiKey) -> str:
        if obj.revoked_at is not None:
            return html.badge("revoked", "bad")
        return html.badge("active", "good") if obj.is_active else html.badge("expired", "warn")


class OperatorAdmin(UserAdmin):
    """A user who changed anything is made inactive instead of deleted: the log of changes would go too."""

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if obj is None or not super().has_delete_permission(request, obj):
            return False
        return not LogEntry.objects.filter(user=obj).exists()


admin.site.unregister(User)
admin.site.register(User, OperatorAdmin)


@admin.register(LogEntry)
class LogEntryAdmin(ReadOnly, admin.ModelAdmin):
    """Every change that operators made here, newest first."""

    list_display = ("action_time", "user", "what", "content_type", "object_repr", "get_change_message")
    list_display_links = None
    list_select_related = ("user", "content_type")
    ordering = ("-id",)
    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    sortable_by = ()

    @admin.display(description="action")
    def what(self, obj: LogEntry) -> str:
        return obj.get_action_flag_display()
