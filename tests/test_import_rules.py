"""Rules on imports that import-linter cannot see: parts of Django, and imports inside functions."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
APPS = sorted(path.parent.name for path in ROOT.glob("*_app/apps.py"))
INNER = ("models", "selectors", "services")


def imports(path: Path) -> set[str]:
    """The full names of everything a file imports, wherever in the file."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{name.name}" for name in node.names}
    return found


def files(app: str, part: str) -> list[Path]:
    """A module, or every file of a package that took its place."""
    return [*(ROOT / app).glob(f"{part}.py"), *(ROOT / app / part).rglob("*.py")]


@pytest.mark.parametrize("app", APPS)
@pytest.mark.parametrize("part", INNER)
def test_what_is_inside_knows_no_http(app, part):
    forbidden = ("django.http", "django.views", "django.urls", "django.test", "rest_framework", "drf_spectacular")
    for path in files(app, part):
        wrong = {name for name in imports(path) if name.startswith(forbidden)}
        assert not wrong, f"{path.relative_to(ROOT)} imports {', '.join(sorted(wrong))}: HTTP ends in views."


@pytest.mark.parametrize("app", APPS)
def test_what_is_shipped_imports_no_tests(app):
    for path in (ROOT / app).rglob("*.py"):
        if "tests" in path.parts:
            continue
        wrong = {name for name in imports(path) if "tests" in name.split(".")}
        assert not wrong, f"{path.relative_to(ROOT)} imports {', '.join(sorted(wrong))}."


@pytest.mark.parametrize("folder", [*APPS, "ittyhost", "workers"])
def test_only_the_runner_and_the_launcher_start_processes(folder):
    for path in (ROOT / folder).rglob("*.py"):
        place = path.relative_to(ROOT).as_posix()
        if "tests" in path.parts or place.startswith(("workers/engine/", "ittyhost/launcher/")):
            continue
        assert not {"subprocess", "multiprocessing"} & imports(path), f"{place} starts processes of its own."
