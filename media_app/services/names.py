"""What a file may be called, and where it may lie: every name that comes from outside passes through here."""

import unicodedata

from ittyhost.errors import Invalid
from ittyhost.records import parse_id
from media_app.models import File
from media_app.services.characters import problem_of

MAX_SEGMENT_BYTES = 255
MAX_FOLDER = 1000
MAX_FOLDER_BYTES = 2000  # with a file name it must fit into a row of an index: 2,704 bytes on PostgreSQL
MAX_DEPTH = 32


def place_clean(
    *, folder: str = "", filename: str = "", params: tuple[str, str] = ("folder", "filename")
) -> tuple[str, str]:
    """Where a new file is to lie: folder (no slash at either end) and file name in NFC.

    A name with slashes gives its folders to the folder. Raises Invalid naming the one of `params` at fault; so too for
    a part with the form of a file's id, as the paths of ids lead to the files that have them, and to their members.
    """
    place = place_read(folder=folder, filename=filename, params=params)
    for part in [*place[0].split("/"), place[1]]:
        if parse_id(part, File.prefix):
            param = params[0] if part in folder.split("/") else params[1]
            raise Invalid(
                f"{param} must not hold {part!r}: names of this form are the ids of files. Choose another name.",
                param=param,
            )
    return place


def place_read(
    *, folder: str = "", filename: str = "", params: tuple[str, str] = ("folder", "filename")
) -> tuple[str, str]:
    """The same for a path that is asked for, which may be one of ids."""
    folder_param, filename_param = params
    above, slash, name = _text(filename, filename_param).removeprefix("/").rpartition("/")
    if slash and not name:
        raise Invalid(f"{filename_param} must not end in a slash.", param=filename_param)
    segments = _segments(_text(folder, folder_param).strip("/"), folder_param) + _segments(above, filename_param)
    whole = "/".join(segments)
    if len(whole) > MAX_FOLDER or len(segments) > MAX_DEPTH:
        raise Invalid(
            f"{folder_param} must have at most {MAX_FOLDER} characters and {MAX_DEPTH} levels.", param=folder_param
        )
    if len(whole.encode()) > MAX_FOLDER_BYTES:
        raise Invalid(f"{folder_param} must have at most {MAX_FOLDER_BYTES} bytes in UTF-8.", param=folder_param)
    if name:
        _check(name, filename_param)
    return whole, name


def _segments(path: str, param: str) -> list[str]:
    segments = path.split("/") if path else []
    for segment in segments:
        _check(segment, param)
    return segments


def ref_clean(ref: str, *, param: str = "ref") -> str:
    """A name of the client's own for a file, in NFC: a key among the `urls` of its media. Raises Invalid."""
    return _spaceless(_text(ref, param), param)


def _text(text: str, param: str) -> str:
    """NFC: two spellings of one accented letter are one name."""
    if problem := problem_of(text):
        raise Invalid(f"{param} must not hold {problem}.", param=param)
    return unicodedata.normalize("NFC", text)


def _check(segment: str, param: str) -> None:
    if segment in (".", ".."):
        raise Invalid(f"{param} must not hold the parts '.' and '..'.", param=param)
    if not segment.strip():
        raise Invalid(f"{param} must not hold an empty part.", param=param)
    if "\\" in segment:
        raise Invalid(f"{param} must not hold a backslash. Separate folders by slashes.", param=param)
    if len(_spaceless(segment, param).encode()) > MAX_SEGMENT_BYTES:
        raise Invalid(f"{param} must have at most {MAX_SEGMENT_BYTES} bytes between two slashes.", param=param)


def _spaceless(name: str, param: str) -> str:
    """Spaces around a name are not seen, and lost wherever it is copied by hand."""
    if name != name.strip():
        raise Invalid(f"{param} must not begin or end with a space, nor any of its parts.", param=param)
    return name
