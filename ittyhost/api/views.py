"""The base of every API view: who asks, in which version, and how the answer is wrapped."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from types import ModuleType
from typing import Any, ClassVar

import structlog
from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ittyhost.api import errors, throttling
from ittyhost.api.calls import Call, Credential
from ittyhost.api.idempotency import answered_once
from ittyhost.api.negotiation import Wish, negotiate
from ittyhost.api.paging import SORTS, Filter, Page, PageRequest, paginate
from ittyhost.api.parsers import JSONRequest
from ittyhost.api.permissions import HasScope
from ittyhost.api.renderers import StrictJSONRenderer
from ittyhost.api.shapes import Shapes
from ittyhost.api.tokens import TokenRefused
from ittyhost.api.versions import Answer, Version
from ittyhost.errors import DomainError, NotFound

Show = Callable[[Any], Any]  # a serializer class, or a function: record → JSON-able


class OnlyJSON(BaseContentNegotiation):
    """JSON, whatever `Accept` says: a client that asks for something else can still read why it failed."""

    def select_parser(self, request: Request, parsers: Iterable[Any]) -> Any:
        return next(iter(parsers))

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> tuple[Any, str]:
        return renderers[0], renderers[0].media_type


class ProjectView(APIView):
    """A view of one project's things. It parses, calls one service or selector, and answers with `ok`, `created`,
    `page` or `deleted`; what it raises becomes an error in the request's version."""

    shapes: ClassVar[Shapes | None] = None
    scope: ClassVar[str | None] = None  # None: `read` for GET and HEAD, `write` for the rest
    collection: ClassVar[str | None] = None  # where the list is, as "/tasks"; None: what the path itself tells
    sorts: ClassVar[Mapping[str, str]] = SORTS  # what clients write → field; the first is the default
    filters: ClassVar[tuple[Filter, ...]] = ()

    permission_classes = (HasScope,)
    renderer_classes = (StrictJSONRenderer,)
    content_negotiation_class = OnlyJSON
    metadata_class = None  # no OPTIONS: what there is stands in OpenAPI

    version: Version
    api_key: Any = None  # the ApiKey in use: a Credential
    project: Any = None  # its Project; every look-up starts from it
    rate: throttling.Rate | None = None  # what its bucket says, where requests are counted

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """DRF's own, but that a POST with an Idempotency-Key is answered once."""
        self.args, self.kwargs = args, kwargs
        self.headers = self.default_response_headers
        self.request = self.initialize_request(request, *args, **kwargs)
        response: HttpResponseBase
        try:
            self.initial(self.request, *args, **kwargs)
            method = str(self.request.method).lower()
            handler = partial(getattr(self, method), self.request, *args, **kwargs)
            response = answered_once(self, handler) if method == "post" else handler()
        except Exception as exc:
            response = self.handle_exception(exc)
        self.response = self.finalize_response(self.request, response, *args, **kwargs)
        return self.response

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        finished = super().finalize_response(request, response, *args, **kwargs)
        if self.rate is not None:
            for name, value in self.rate.headers.items():
                finished.headers[name] = value
        return finished

    # --- before the handler ---

    def initialize_request(self, request: Any, *args: Any, **kwargs: Any) -> Request:
        self.version = negotiate(request).version  # until the project's pin is known; errors need one
        return JSONRequest(request, authenticators=self.get_authenticators(), negotiator=self.get_content_negotiator())

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        self.format_kwarg = None
        request.accepted_renderer, request.accepted_media_type = self.perform_content_negotiation(request)
        self.perform_authentication(request)
        self.take_version(request)
        self.check_throttles(request)  # first of all that needs the version: refusals count too
        if request.method and request.method.lower() not in self._handlers():
            self.http_method_not_allowed(request)  # before the scope: a key with more rights would not help
        self.check_permissions(request)

    def perform_authentication(self, request: Request) -> None:
        """Know the caller, or raise Unauthenticated."""
        credential: Any = request.auth
        if credential is None:
            raise TokenRefused()
        self.recognise(credential)

    def recognise(self, credential: Credential) -> None:
        """Make the caller known to the view and to the log."""
        self.api_key = credential
        self.project = credential.project
        structlog.contextvars.bind_contextvars(project=credential.project.public_id, key=credential.public_id)

    def take_version(self, request: Request) -> None:
        """Settle the version now that the project's pin is known; raise Invalid when an unknown one was asked for."""
        wish: Wish = negotiate(request._request, pin=getattr(self.project, "api_version", None))
        self.version = wish.version
        if wish.refusal:
            raise wish.refusal

    def check_throttles(self, request: Request) -> None:
        """Count the request against its key's rate. Raises RateLimited."""
        self.rate = throttling.take(self.api_key.public_id)
        if self.rate is not None and not self.rate.allowed:
            raise throttling.refusal(self.rate)

    def _handlers(self) -> set[str]:
        return {name for name in self.http_method_names if name != "options" and hasattr(self, name)}

    @property
    def allowed_methods(self) -> list[str]:
        return sorted(name.upper() for name in self._handlers())

    @property
    def default_response_headers(self) -> dict[str, str]:
        """None: what is allowed matters where something was not, and `errors.handle` says it there."""
        return {}

    def get_exception_handler(self) -> Callable[..., Response]:
        return errors.handle

    # --- what handlers read ---

    @property
    def shape(self) -> ModuleType:
        """The module that writes this subject in the request's version."""
        assert self.shapes is not None, f"{type(self).__name__} names no shapes."
        return self.shapes[self.version]

    @property
    def call(self) -> Call:
        return Call.of(self.request._request, self.api_key)

    def filtered(self) -> dict[str, Any]:
        """The filters that the request gives, by name, as the selector takes them."""
        given = {filter.name: filter.read(self.request.query_params) for filter in self.filters}
        return {name: value for name, value in given.items() if value is not None}

    # --- how handlers answer ---

    def ok(self, data: Any, *, status: int = 200, path: str | None = None, parent: str | None = None) -> Response:
        """One object. Its links follow from the request's path and the object's id unless they are given."""
        own, listed = self._places(data)
        return self._respond(
            self.version.object(self.call, data, status=status, path=path or own, parent=parent or listed)
        )

    def created(self, data: Any, *, path: str | None = None, parent: str | None = None) -> Response:
        """An object that now exists. The version says whether that is 200 or 201."""
        return self.ok(data, status=self.version.created_status, path=path, parent=parent)

    def accepted(self, data: Any, *, path: str | None = None, parent: str | None = None) -> Response:
        """Something taken on, and not done yet: 202."""
        return self.ok(data, status=202, path=path, parent=parent)

    def deleted(self, public_id: str) -> Response:
        """202 with a message: SDKs fail on an answer without a body."""
        return self.accepted({"message": f"{public_id} deleted"}, path=self.request.path_info)

    def page(self, queryset: QuerySet, show: Show) -> Response:
        """The page of a queryset that the request asks for. `show` is a serializer class, or a function of a record."""
        return self.listed(paginate(queryset, self.wanted(self.sorts)), show)

    def wanted(self, sorts: Mapping[str, str]) -> PageRequest:
        """Which page of the list the request asks for, sorted by one of these; the first where it does not say."""
        return PageRequest.read(self.request.query_params, self.version, sorts)

    def listed(self, page: Page, show: Show) -> Response:
        """A page that was read already."""
        if isinstance(show, type):
            data = list(show(page.rows, many=True).data)
        else:
            data = [show(row) for row in page.rows]
        return self._respond(self.version.list(self.call, data, page.info))

    def _places(self, data: Any) -> tuple[str, str | None]:
        """Where the object and its list are found, without the host."""
        path = self.request.path_info.rstrip("/")
        public_id = data.get("id") if isinstance(data, Mapping) else None
        if public_id is None:
            return path, path.rpartition("/")[0] or None
        listed = self.collection or (path if self.request.method == "POST" else path.rpartition("/")[0])
        return f"{listed}/{public_id}", listed or None

    def _respond(self, answer: Answer) -> Response:
        return Response(answer.body, answer.status, headers={"Cache-Control": "no-store", **answer.headers})


class UnknownPathView(ProjectView):
    """Any path that nothing answers: 404, in the caller's version when the caller is known, else in the default one."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        self.format_kwarg = None
        request.accepted_renderer, request.accepted_media_type = self.perform_content_negotiation(request)
        try:
            self.perform_authentication(request)
            self.take_version(request)
        except DomainError:
            pass  # that the path is unknown is the better news
        if self.api_key is not None:
            self.check_throttles(request)
        way_out = "The page /docs lists them all."
        if request.path_info.startswith("//"):  # some SDKs put their paths behind a base URL as it is given
            way_out = "Leave out the slash at the end of the base URL."
        raise NotFound(f"No resource has the path {request.path_info[:200]}. {way_out}", code="path_unknown")
