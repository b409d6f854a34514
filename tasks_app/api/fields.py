"""How the body of `POST /tasks` is read: the same two questions in every version, of what and what to make."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pydantic import ValidationError

from ittyhost.api.kinds import ALIASES
from ittyhost.api.messages import refused_options
from ittyhost.errors import DomainError, Invalid, NotFound
from ittyhost.outbound import check_url
from ittyhost.records import parse_id
from media_app.models import File
from media_app.selectors import file_find_by_url, file_get, media_get, media_original
from media_app.services import place_clean, ref_clean, reference_check, reference_type_check
from orgs_app.models import Project
from tasks_app.control import INGEST, all_kinds, get_kind
from workers.kinds import UnknownKind
from workers.kinds.base import Kind, Options

# The documented kinds, those included that this service does not make (yet): a list of tasks of them is empty, not
# refused, and an automation may hold them.
DOCUMENTED_KINDS = (
    *("image", "video", "audio", "adaptive_video", "animation", "ingest"),
    *("subtitles", "chapters", "thumbnails"),
    *("speech", "nsfw", "description", "outline", "prompt", "tags", "objects", "faces", "text"),
    *("workflow", "conditions", "http", "store"),
)


def made_aliases() -> dict[str, str]:
    """The other names of the kinds that are made here."""
    return {alias: kind for alias, kind in ALIASES.items() if kind in all_kinds()}


def read_source(text: object, *, project: Project, param: str) -> File | str:
    """The file that an id of a file or of a media names within the project, or the URL that is to be fetched.

    Raises Invalid when the text is neither, or names a media without an original; NotFound when nothing has that id.
    """
    if text is None or text == "":
        raise Invalid(f"{param} is required: the id of a media or file, or a URL.", param=param)
    if not isinstance(text, str):
        raise Invalid(f"{param} must be a string: the id of a media or file, or a URL.", param=param)
    if text.lower().startswith(("http://", "https://")):
        check_url(text, param=param)
        return text
    if file_id := parse_id(text, "file"):
        return _found(lambda: file_get(project=project, file_id=file_id), param)
    if media_id := parse_id(text, "med"):
        original = media_original(_found(lambda: media_get(project=project, media_id=media_id), param))
        if original is None:
            raise Invalid(f"{param} names a media that has no file yet: upload one to it first.", param=param)
        return original
    raise Invalid(f"{param} must be the id of a media (med_…) or file (file_…), or an http(s) URL.", param=param)


def check_input(kind: Kind, source: File | str, *, param: str) -> None:
    """Raise Invalid, naming `param`, when the kind takes URLs only and this is a file."""
    if kind.name == INGEST.name and not isinstance(source, str):
        raise Invalid(f"{param} names what is in the project already; ingest takes the URL of a file.", param=param)


def _found(look_up: Any, param: str) -> Any:
    try:
        return look_up()
    except NotFound as exc:
        raise NotFound(f"{param} names nothing in this project.", param=param, code=exc.code) from None


def read_kind(name: object, *, param: str) -> Kind:
    """The kind of that name. Raises Invalid naming those there are."""
    known = ", ".join(sorted(all_kinds()))
    if name is None or name == "":
        raise Invalid(f"{param} is required: one of {known}.", param=param)
    try:
        if not isinstance(name, str):
            raise UnknownKind(str(name))
        return get_kind(ALIASES.get(name, name))
    except UnknownKind:
        raise Invalid(f"{param} must be one of {known}.", param=param) from None


def read_options(
    kind: Kind, given: dict[str, Any], *, project: Project | None = None, prefix: tuple[str, ...] = ()
) -> Options:
    """The kind's options, checked by its own schema, and the place of the output. Raises Invalid naming the option.

    With a project other files that the options name must be there: raises NotFound, or Conflict while they are not
    ready; without one, only what can be told without asking is looked at.
    """
    try:
        options = kind.options.model_validate(given)
    except ValidationError as exc:
        raise refused_options(exc, prefix=prefix) from None
    names = tuple(".".join((*prefix, name)) for name in ("folder", "filename", "ref"))
    place_clean(folder=options.folder or "", filename=options.filename or "", params=(names[0], names[1]))
    ref_clean(options.ref or "", param=names[2])
    for name, ref in options.file_refs():
        _check_file(ref, project, param=".".join((*prefix, name)), takes=options.takes(name))
    return options


def _check_file(ref: str, project: Project | None, *, param: str, takes: str) -> None:
    if project is not None:
        found = read_source(ref, project=project, param=param)
        if isinstance(found, File):
            reference_check(found, param=param, takes=takes)
        elif (ours := file_find_by_url(project=project, url=found)) is not None:
            reference_type_check(ours, param=param, takes=takes)
    elif "://" in ref:
        check_url(ref, param=param)


def read_url(text: object, *, param: str) -> str:
    """An http(s) URL, or an empty string when none is given. Raises Invalid."""
    if text is None or text == "":
        return ""
    if not isinstance(text, str) or len(text) > 2048 or not text.lower().startswith(("http://", "https://")):
        raise Invalid(f"{param} must be an http(s) URL of at most 2048 characters.", param=param)
    return text


def read_object(value: object, *, param: str) -> dict[str, Any]:
    """A JSON object. Raises Invalid."""
    if not isinstance(value, dict):
        raise Invalid(f"{param} must be an object.", param=param)
    return value


@contextmanager
def options_within(body: object) -> Iterator[None]:
    """Name an option that a service refuses as the body has it: within `output`, where that is its form."""
    try:
        yield
    except DomainError as exc:
        name = (exc.param or "").partition(".")[0]
        nested = body.get("output") if isinstance(body, dict) else None
        if isinstance(nested, dict) and name in nested and name != "input":  # that one is the task's own
            exc.param = f"output.{exc.param}"
        raise


def read_flat(body: dict[str, Any], *, project: Project, source_names: tuple[str, ...]) -> dict[str, Any]:
    """`task_create`'s arguments from the flat form: one of `url` and `file_id` (or another name for an id), `kind`, and
    the options beside it or in `options`, where the nested ones win; before both come those of older SDKs, in the
    `options` of an object `input`."""
    rest = dict(body)
    given = {name: rest.pop(name) for name in source_names if rest.get(name) is not None}
    if len(given) != 1:
        raise Invalid(f"Give exactly one of {' and '.join(source_names)}.", param=source_names[0])
    [(param, text)] = given.items()
    is_url = isinstance(text, str) and text.lower().startswith(("http://", "https://"))
    if param == "url" and not is_url:
        raise Invalid("url must be an http(s) URL; give an id as file_id.", param="url")
    if param == "file_id" and is_url:
        raise Invalid("file_id must be an id; give a URL as url.", param="file_id")
    source = read_source(text, project=project, param=param)
    named = rest.pop("kind", None)
    kind = read_kind(named, param="kind")
    check_input(kind, source, param=param)
    webhook_url = read_url(rest.pop("webhook_url", None), param="webhook_url")
    for name in source_names:
        rest.pop(name, None)
    nested = rest.pop("options", None)
    definition = rest if nested is None else {**rest, **read_object(nested, param="options")}
    return {
        "source": source,
        "input": text,
        "kind": kind,
        "options": read_options(kind, {**_older(definition), **definition}, project=project),
        "definition": as_given(named, kind, definition),
        "webhook_url": webhook_url,
    }


def as_given(named: object, kind: Kind, definition: dict[str, Any]) -> dict[str, Any]:
    """What was asked for, to be echoed: with the kind where another name of it was given."""
    return definition if named == kind.name else {"kind": named, **definition}


def _older(definition: dict[str, Any]) -> dict[str, Any]:
    """The options in `{"input": {"options": {…}}}`; none where `input` is anything else, which is only echoed."""
    given = definition.get("input")
    options = given.get("options") if isinstance(given, dict) else None
    return options if isinstance(options, dict) else {}
