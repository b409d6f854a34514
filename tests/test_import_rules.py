"""Import rules that import-linter cannot see: of a foreign package it knows the top alone, not `django.http`."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
APPS = ("orgs_app", "events_app", "media_app", "tasks_app", "workflows_app")
INNER = ("models", "services", "selectors")
HTTP = ("django.http", "django.shortcuts", "django.urls", "django.views", "django.template", "rest_framework")


def inner_modules() -> list[Path]:
    found: list[Path] = []
    for app in APPS:
        for name in INNER:
            found += [path for path in [ROOT / app / f"{name}.py"] if path.exists()]
            found += (ROOT / app / name).rglob("*.py")
    return found


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", inner_modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_services_selectors_and_models_know_no_http(path: Path) -> None:
    wrong = [name for name in imports(path) if any(name == top or name.startswith(f"{top}.") for top in HTTP)]
    assert wrong == []


def test_there_are_modules_to_look_at() -> None:
    assert len(inner_modules()) >= len(APPS) * 2
