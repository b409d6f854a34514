"""Files as operators see them: pictures, players, names. The bytes come through admin, for private projects too."""

from django.urls import reverse
from django.utils.html import format_html

from ittyhost.admin import html
from media_app.models import File, Media

SMALL = 2 * 1024 * 1024  # bytes of a picture that may stand small in a table
# What may be shown in admin's own origin, and can be; anything else, SVG with its scripts first of all, is downloaded.
SHOWN = frozenset({
    "image/jpeg", "image/png", "image/webp", "image/gif", "image/avif", "image/bmp", "image/x-icon",
    "video/mp4", "video/webm", "video/quicktime", "video/ogg", "video/x-matroska", "video/x-m4v", "video/mpeg",
    "audio/mpeg", "audio/mp4", "audio/aac", "audio/ogg", "audio/opus", "audio/wav", "audio/x-wav", "audio/webm",
    "audio/flac", "audio/x-flac", "audio/x-m4a",
})  # fmt: skip


def content_url(file: File) -> str:
    """Where admin serves a file's entry object from."""
    return reverse("admin:media_app_file_content", args=[file.pk])


def is_shown(file: File) -> bool:
    """Whether a browser may show it here, and can."""
    return file.status == File.Status.READY and is_shown_type(file.type)


def is_shown_type(type: str) -> bool:
    return type.partition(";")[0].strip().lower() in SHOWN


def has_bytes(file: File) -> bool:
    """Whether there is anything to look at; a file that could not be read may still be there to be examined."""
    return bool(file.key)


def preview(file: File | None, *, small: bool = False) -> str:
    """A file to look at or listen to; only its state when it has no bytes, its name when no browser shows its type."""
    if file is None:
        return html.NOTHING
    if not has_bytes(file):
        return status_badge(file)
    url = content_url(file)
    family = file.type.partition("/")[0] if is_shown(file) else ""
    if family == "image" and (not small or file.filesize <= SMALL):
        return format_html(
            '<a href="{}"><img class="itty-preview{}" src="{}" alt="{}" loading="lazy"></a>',
            url,
            " itty-small" if small else "",
            url,
            display_name(file),
        )
    if small or not family:
        return format_html('<a href="{}">{}</a>', url, "open" if family else "download")
    if family == "video":
        return format_html('<video class="itty-preview" src="{}" controls preload="metadata"></video>', url)
    return format_html('<audio class="itty-preview" src="{}" controls preload="none"></audio>', url)


def display_name(file: File) -> str:
    """Folder and name as they were given; empty when neither was."""
    return f"{file.folder}/{file.filename}" if file.folder else file.filename


def status_badge(file: File) -> str:
    tone = {"ready": "good", "failed": "bad", "processing": "busy"}.get(file.status, "plain")
    return html.badge(file.status, tone)


def shape(file: File | Media) -> str:
    """Size of the picture and length: 1920 × 1080, 12.5 s."""
    parts = []
    if file.width and file.height:
        parts.append(f"{file.width} × {file.height}")
    if file.duration is not None:
        parts.append(f"{file.duration:.1f} s")
    return ", ".join(parts) or html.NOTHING
