"""Every error of the API, provoked for real: what docs/errors.md is written from.

A code that the source can raise needs a provocation: a function in one of the modules beside this file, with
`@provokes(code, …)`. Those that no request can meet stand in `ELSEWHERE`.
"""

from collections.abc import Mapping
from importlib import import_module

from tests.errors.base import PROVOCATIONS, Provocation

MODULES = ("requests", "objects", "limits", "parts", "uploads")

# Codes that only commands of the operator, or the admin, can meet, and where.
ELSEWHERE: Mapping[str, str] = {
    "project_not_found": "`manage.py create_api_key` names a project that does not exist.",
    "organisation_not_found": "`manage.py create_project` names an organisation that does not exist.",
}


def provocations() -> list[Provocation]:
    """All of them, by status and code."""
    for module in MODULES:
        import_module(f"{__name__}.{module}")
    return sorted(PROVOCATIONS, key=lambda one: (one.status, one.code))
