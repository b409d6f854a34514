"""What an answer says of itself: whether it is a file, how it is called, whether it goes on where one broke off."""

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from urllib.parse import unquote

from ittyhost.outbound.failures import FetchFailed

OPENING = 512  # bytes of a file that are looked at before it is taken for one
SETTLED_SECONDS = (
    60  # so long before the answer a file must have changed last, for the time of that to name its content
)

PAGE_TYPES = frozenset({"text/html", "application/xhtml+xml"})
_PAGE = re.compile(rb"<(!doctype\s+html|html|head|body)[\s>]", re.IGNORECASE)
_XML_CODE = re.compile(rb"<Code>([A-Za-z0-9_.-]{1,60})</Code>")
_RANGE = re.compile(r"bytes[ =]+(?P<start>[0-9]{1,18})-[0-9]{1,18}/(?P<total>[0-9]{1,18}|\*)")
# No coding at all; the last one is how S3's uploads are signed, and stores repeat it of what they keep decoded.
_PLAIN_CODINGS = frozenset({"", "identity", "aws-chunked"})


def check_status(status: int, host: str) -> None:
    """Raises FetchFailed, in words, for all but 200 and 206."""
    if status in (200, 206):
        return
    if status in (401, 402, 403, 407, 451):
        raise FetchFailed(f"{host} refused access to the URL (HTTP {status}). Give a public or signed URL.")
    if status in (204, 205, 404, 410):
        raise FetchFailed(f"{host} has nothing at the URL (HTTP {status}).")
    if status in (408, 412, 416, 425, 429) or status >= 500:
        raise FetchFailed(f"{host} could not deliver the file now (HTTP {status}).", transient=True)
    raise FetchFailed(f"{host} answered HTTP {status} instead of the file.")


def media_type(headers: Mapping[str, str]) -> str:
    return headers.get("Content-Type", "").partition(";")[0].strip().lower()


def check_whole(status: int, headers: Mapping[str, str], host: str) -> None:
    """Raises FetchFailed when this is not a whole file as it is."""
    if status != 200:
        raise FetchFailed(f"{host} answered with a part of the file although all of it was asked for.")
    if media_type(headers) in PAGE_TYPES:
        raise _page()
    if not _is_plain(headers):
        coding = headers.get("Content-Encoding", "").strip().lower()
        raise FetchFailed(f"{host} sends the file compressed ({coding}) although it was asked not to.")


def _is_plain(headers: Mapping[str, str]) -> bool:
    codings = headers.get("Content-Encoding", "").lower().split(",")
    return all(coding.strip() in _PLAIN_CODINGS for coding in codings)


def _page() -> FetchFailed:
    return FetchFailed("The URL leads to a web page, not to a media file. Give the address of the file itself.")


def is_undecided(opening: bytes) -> bool:
    """Whether more of a file's first bytes may still show that it is no media."""
    return len(opening) < OPENING and _text(opening)[:1] in (b"", b"<")


def check_opening(opening: bytes, host: str) -> None:
    """Raises FetchFailed when a file of these first bytes is empty or a document, whatever its type says."""
    if not opening:
        raise FetchFailed(f"{host} sent an empty file: there is nothing at the URL.")
    text = _text(opening)
    if not text.startswith(b"<"):
        return
    if _PAGE.search(text + b" "):
        raise _page()
    if text.startswith((b"<?xml", b"<Error")):
        code = _XML_CODE.search(text)
        told = f" It says {code[1].decode()}." if code else ""
        raise FetchFailed(f"The URL leads to an XML document, not to a media file.{told} Give the address of the file.")


def _text(opening: bytes) -> bytes:
    return opening.removeprefix(b"\xef\xbb\xbf").lstrip()


def validator(headers: Mapping[str, str]) -> str:
    """What names exactly this content of the file, for If-Range: a strong tag, or the time of a change that is long
    past; empty when the server gives neither."""
    tag = headers.get("ETag", "").strip()
    if tag:
        return "" if tag.startswith("W/") else tag
    changed = headers.get("Last-Modified", "").strip()
    try:
        age = parsedate_to_datetime(headers.get("Date", "")) - parsedate_to_datetime(changed)
    except (ValueError, TypeError):
        return ""
    return changed if age.total_seconds() >= SETTLED_SECONDS else ""


def goes_on(status: int, headers: Mapping[str, str], *, at: int, length: int | None, known: str) -> bool:
    """Whether an answer is the rest, from byte `at`, of the file of this length and validator.

    Not all servers heed If-Range, so what they answer is held against what is known.
    """
    told = _RANGE.fullmatch(headers.get("Content-Range", "").strip())
    if status != 206 or told is None or int(told["start"]) != at or not _is_plain(headers):
        return False
    if length is not None and told["total"] not in ("*", str(length)):
        return False
    if known.startswith('"'):
        return headers.get("ETag", "").strip() == known
    # After If-Range with a time a server need not repeat it.
    return headers.get("Last-Modified", known).strip() == known


def total(headers: Mapping[str, str]) -> int | None:
    """The length of the whole file, as an answer with a part of it tells; None where it does not."""
    told = _RANGE.fullmatch(headers.get("Content-Range", "").strip())
    return int(told["total"]) if told and told["total"] != "*" else None


def file_name(disposition: str, path: str) -> str:
    """What the server calls the file, else the last part of the path; empty when neither says."""
    encoded = re.search(r"filename\*\s*=\s*UTF-8''([^;]+)", disposition, re.IGNORECASE)
    plain = re.search(r'filename\s*=\s*(?:"((?:\\.|[^"\\])*)"|([^;\s]+))', disposition, re.IGNORECASE)
    if encoded:
        name = unquote(encoded.group(1))
    elif plain:
        name = plain.group(1) or plain.group(2) or ""
    else:
        name = unquote(path)
    return name.replace("\\", "/").rpartition("/")[2].strip()
