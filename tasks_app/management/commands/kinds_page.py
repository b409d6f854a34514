"""`manage.py kinds_page`: writes docs/kinds.md from the kinds themselves; `--check` fails when it is not in step."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from tasks_app.control import all_kinds
from workers.kinds.base import Kind

HEAD = """# Kinds of task

Written by `manage.py kinds_page` from the kinds themselves: do not edit.

Options stand beside `kind`: inside `output` in version 2024-03-21; in 2025-08-20 at the top of the body or in
`options`.
"""


class Command(BaseCommand):
    help = "Write docs/kinds.md from the kinds' own schemas."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="write nothing; fail when the page is not in step")

    def handle(self, *args: Any, **options: Any) -> None:
        path = Path(settings.BASE_DIR) / "docs" / "kinds.md"
        page = kinds_page()
        if options["check"]:
            if not path.exists() or path.read_text() != page:
                raise CommandError("docs/kinds.md is not in step with the kinds: run `manage.py kinds_page`.")
            self.stdout.write("docs/kinds.md is in step.")
            return
        path.parent.mkdir(exist_ok=True)
        path.write_text(page)
        self.stdout.write(f"wrote {path}")


def kinds_page() -> str:
    """The whole page."""
    return "\n".join([HEAD, *(_section(kind) for kind in all_kinds().values())])


def _section(kind: Kind) -> str:
    lines = [f"## {kind.name}", "", kind.summary, ""]
    made = f"Makes a {kind.object}" if kind.object else "Makes no file"
    lines += [f"Made from: {', '.join(sorted(kind.accepts))}. {made}. Queue: `{kind.lane}`.", ""]
    schema = kind.options.model_json_schema()
    definitions = schema.get("$defs", {})
    lines += _table(schema, definitions)
    for name, inner in definitions.items():
        if inner.get("properties"):
            lines += ["", f"`{name}`: {inner.get('description', '')}", "", *_table(inner, definitions)]
    if kind.examples:
        lines += ["", "Examples:", ""]
        lines += [f"* `{json.dumps({'kind': kind.name, **example})}`" for example in kind.examples]
    return "\n".join([*lines, ""])


def _table(schema: dict[str, Any], definitions: dict[str, Any]) -> list[str]:
    lines = ["| option | values | default | meaning |", "| --- | --- | --- | --- |"]
    for name, field in schema.get("properties", {}).items():
        default = json.dumps(field["default"]) if field.get("default") is not None else "–"
        lines.append(
            f"| `{name}` | {_values(field, definitions)} | {default} | {_cell(field.get('description', ''))} |"
        )
    return lines


def _values(field: dict[str, Any], definitions: dict[str, Any]) -> str:
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        return f"`{name}`" if definitions[name].get("properties") else _values(definitions[name], definitions)
    for several in ("anyOf", "oneOf"):
        if several in field:
            return " or ".join(_values(part, definitions) for part in field[several] if part.get("type") != "null")
    if field.get("type") == "array" and field.get("items"):
        return f"list of {_values(field['items'], definitions)}"
    if "allOf" in field:
        return _values(field["allOf"][0], definitions)
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    text = {"integer": "whole number", "boolean": "true or false", None: "anything"}.get(
        field.get("type"), str(field.get("type"))
    )
    low, high = (field.get(f"{end}imum", field.get(f"exclusive{end.title()}imum")) for end in ("min", "max"))
    if low is not None and high is not None:
        text += f" from {low:g} to {high:g}" if "exclusiveMinimum" not in field else f" above {low:g}, to {high:g}"
    elif low is not None:
        text += f" {'above' if 'exclusiveMinimum' in field else 'from'} {low:g}"
    if "pattern" in field:
        text += f", `{_cell(field['pattern'])}`"
    return text


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
