"""Projects' own domains: requests for a project's `delivery_domain` are for its files, and for nothing else here."""

import re
import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from ittyhost.api import errors
from ittyhost.api.request_ids import QUIET_PATHS
from media_app.api.delivery import deliver
from orgs_app.models import DOMAIN, Project
from orgs_app.selectors import project_find_by_domain

logger = structlog.get_logger(__name__)

UNKNOWN_SECONDS = 10.0  # how long a new domain may take to work
UNKNOWN_HOSTS = 1024
_DOMAIN = re.compile(DOMAIN)
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


class DeliveryDomainsMiddleware:
    """Sends a request to `deliver` when its host is a project's domain; before all that serves paths of the service.

    The service's own hosts stay its own, whatever a project claims. A domain need not be among ALLOWED_HOSTS.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response
        self._unknown = UnknownHosts()

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        try:
            project = self._project(request)
        except (OperationalError, InterfaceError) as exc:
            if request.path_info in QUIET_PATHS:  # they are asked whether this process lives
                return self._get_response(request)
            logger.exception("a delivery domain could not be looked up")
            return errors.respond(request, exc)
        if project is None:
            return self._get_response(request)
        response = deliver(request, project.public_id, request.path_info.removeprefix("/"), project=project)
        if not response.streaming and "Content-Length" not in response.headers:
            response.headers["Content-Length"] = str(len(response.content))  # type: ignore[attr-defined]
        return response

    def _project(self, request: HttpRequest) -> Project | None:
        """One look-up by an index for a host that is neither the service's own nor known to be no project's."""
        host = request.META.get("HTTP_HOST", "").lower().removesuffix(_DEFAULT_PORTS.get(request.scheme or "", ""))
        if not _DOMAIN.match(host) or host in own_hosts() or host in self._unknown:
            return None
        project = project_find_by_domain(host)
        if project is None:
            self._unknown.add(host)
        return project


class UnknownHosts:
    """Hosts that were no project's a moment ago; so few that nobody can fill the memory with them."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}
        self._lock = threading.Lock()

    def __contains__(self, host: str) -> bool:
        return self._until.get(host, 0.0) > time.monotonic()

    def add(self, host: str) -> None:
        with self._lock:
            if len(self._until) >= UNKNOWN_HOSTS:
                self._until.clear()
            self._until[host] = time.monotonic() + UNKNOWN_SECONDS


def own_hosts() -> set[str]:
    """The hosts of PUBLIC_URL and DELIVERY_URL, as a Host header names them."""
    return {host_of(settings.PUBLIC_URL), host_of(settings.DELIVERY_URL)}


def host_of(url: str) -> str:
    """A URL's host, with its port unless that is its scheme's."""
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2].lower().removesuffix(_DEFAULT_PORTS.get(parts.scheme, ""))
