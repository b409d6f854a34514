"""Upload sessions: a right to make one file, given away as a URL that holds a secret key."""

import re
import secrets
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from ittyhost.errors import Conflict, Forbidden, RateLimited
from ittyhost.leases import in_seconds
from media_app.models import File, Media, UploadSession
from media_app.services.files import Kept, file_keep, file_publish, lacks_original, media_create
from media_app.services.indexing import media_index
from media_app.services.locks import media_lock
from media_app.services.names import place_clean, ref_clean
from media_app.storage import Reader
from orgs_app.keyring import ring
from orgs_app.models import ApiKey
from orgs_app.services import storage_check

MAX_UNUSED = 10_000  # sessions of one project
KEY_FORM = re.compile(r"[0-9A-Za-z_-]{43}")
DEFAULT_NAME = "original"  # below the media's id or alias, as in 2024


def session_create(
    *,
    api_key: ApiKey,
    resumable: bool = False,
    media: Media | None = None,
    alias: str = "",
    folder: str = "",
    filename: str = "",
    ref: str = "",
    **about: Any,
) -> tuple[UploadSession, str]:
    """A session and its key, which nothing shows again.

    `about` are further fields of UploadSession. Raises Invalid, Conflict (the alias, or a media that was deleted
    meanwhile), LimitReached, RateLimited.
    """
    project = api_key.project
    folder, filename = place_clean(folder=folder, filename=filename)
    storage_check(project=project)
    if UploadSession.objects.filter(project=project, file=None).count() >= MAX_UNUSED:
        raise RateLimited(
            f"{MAX_UNUSED} upload sessions of this project wait to be used, which is the most there may be.",
            retry_after=60,
            code="too_many_sessions",
        )
    if alias and File.objects.filter(project=project, folder=alias, filename=DEFAULT_NAME, holds_path=True).exists():
        raise _taken(alias)
    key = secrets.token_urlsafe(32)
    try:
        with transaction.atomic():
            if media is not None and not media_lock(media.pk):
                raise Conflict("The media was deleted meanwhile.", param="media_id")
            session = UploadSession.objects.create(
                project=project,
                media=media,
                api_key=api_key,
                digest=ring().digest(_said(key)),
                resumable=resumable,
                alias=alias,
                folder=folder,
                filename=filename,
                ref=ref_clean(ref),
                expires_at=in_seconds(settings.UPLOAD_SECONDS),
                **about,
            )
    except IntegrityError:
        raise _taken(alias) from None
    return session, key


def _taken(alias: str) -> Conflict:
    return Conflict(f"alias {alias!r} is taken in this project. Choose another.", param="alias", code="alias_taken")


def session_find(*, project_id: str, key: str, resumable: bool) -> UploadSession:
    """The session of a key that may be used at a project's address. Raises Forbidden, whatever is wrong with it."""
    if KEY_FORM.fullmatch(key):
        sessions = UploadSession.objects.select_related("project", "media", "file", "api_key__project__organisation")
        found = sessions.filter(
            digest__in=ring().digests(_said(key)), resumable=resumable, expires_at__gt=Now()
        ).first()
        is_used = found is not None and not resumable and found.file_id is not None
        if found and not is_used and found.api_key.is_active and found.project.public_id == project_id:
            return found
    raise refusal()


def refusal() -> Forbidden:
    """One message for every key that does not work."""
    return Forbidden(
        "This upload session is unknown, expired or used. Create another by POST /uploads.", code="session_invalid"
    )


def session_receive(*, session: UploadSession, stream: Reader, length: int, whole: bool) -> File:
    """The file of a session whose bytes come in one request; `whole` when its body is the file and nothing else.

    Raises what file_keep does, and Forbidden when another request used the session meanwhile.
    """
    return file_keep(
        project=session.project,
        stream=stream,
        length=length,
        whole=whole,
        publish=lambda kept: session_publish(session=session, kept=kept),
    )


def session_publish(*, session: UploadSession, kept: Kept) -> File:
    """The file of a session, which is used up by it; within the caller's transaction. Raises Forbidden, Conflict."""
    media = session.media or media_create(project=session.project, title=session.title, alt=session.alt)
    folder, filename = session.folder, session.filename
    if not filename and lacks_original(media):
        folder, filename = folder or session.alias or media.public_id, DEFAULT_NAME
    _describe(media, session)
    file = file_publish(
        project=session.project,
        kept=kept,
        media=media,
        folder=folder,
        filename=filename,
        label=session.label,
        ref=session.ref,
        metadata=session.metadata,
        conditions=session.conditions,
        created_by=session.api_key.public_id,
    )
    if not UploadSession.objects.filter(pk=session.pk, file=None).update(file=file):
        raise refusal()
    session.file = file
    return file


def _describe(media: Media, session: UploadSession) -> None:
    """A title and description given for the upload are the media's, where it has none."""
    given = {name: getattr(session, name) for name in ("title", "alt") if getattr(session, name)}
    missing = {name: value for name, value in given.items() if not getattr(media, name)}
    if missing:
        Media.objects.filter(pk=media.pk).update(**missing)
        media_index(media=media)


def _said(key: str) -> str:
    """Told apart from the secrets of API keys, whose digests are made with the same ring."""
    return f"upload session {key}"
