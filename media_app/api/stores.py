"""Where upload sessions take their file: `/store/single` and `/store/resumable` below a project's delivery address.

No API key is needed: the key in the address is a right to make one file.
"""

import structlog
from django.http import HttpRequest, HttpResponse
from rest_framework.exceptions import MethodNotAllowed

from ittyhost.errors import Invalid, NotFound
from media_app.api.forms import FormFile, is_form
from media_app.api.uploads import body_length, given_up, piece_taken, show_file, show_progress, wished_version
from media_app.api.visits import Visit
from media_app.delivery import transfers
from media_app.models import File
from media_app.services import Place, session_find, session_receive, upload_complete
from media_app.storage import Reader

SINGLE, RESUMABLE = "store/single", "store/resumable"


def is_store(visit: Visit) -> bool:
    """Whether a request is for a session. Without a key these are paths as any."""
    return visit.path in (SINGLE, RESUMABLE) and "key" in visit.request.GET


def store(visit: Visit) -> HttpResponse:
    """Take a session's file, or a piece of it. Raises Forbidden for a key that does not work."""
    request, resumable = visit.request, visit.path == RESUMABLE
    session = session_find(project_id=visit.project_id, key=request.GET["key"], resumable=resumable)
    key = visit.key = session.api_key
    visit.pin = session.project.api_version
    structlog.contextvars.bind_contextvars(project=session.project.public_id, upload_session=session.public_id)
    version = wished_version(request, key)
    place = Place(session.project, session.folder, session.filename, key.public_id, session)
    match request.method:
        case "POST" if not resumable:
            file = _received(request, place)
        case "POST":
            if request.META.get("CONTENT_LENGTH") not in (None, "", "0"):
                raise Invalid("POST completes this upload and takes no body. Send the bytes by PUT.", param="body")
            file = session.file or upload_complete(place=place)
        case "PUT" if resumable:
            if not request.META.get("HTTP_CONTENT_RANGE"):
                raise Invalid(
                    "Content-Range must tell which bytes these are: bytes <first>-<last>/<total>.",
                    param="Content-Range",
                )
            progress = piece_taken(request, place)
            return show_progress(request, key, version, progress, patience=session.patience)
        case "DELETE" if resumable and session.file_id is None:
            return given_up(request, key, version, place)
        case "DELETE" if resumable:
            raise NotFound("No upload is in progress here.", code="upload_not_found")
        case _:
            raise MethodNotAllowed(request.method or "")
    return show_file(request, key, version, file, patience=session.patience)


def _received(request: HttpRequest, place: Place) -> File:
    length, form = body_length(request), is_form(request)
    stream: Reader = request.META["wsgi.input"]
    assert place.session is not None
    transfers.begin()
    try:
        if form:
            stream = FormFile(stream, request.META.get("CONTENT_TYPE", ""), length)
        return session_receive(session=place.session, stream=stream, length=length, whole=not form)
    finally:
        transfers.end()
