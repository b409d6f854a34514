"""Paths of the API: `/tasks` and `/tasks/` are one, without a redirect, which would lose the body of a POST."""

import re
from typing import Any

from django.urls import URLPattern, re_path
from rest_framework.views import APIView

_NAMED = re.compile(r"<([a-z_]+)>")


def route(path: str, view: type[APIView], *, name: str) -> URLPattern:
    """`route("tasks/<task_id>", TaskView, name="task")`. What stands in `<…>` is any text without a slash."""
    pieces = _NAMED.split(path)
    # A hyphen means itself outside brackets; escaped, it would stay so in the OpenAPI documents.
    plain = (re.escape(piece).replace(r"\-", "-") for piece in pieces)
    pattern = "".join(f"(?P<{piece}>[^/]+)" if index % 2 else piece for index, piece in enumerate(plain))
    options: dict[str, Any] = {"name": name}
    return re_path(rf"^{pattern}/?\Z", view.as_view(), **options)
