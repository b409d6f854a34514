"""Where files are put and delivered: `<DELIVERY_URL>/<project>/<folder>/<filename>`, or `<domain>/<folder>/<filename>`.

Plain Django views: bodies are streams here, and Django's limit for bodies in memory does not apply. How an object is
answered with is in `media_app.delivery`; here is who may put and get what.
"""

from contextlib import suppress

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from rest_framework.exceptions import MethodNotAllowed

from ittyhost.api import errors
from ittyhost.api.permissions import READ
from ittyhost.errors import DomainError, Forbidden, Invalid, NotFound
from media_app.api.stores import is_store, store
from media_app.api.uploads import give_up, put
from media_app.api.visits import Visit
from media_app.delivery import Target, respond, without_body
from media_app.models import File
from media_app.selectors import file_find_by_path, member_find_by_path
from media_app.services import place_read
from orgs_app.models import Project
from orgs_app.selectors import project_find
from orgs_app.services import api_key_touch

METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PUT")
ELSEWHERE_METHODS = ("POST", *METHODS)  # POST only to the addresses of upload sessions
ALWAYS = {
    "Content-Security-Policy": (
        "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; sandbox"
    ),
    "Access-Control-Allow-Origin": "*",  # players and canvases of other sites read them; no cookie counts here
    "Access-Control-Expose-Headers": "Accept-Ranges, Content-Disposition, Content-Range, ETag, X-Request-Id",
    "Cross-Origin-Resource-Policy": "cross-origin",
}


@csrf_exempt
def deliver(request: HttpRequest, project_id: str, path: str, *, project: Project | None = None) -> HttpResponseBase:
    """Answer for one delivery path; `project` is the one of `project_id` where that was found already."""
    visit = Visit(request, project_id, path, project)
    try:
        match request.method:
            case "GET" | "HEAD":
                return get(visit)
            case "PUT" | "POST" | "DELETE" if is_store(visit):
                return store(visit)
            case "PUT":
                return put(visit)
            case "DELETE":
                return give_up(visit)
            case "OPTIONS":
                return preflight()
        raise MethodNotAllowed(request.method or "")
    except (OperationalError, InterfaceError) as exc:
        return errors.respond(request, exc, credential=visit.key, pin=visit.pin)
    except (DomainError, MethodNotAllowed) as exc:
        # Public files are given without a look at the key; a refusal says whom it is for, in that project's version.
        answer = errors.respond(request, exc, credential=visit.find_key(), pin=visit.pin)
        if isinstance(exc, MethodNotAllowed):
            answer.headers["Allow"] = ", ".join(METHODS)
        return answer


# --- Download ---


def get(visit: Visit) -> HttpResponseBase:
    """The bytes at a path, or the part of them that is asked for."""
    request = visit.request
    target = _readable(visit)
    headers = ALWAYS | {"Cache-Control": _cache_control(target.file)}
    return respond(request, target, headers=headers, download="download" in request.GET)


def _readable(visit: Visit) -> Target:
    """What is at a path. Raises Forbidden for whatever is or is not in a private project, NotFound."""
    project = visit.project or project_find(visit.project_id)
    if project is None:
        raise NotFound("Nothing is here.")
    if project.is_private:
        key = visit.find_key()
        if key is None or key.project_id != project.pk or READ not in key.scopes:
            raise Forbidden("These files are private. Send an API key of their project that may read.")
        api_key_touch(key=key)
    visit.pin = project.api_version
    with suppress(Invalid):  # no file can have such a name
        visit.check_path()
        folder, filename = place_read(filename=visit.path)
        if file := file_find_by_path(project=project, path=f"{folder}/{filename}"):
            return Target.of(file)
        if member := member_find_by_path(project=project, path=f"{folder}/{filename}"):
            return Target.of_member(member)
    raise NotFound("Nothing is here.")


def _cache_control(file: File) -> str:
    """Always asked for anew: a name can come to mean a newer file, and a file that is not probed yet has no type."""
    whose = "private" if file.project.is_private else "public"
    return f"{whose}, max-age=0, must-revalidate"


# --- The rest ---


def preflight() -> HttpResponse:
    """What a browser asks before a page of another site may use these paths."""
    return without_body(
        204,
        {
            "Allow": ", ".join(METHODS),
            "Access-Control-Allow-Origin": "*",
            "Access-Control-Allow-Methods": ", ".join(ELSEWHERE_METHODS),
            "Access-Control-Allow-Headers": (
                "Accept-Version, Authorization, Content-Range, Content-Type, If-Match, If-Range, Range"
            ),
            "Access-Control-Max-Age": "86400",
        },
    )
