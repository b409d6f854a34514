"""docs/errors.md: every error, with what the service really said."""

from typing import Any

from django.db import transaction

from tests.errors import ELSEWHERE, Provocation, provocations
from tests.errors.base import Scene
from tests.pages.plain import Plain

HEAD = """\
# Errors

Written by `make docs`, which provokes each error and writes down what the service answers: do not edit.

A refusal has an HTTP status, a code for programs, and a message for people that names the field at fault and the way
out; where one field is at fault, `param` has its name. Codes stay what they are; messages may get better. The form
depends on the version ([versions.md](versions.md)): in 2025-08-20 the body is `{"message", "kind", "param"}` and the
code is called `kind`; in the others `error` holds `{"message", "code", "param"}`.

Every answer carries `X-Request-Id`, by which operators find the request in the log. `429` and `503` say in
`Retry-After` how many seconds to wait. Whatever is not listed here is no answer of this service, but of what stands in
front of it.
"""


def errors_page() -> str:
    """The whole page."""
    parts = [HEAD]
    status = 0
    for one in provocations():
        if one.status != status:
            status = one.status
            parts.append(f"## {status}\n\n| code | cause | way out | for example |\n| --- | --- | --- | --- |")
        parts.append(_row(one))
    parts.append("\n## Not over HTTP\n\n| code | where |\n| --- | --- |")
    parts += [f"| `{code}` | {where} |" for code, where in ELSEWHERE.items()]
    return "\n".join(parts).replace("|\n## ", "|\n\n## ") + "\n"


def _row(one: Provocation) -> str:
    asked, answer = provoke(one)
    plain = Plain()
    message = plain(said(answer)["message"])
    request = plain(asked)
    example = f"{_code(request)}: {message}" + (f" ({one.by})" if one.by else "")
    return f"| `{one.code}` | {_cell(one.cause)} | {_cell(one.way_out)} | {_cell(example)} |"


def provoke(one: Provocation) -> tuple[str, Any]:
    """The request as people write it, and the answer to it; what it left in the database is undone."""
    with transaction.atomic():
        scene = Scene()
        answer = one.run(scene)
        asked = scene.asked[-1]
        transaction.set_rollback(True)
    return asked, answer


def said(answer: Any) -> dict[str, str]:
    """`message`, `code` and `param` of a refusal, in whichever version it is."""
    body = answer.json()
    error = body.get("error") or body
    return {"message": error["message"], "code": error.get("code", error.get("kind")), "param": error.get("param", "")}


def _code(text: str) -> str:
    return f"`{text}`" if "`" not in text else f"`` {text} ``"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
