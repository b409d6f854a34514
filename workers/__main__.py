"""The engine by hand.

python -m workers probe FILE               facts, as JSON
python -m workers preview FILE             what stands in for it until it is loaded, as JSON
python -m workers KIND FILE [name=value …]  for example: image clip.mp4 width=640
python -m workers picture JSON             a picture step of a plan, in this folder
python -m workers step OPERATION JSON      another step of a plan that no ffmpeg makes, in this folder
python -m workers model ABILITY JSON       a question to a model (speech, vision, language), in this folder
"""

import json
import shutil
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from workers.asking import ask
from workers.engine import host
from workers.engine.errors import EngineUnavailable, MediaError
from workers.engine.probe import probe
from workers.engine.runner import Silent
from workers.kinds import UnknownKind, get_kind
from workers.options import option_errors
from workers.preview import preview
from workers.providers.local import local_providers
from workers.run import run


class Terminal:
    """Shows progress on a terminal's error output, and the commands with it."""

    def __init__(self) -> None:
        self.lively = sys.stderr.isatty()

    def progress(self, percent: float) -> None:
        if self.lively:
            sys.stderr.write(f"\r{percent:3.0f} %" + ("\n" if percent >= 100 else ""))

    def should_stop(self) -> bool:
        return False

    def planned(self, plan: dict) -> None:
        for command in plan["commands"]:
            sys.stderr.write(f"$ {command}\n")

    def ran(self, command: str, log: str, values: dict[str, str]) -> None: ...


def main(arguments: list[str]) -> int:
    """The exit status: 0 done, 1 refused or failed, 2 wrong usage."""
    try:
        match arguments:
            case ["probe", path]:
                _show(probe(Path(path)).to_json())
            case ["preview", path]:
                _show(_preview(Path(path)))
            case ["picture", operations] | ["step", "picture", operations]:
                _show(_step("picture", operations))
            case ["step", operation, operations]:
                _show(_step(operation, operations))
            case ["model", ability, request]:
                _show(ask(ability, json.loads(request), Path(), local_providers(), report=Silent(), progress=_unsaid))
            case [name, path, *pairs]:
                _show(_make(name, Path(path), dict(_pair(pair) for pair in pairs)))
            case _:
                sys.stderr.write(__doc__ or "")
                return 2
    except ValidationError as exc:
        return _fail(*(sentence for _, sentence in option_errors(exc)))
    except (MediaError, EngineUnavailable) as exc:
        return _fail(exc.message, exc.log)
    except (UnknownKind, ValueError, OSError) as exc:
        return _fail(str(exc))
    return 0


def _unsaid(part: float) -> None: ...


def _pair(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise ValueError(f"Options are written name=value, not {text!r}.")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value  # plain text


def _make(name: str, path: Path, options: dict[str, Any]) -> dict[str, Any]:
    kind = get_kind(name)
    with tempfile.TemporaryDirectory(prefix="workers-") as folder:
        done = run(kind, options, path, Path(folder), report=Terminal())
        files = []
        for output in done.outputs:
            target = Path.cwd() / _name(output.name, path, options)
            if any("/" in one.name for one in done.outputs):  # a package stays together
                target = Path.cwd() / f"{path.stem}-{name}" / output.name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(output.path, target)
            files.append(str(target.relative_to(Path.cwd())))
    return {"files": files, "result": done.result.model_dump(mode="json"), "warnings": list(done.warnings)}


def _step(operation: str, operations: str) -> Any:
    return host.call(operation, {"cwd": str(Path.cwd()), "operations": json.loads(operations)})


def _preview(path: Path) -> dict[str, Any] | None:
    with tempfile.TemporaryDirectory(prefix="workers-") as folder:
        found = preview(path, probe(path), Path(folder))
    return None if found is None else asdict(found)


def _name(made: str, path: Path, options: dict[str, Any]) -> str:
    """The filename asked for, else one told by the source's: never the source itself."""
    asked = options.get("filename")
    if isinstance(asked, str) and (Path.cwd() / asked).resolve() != path.resolve():
        return asked
    return f"{path.stem}-{made}"


def _show(data: Any) -> None:
    json.dump(data, sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")


def _fail(*lines: str) -> int:
    for line in filter(None, lines):
        sys.stderr.write(line.rstrip() + "\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
