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
from ittyhost.errors import DomainError, Invalid, NotFound
from ittyhost.records import parse_id
from media_app.api.cors import shared
from media_app.api.stores import is_store, store
from media_app.api.uploads import give_up, put
from media_app.api.visits import FilesPrivate, Visit, reader
from media_app.delivery import PRESIGNED_SECONDS, Target, read_whole, respond, without_body
from media_app.manifests import LARGEST, is_manifest, is_thumbnails, rewritten, rewritten_thumbnails
from media_app.models import File
from media_app.selectors import file_find_by_path, member_find_by_path
from media_app.services import place_read
from orgs_app.models import Project

METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PUT")
STORE_METHODS = ("DELETE", "OPTIONS", "POST", "PUT")  # of the addresses of upload sessions
ALWAYS = {
    "Content-Security-Policy": (
        "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; sandbox"
    ),
    "Cross-Origin-Resource-Policy": "cross-origin",
}
KEPT_SECONDS = 365 * 24 * 3600
AS_NAMED = frozenset({"", "1", "true", "yes"})  # of `?download`: under the file's own name


@csrf_exempt
@shared
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
                return preflight(visit)
        raise MethodNotAllowed(request.method or "")
    except (OperationalError, InterfaceError) as exc:
        return errors.respond(request, exc, credential=visit.key, pin=visit.pin)
    except FilesPrivate as exc:
        return errors.respond(request, exc)  # the same for everybody
    except (DomainError, MethodNotAllowed) as exc:
        # Public files are given without a look at the key; a refusal says whom it is for, in that project's version.
        answer = errors.respond(request, exc, credential=visit.find_key(), pin=visit.pin)
        if isinstance(exc, MethodNotAllowed):
            answer.headers["Allow"] = ", ".join(STORE_METHODS if is_store(visit) else METHODS)
        return answer


# --- Download ---


def get(visit: Visit) -> HttpResponseBase:
    """The bytes at a path, or the part of them that is asked for."""
    target, lasting, base = _readable(visit)
    thumbnails = bool(base) and is_thumbnails(target.file.kind, target.type)
    lasting = lasting and not thumbnails  # whole URLs change with the project's domain
    private = target.file.project.is_private
    headers = ALWAYS | {"Cache-Control": _cache_control(visit, lasting=lasting, private=private)}
    if private:
        headers["Vary"] = "Authorization"
    name = visit.request.GET.get("download")
    if (is_manifest(target.type) or thumbnails) and name is None:  # one that is saved is kept as it was made
        return _manifest(visit, target, headers, base=base)
    if name is not None and name.lower() not in AS_NAMED:
        target = target.named(_download_name(name))
    # The store's own URL must not outlive the signature that led to it.
    seconds = min(PRESIGNED_SECONDS, max(1, visit.claim.seconds_left)) if visit.claim else PRESIGNED_SECONDS
    return respond(visit.request, target, headers=headers, download=name is not None, url_seconds=seconds)


def _manifest(visit: Visit, target: Target, headers: dict[str, str], *, base: str) -> HttpResponseBase:
    """What names members, whose references lead to them from where it was asked for, and are as open as it is.

    Never by a URL of the store, below which its parts cannot be found.
    """
    query = visit.claim.query if visit.claim else ""
    if query:
        headers = headers | {"Cache-Control": "private, no-store"}  # it holds what opens the whole package
    if target.size > LARGEST or not (base or query):
        return respond(visit.request, target, headers=headers, url_seconds=None)
    whole = read_whole(target)
    if is_manifest(target.type):
        body = rewritten(whole, target.type, base=base, query=query)
    else:
        root = f"{target.file.project.delivery_url}/{target.file.public_id}/"
        body = rewritten_thumbnails(whole, base=base, root=root, query=query)
    return respond(visit.request, target, headers=headers, url_seconds=None, body=body)


def _readable(visit: Visit) -> tuple[Target, bool, str]:
    """What is at a path, whether it is that for ever, and where its members are from there, as a relative reference.

    Raises FilesPrivate, NotFound.
    """
    project = visit.find_project()
    if project is None:
        raise NotFound("Nothing is here.")
    if project.is_private:
        reader(visit, project)
    visit.pin = project.api_version
    with suppress(Invalid):  # no file can have such a name
        visit.check_path()
        folder, filename = place_read(filename=visit.path)
        path = f"{folder}/{filename}"
        if file := file_find_by_path(project=project, path=path):
            by_id = parse_id(visit.path, File.prefix) == file.pk
            base = f"{'../' * visit.path.count('/')}{file.public_id}/"
            return Target.of(file), by_id and file.status == File.Status.READY, base
        if member := member_find_by_path(project=project, path=path):
            return Target.of_member(member), True, ""
    raise NotFound("Nothing is here.")


def _cache_control(visit: Visit, *, lasting: bool, private: bool) -> str:
    """How long an answer may be kept: for good at the URL of an id, whose bytes never change; at most as long as the
    signature that led to it. Else it is always asked for anew: a name can come to mean a newer file, a file that is
    not probed yet has no type, and a key can be revoked.
    """
    seconds = KEPT_SECONDS
    if private:
        seconds = min(seconds, visit.claim.seconds_left) if visit.claim else 0
    whose = "private" if private else "public"
    return f"{whose}, max-age={seconds}, immutable" if lasting and seconds else f"{whose}, max-age=0, must-revalidate"


def _download_name(text: str) -> str:
    """What `?download=<name>` saves a file as. Raises Invalid."""
    folder, name = place_read(filename=text, params=("download", "download"))
    if folder or not name:
        raise Invalid("download must be the name of a file, without slashes.", param="download")
    return name


# --- The rest ---


def preflight(visit: Visit) -> HttpResponse:
    """What a browser asks before a page of another site may use these paths; `shared` adds what it may do."""
    return without_body(204, {"Allow": ", ".join(STORE_METHODS if is_store(visit) else METHODS)})
