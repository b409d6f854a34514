"""A small API over the organisations table, to see the framework work through real requests."""

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response

from ittyhost import errors
from ittyhost.api.errors import respond
from ittyhost.api.openapi import documented
from ittyhost.api.paging import Filter
from ittyhost.api.routes import route
from ittyhost.api.tests.thing_shapes import SHAPES
from ittyhost.api.views import ProjectView
from ittyhost.records import parse_id
from orgs_app.models import Organisation
from orgs_app.services import organisation_create


class ThingListView(ProjectView):
    shapes = SHAPES
    filters = (Filter("name", {"old": "Old", "new": "New"}, "Which name."),)

    @documented(SHAPES, response="ThingShow", many=True)
    def get(self, request: Request) -> Response:
        """List things."""
        rows = Organisation.objects.exclude(pk=self.project.organisation_id).filter(**self.filtered())
        return self.page(rows, self.shape.ThingShow)

    @documented(SHAPES, request="ThingCreate", response="ThingShow", refusals={402: "The quota is used up."})
    def post(self, request: Request) -> Response:
        """Create a thing.

        It is there at once.
        """
        body = self.shape.ThingCreate(data=request.data)
        body.is_valid(raise_exception=True)
        return self.created(self.shape.ThingShow(organisation_create(name=body.validated_data["name"])).data)


class ThingView(ProjectView):
    shapes = SHAPES

    @documented(SHAPES, response="ThingShow")
    def get(self, request: Request, thing_id: str) -> Response:
        """Show a thing."""
        thing = Organisation.objects.filter(pk=parse_id(thing_id, "org", "thing")).first()
        if thing is None:
            raise errors.NotFound(f"No thing {thing_id} exists.", code="thing_not_found")
        return self.ok(self.shape.ThingShow(thing).data)

    @documented(SHAPES)
    def delete(self, request: Request, thing_id: str) -> Response:
        """Delete a thing."""
        return self.deleted(thing_id)


class EchoView(ProjectView):
    def post(self, request: Request) -> Response:
        return self.ok({"data": request.data})


FAULTS: dict[str, Exception] = {
    "invalid": errors.Invalid("width must be at most 3840.", param="width"),
    "forbidden": errors.Forbidden("Not for you."),
    "conflict": errors.Conflict("The task has ended.", code="task_ended"),
    "large": errors.PayloadTooLarge("At most 10 bytes."),
    "quota": errors.LimitReached("The quota is used up."),
    "rate": errors.RateLimited("Too fast.", retry_after=7),
    "away": errors.Unavailable("The bucket does not answer."),
    "length": errors.LengthRequired("Send a Content-Length."),
    "gone": Http404(),
    "denied": PermissionDenied(),
    "odd": SuspiciousOperation("secret detail"),
    "database": OperationalError("host=10.0.0.1 is down"),
    "bug": ZeroDivisionError("secret detail"),
}


class FaultView(ProjectView):
    def get(self, request: Request, fault: str) -> Response:
        raise FAULTS[fault]

    def post(self, request: Request, fault: str) -> Response:
        """Refuse when work was done already."""
        organisation_create(name="Half done")
        WorkView.during()
        raise FAULTS[fault]


class WorkView(ProjectView):
    @staticmethod
    def during() -> None:
        """What happens while the work is under way; tests put something in its place."""

    def post(self, request: Request) -> Response:
        organisation = organisation_create(name=request.data.get("name", "Work"))
        self.during()
        return self.created({"id": organisation.public_id})


class SignatureView(ProjectView):
    def post(self, request: Request) -> Response:
        return self.created({"signature": "abc"})


def plain(request: HttpRequest, fault: str) -> HttpResponse:
    try:
        raise FAULTS[fault]
    except Exception as exc:
        return respond(request, exc)


def broken(request: HttpRequest) -> HttpResponse:
    raise ZeroDivisionError("secret detail")


def host(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.get_host())


urlpatterns = [
    route("things", ThingListView, name="things"),
    route("things/<thing_id>", ThingView, name="thing"),
    route("echo", EchoView, name="echo"),
    route("work", WorkView, name="work"),
    route("faults/<fault>", FaultView, name="fault"),
    route("signatures", SignatureView, name="signatures"),
    path("plain/<fault>", plain),
    path("broken", broken),
    path("host", host),
]
handler400 = "ittyhost.api.errors.bad_request"
handler403 = "ittyhost.api.errors.permission_denied"
handler404 = "ittyhost.api.errors.not_found"
handler500 = "ittyhost.api.errors.server_error"
