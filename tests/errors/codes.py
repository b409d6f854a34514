"""Which codes the source can answer with, read from the source itself."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDERS = ("ittyhost", "orgs_app", "events_app", "media_app", "tasks_app", "workflows_app", "webhooks_app")
BASE = "DomainError"


def codes() -> dict[str, list[str]]:
    """Every code, and the places that can raise it, as `path:line`."""
    trees = {path: ast.parse(path.read_text()) for path in _sources()}
    families = _families(trees.values())
    found: dict[str, list[str]] = {}
    for path, tree in trees.items():
        for code, line in _in(tree, families):
            found.setdefault(code, []).append(f"{path.relative_to(ROOT)}:{line}")
    return found


def _sources() -> Iterator[Path]:
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if not {"tests", "migrations", "openapi"} & set(path.relative_to(ROOT).parts):  # there are examples
                yield path


def _families(trees: object) -> dict[str, str]:
    """Each class of refusal, and the code it has by default; "" for those that have none of their own."""
    classes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]  # type: ignore
    families = {BASE: ""}
    while True:
        more = {
            node.name: _default_code(node) or next(families[base] for base in _names(node.bases) if base in families)
            for node in classes
            if node.name not in families and families.keys() & set(_names(node.bases))
        }
        if not more:
            return families
        families |= more


def _default_code(node: ast.ClassDef) -> str | None:
    for statement in node.body:
        if isinstance(statement, ast.Assign) and _names(statement.targets) == ["default_code"]:
            return str(ast.literal_eval(statement.value))
    return None


def _names(nodes: list[ast.expr]) -> list[str]:
    return [node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "") for node in nodes]


def _in(tree: ast.Module, families: dict[str, str]) -> Iterator[tuple[str, int]]:
    """The codes of the refusals that a module makes: the one given, else that of the family."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        [name] = _names([node.func])
        if name == "Problem":
            yield from ((text, node.lineno) for text in _texts(node.args[1:2]))
        elif name in families:
            given = [word.value for word in node.keywords if word.arg == "code"]
            if not given and families[name]:
                yield families[name], node.lineno
            # `code=exc.code` hands on what another place raised.
            yield from ((text, node.lineno) for text in _texts(given))


def _texts(nodes: list[ast.expr]) -> list[str]:
    return [str(node.value) for node in nodes if isinstance(node, ast.Constant)]
