"""Lists that answer at once over a million rows: bounded counts, indexed orders, bounded searches."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.paginator import Paginator
from django.db import models
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.functional import cached_property

from ittyhost.records import ID_LENGTH, first_id, parse_id

COUNT_LIMIT = 10_000
NO_FILTERS: frozenset[str] = frozenset()
ID_SLACK = timedelta(hours=1)  # between the clocks that made a row's id and its `created`
WINDOW = 50_000  # rows that a search without an index goes through, the newest first


class AtLeast(int):
    """A number that stands for itself and all above it: shown with a plus."""

    def __str__(self) -> str:
        return f"{int(self):,}+"


class BoundedPaginator(Paginator):
    """Counts to a limit and no further; what lies beyond is found by filters."""

    @cached_property
    def count(self) -> int:
        rows: models.QuerySet[Any] = self.object_list
        found = rows.order_by()[: COUNT_LIMIT + 1].count()
        return AtLeast(COUNT_LIMIT) if found > COUNT_LIMIT else found


class RecordChangeList(ChangeList):
    """A list of records, newest first. Filters that no index serves look only through the newest rows."""

    model_admin: "RecordAdmin"
    window_from: datetime | None = None

    def get_ordering_field(self, field_name: Any) -> Any:
        # The address may name any column: only those that may be sorted by are.
        return super().get_ordering_field(field_name) if field_name in (self.sortable_by or ()) else None

    def get_ordering(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> list[Any]:
        """Newest first, by the column that an index serves: a project's own rows by `created`, those of all by id.

        An index of all rows by `created` would serve a project's lists as well, and databases take it for them even
        where that means to read past every newer row of all others.
        """
        ordering = super().get_ordering(request, queryset)
        return ["-created", "-pk"] if set(ordering) == {"-id"} and self._of_project(request) else ordering

    @staticmethod
    def _of_project(request: HttpRequest) -> bool:
        return any(name.startswith("project") for name in request.GET)

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> models.QuerySet[Any]:
        queryset = super().get_queryset(request, exclude_parameters).defer(*self.model_admin.list_defer)
        active = {_name(spec): spec for spec in self.filter_specs if spec.used_parameters}
        rows, newest = self.root_queryset, ("-created", "-pk") if "project" in active else ("-pk",)
        if period := active.pop("created", None):
            queryset = _within(period, queryset) if "project" not in active else queryset
            rows = _filtered(period, request, _within(period, rows) if "project" not in active else rows)
        if self.query or frozenset(active) in self.model_admin.indexed_filters or not active:
            return queryset
        helped = max(
            (filters for filters in self.model_admin.indexed_filters if filters <= active.keys()),
            key=len,
            default=NO_FILTERS,
        )
        for name in helped:
            rows = _filtered(active[name], request, rows)
        edge = rows.order_by(*newest).values_list("created", "pk")[WINDOW:].first()
        if edge is None:
            return queryset
        self.window_from = edge[0]
        return queryset.filter(created__gte=edge[0]) if "project" in active else queryset.filter(pk__gte=edge[1])

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = self.model_admin.prepare_rows(list(self.result_list))


def _name(spec: Any) -> str:
    return getattr(spec, "field_path", None) or spec.parameter_name


def _filtered(spec: Any, request: HttpRequest, rows: models.QuerySet[Any]) -> models.QuerySet[Any]:
    found = spec.queryset(request, rows)
    return rows if found is None else found


def _within(period: Any, rows: models.QuerySet[Any]) -> models.QuerySet[Any]:
    """Rows whose ids are of a span of `created`, or nearly: the index of ids leads to them."""
    for name, lookup, slack in (("created__gte", "pk__gte", -ID_SLACK), ("created__lt", "pk__lt", ID_SLACK)):
        given: Any = period.used_parameters.get(name)
        moment = parse_datetime(str(given[-1] if isinstance(given, list) else given)) if given else None
        if moment is not None:
            moment = moment if timezone.is_aware(moment) else timezone.make_aware(moment)
            rows = rows.filter(**{lookup: first_id(moment + slack)})
    return rows


class AutocompleteFilter(admin.FieldListFilter):
    """By a row of another table, found by typing: a table of any length."""

    template = "admin/ittyhost/autocomplete_filter.html"

    def __init__(
        self, field: Any, request: HttpRequest, params: dict[str, Any], model: Any, model_admin: Any, field_path: str
    ) -> None:
        self.remote_model = field.remote_field.model
        self.lookup = f"{field_path}__id__exact"
        super().__init__(field, request, params, model, model_admin, field_path)
        self.model_admin = model_admin

    def has_output(self) -> bool:
        return True

    def expected_parameters(self) -> list[str | None]:
        return [self.lookup]

    def choices(self, changelist: ChangeList) -> Any:
        given: Any = self.used_parameters.get(self.lookup, [""])
        value = given[-1]
        select = forms.ModelChoiceField(
            queryset=self.remote_model._default_manager.all(),
            required=False,
            widget=AutocompleteSelect(self.field, self.model_admin.admin_site),
        )
        yield {
            "selected": bool(value),
            "query_string": changelist.get_query_string(remove=[self.lookup]),
            "lookup": self.lookup,
            "widget": select.widget.render(self.lookup, value, attrs={"id": f"filter-{self.field_path}"}),
        }


class RecordAdmin(admin.ModelAdmin):
    """The base of all pages of records: newest first, searched by ids, without a full count or an unindexed order."""

    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # each facet is a count of the whole table
    list_per_page = 50
    list_max_show_all = 200
    ordering = ("-id",)
    sortable_by: ClassVar[tuple[str, ...]] = ()
    search_fields: ClassVar[tuple[str, ...]] = ("id",)
    search_help_text = "Ids, with or without their prefix."
    change_list_template = "admin/ittyhost/change_list.html"
    change_form_template = "admin/ittyhost/change_form.html"

    list_defer: ClassVar[Sequence[str]] = ()
    """Columns that a list never shows and that are large."""
    indexed_filters: ClassVar[frozenset[frozenset[str]]] = frozenset({frozenset({"project"})})
    """Which filters together an index serves, each also within a span of `created`."""
    searched_ids: ClassVar[dict[str, Sequence[str]]] = {}
    """Which columns hold an id of a prefix."""
    searches_text: ClassVar[bool] = False
    """Whether a search that is no id goes through `search_fields`: for tables that stay small."""

    @property
    def media(self) -> forms.Media:
        field = next((field for field in self.opts.get_fields() if field.many_to_one and not field.auto_created), None)
        widgets = AutocompleteSelect(field, self.admin_site).media if field else forms.Media()
        return super().media + widgets + forms.Media(css={"all": ["ittyhost/admin.css"]}, js=["ittyhost/admin.js"])

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return RecordChangeList

    def prepare_rows(self, rows: list[Any]) -> list[Any]:
        """The rows of one page, with whatever else their columns show, read at once."""
        return rows

    def get_search_results(
        self, request: HttpRequest, queryset: models.QuerySet[Any], search_term: str
    ) -> tuple[models.QuerySet[Any], bool]:
        wanted = [self._by_id(word) for word in search_term.split()]
        if wanted and all(wanted):
            found = Q()
            for condition in wanted:
                found |= condition  # type: ignore[operator]
            return queryset.filter(found), False
        if self.searches_text or not wanted:
            return super().get_search_results(request, queryset, search_term)
        return queryset.none(), False

    def _by_id(self, word: str) -> Q | None:
        """Rows that a word names by an id; None when it is none."""
        if len(word) == ID_LENGTH and word.isascii() and word.isalnum() and not self.searches_text:
            return Q(pk=word)
        for prefix, columns in {self.model.prefix: ("pk",), **self.searched_ids}.items():
            bare = parse_id(word, prefix)
            if bare is not None:
                found = Q()
                for column in columns:
                    found |= Q(**{column: bare})
                return found
        return None


class ReadOnly:
    """Pages to look at: rows are made and changed by the service alone."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
