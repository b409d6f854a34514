"""Every endpoint of the API, found in the URL configuration: what holds for all is tested on all."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from django.urls import URLPattern, URLResolver, get_resolver

from ittyhost.api.views import ProjectView


@dataclass(frozen=True)
class Endpoint:
    """One method of one path. `path` has an id that no object has wherever it wants one."""

    method: str
    path: str
    view: type[ProjectView]

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.path}"


def endpoints() -> list[Endpoint]:
    """All of them, in the order of the URLs."""
    found = []
    for path, view in _views(get_resolver().url_patterns):
        methods = sorted({"get", "post", "put", "patch", "delete"} & set(dir(view)))
        found += [Endpoint(method, path, view) for method in methods]
    return found


def _views(patterns: list[URLPattern | URLResolver], before: str = "/") -> Iterator[tuple[str, type[ProjectView]]]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from _views(pattern.url_patterns, before + str(pattern.pattern))
            continue
        view = getattr(pattern.callback, "view_class", getattr(pattern.callback, "cls", None))
        if isinstance(view, type) and issubclass(view, ProjectView):
            yield before + _filled(str(pattern.pattern)), view


def _filled(pattern: str) -> str:
    """The pattern with `x` for every part that varies."""
    pattern = re.sub(r"\(\?P<[a-z_]+>[^)]*\)|<[a-z_:]+>", "x", pattern)
    return re.sub(r"^\^|/?\\[zZ]$|/\?\\[zZ]$|/?\$$|/\?\$$", "", pattern).replace("/?", "").replace("\\", "")
