"""Actions on records through services, from lists and from a record's own page, each in admin's log."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import models, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import path, reverse

from ittyhost.admin.lists import RecordAdmin
from ittyhost.errors import DomainError

AT_ONCE = 1_000  # rows of one action: each is a transaction of its own
TOLD = 10  # refusals that are told one by one


@dataclass(frozen=True)
class Button:
    """An action offered on a record's page."""

    action: str
    label: str
    question: str = ""


class ServiceAdmin(RecordAdmin):
    """A page whose changes go through services; what they refuse is told, and nothing is raised."""

    buttons: ClassVar[Sequence[Button]] = ()

    def button_fits(self, button: Button, obj: Any) -> bool:
        """Whether an action makes sense for a record as it is."""
        return True

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Whether someone may start actions: as to change the record, although none of its fields can be edited."""
        return request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}")

    def each(
        self, request: HttpRequest, rows: models.QuerySet[Any], act: Callable[[Any], object], *, done: str
    ) -> None:
        """Do something to every row, each in a transaction of its own, log it, and tell what came of it.

        `act` may return False when there was nothing to do. `done` is the past participle: "cancelled".
        """
        chosen = list(rows[: AT_ONCE + 1])
        if len(chosen) > AT_ONCE:
            self.message_user(request, f"Choose at most {AT_ONCE:,} at a time. Nothing was changed.", messages.ERROR)
            return
        changed, refused = 0, []
        for row in chosen:
            try:
                with transaction.atomic():
                    if act(row) is False:
                        refused.append(f"{row.public_id}: nothing to do.")
                        continue
                    self.log_change(request, row, done.capitalize() + ".")
                changed += 1
            except DomainError as exc:
                refused.append(f"{row.public_id}: {exc.message}")
        if changed:
            name = self.opts.verbose_name if changed == 1 else self.opts.verbose_name_plural
            self.message_user(request, f"{changed} {name} {done}.", messages.SUCCESS)
        for refusal in refused[:TOLD]:
            self.message_user(request, refusal, messages.WARNING)
        if len(refused) > TOLD:
            self.message_user(request, f"… and {len(refused) - TOLD} more were refused.", messages.WARNING)

    # --- A record's own page ---

    def get_urls(self) -> list[Any]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_action"
        own = path("<path:object_id>/action/<slug:action>/", self.admin_site.admin_view(self.action_view), name=name)
        return [own, *super().get_urls()]

    def action_view(self, request: HttpRequest, object_id: str, action: str) -> HttpResponse:
        """Start one of the list's actions for one record."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        found = self.get_actions(request).get(action)
        if found is None or action not in {button.action for button in self.buttons}:
            raise PermissionDenied
        rows = self.get_queryset(request).filter(pk=unquote(object_id))
        if not rows.exists():
            raise Http404
        found[0](self, request, rows)
        return HttpResponseRedirect(
            reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[unquote(object_id)])
        )

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions = super().get_actions(request)
        if not self.has_bulk_delete:
            actions.pop("delete_selected", None)
        return actions

    has_bulk_delete: ClassVar[bool] = False

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        if obj is not None:
            allowed = self.get_actions(request)
            context["buttons"] = [
                button for button in self.buttons if button.action in allowed and self.button_fits(button, obj)
            ]
        return super().render_change_form(request, context, add, change, form_url, obj)

    # --- Saving and deleting ---

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except DomainError as exc:
            self.message_user(request, exc.message, messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().delete_view(request, *args, **kwargs)
        except DomainError as exc:
            self.message_user(request, exc.message, messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())
