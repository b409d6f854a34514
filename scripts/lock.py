"""Write requirements.lock: the exact version of everything that requirements-dev.txt pulls in, as installed in .venv.

    .venv/bin/python scripts/lock.py [--check]

With --check nothing is written; the exit status tells whether the file is what it should be.
"""

import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
HEAD = """\
# Everything the pins in requirements.txt, requirements-intelligence.txt and requirements-dev.txt pull in, used as
# constraints by `make`. Made by `make lock`; do not edit.
"""
# Wanted by some Pythons or systems alone: the file says so wherever it is made.
ELSEWHERE = {
    "async-timeout": ("5.0.1", 'python_full_version < "3.11.3"'),  # redis, on Debian 12's Python 3.11.2
}


def direct(path: Path) -> list[Requirement]:
    """The requirements of a file, those of files it names included."""
    found = []
    for line in path.read_text().splitlines():
        line = line.partition("#")[0].strip()
        if line.startswith("-r"):
            found += direct(path.parent / line[2:].strip())
        elif line:
            found.append(Requirement(line.partition(" --hash=")[0]))
    return found


def closure(wanted: list[Requirement]) -> dict[str, str]:
    """Name → installed version of the requirements and of all that they require here. Raises PackageNotFoundError."""
    environment = {**default_environment(), "extra": ""}
    found: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    waiting = [(requirement, extra) for requirement in wanted for extra in ("", *requirement.extras)]
    while waiting:
        requirement, extra = waiting.pop()
        name = canonicalize_name(requirement.name)
        if requirement.marker and not requirement.marker.evaluate(environment):
            continue
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        package = distribution(name)
        found[name] = package.version
        for text in package.requires or []:
            needed = Requirement(text)
            if needed.marker is None or needed.marker.evaluate({**environment, "extra": extra}):
                needed.marker = None
                waiting += [(needed, wanted_extra) for wanted_extra in ("", *needed.extras)]
    return found


def text() -> str:
    pins = {name: f"{name}=={version}" for name, version in closure(direct(ROOT / "requirements-dev.txt")).items()}
    pins |= {name: f"{name}=={version}; {marker}" for name, (version, marker) in ELSEWHERE.items()}
    return HEAD + "".join(f"{pins[name]}\n" for name in sorted(pins))


def main() -> int:
    wrong = [str(item) for item in direct(ROOT / "requirements-dev.txt") if not str(item.specifier).startswith("==")]
    weights = [
        line for line in (ROOT / "requirements-weights.txt").read_text().splitlines() if line[:1] not in ("", "#")
    ]
    wrong += [line for line in weights if "==" not in line or " --hash=sha256:" not in line]
    if wrong:
        print(f"not pinned exactly: {', '.join(wrong)}", file=sys.stderr)
        return 1
    try:
        new = text()
    except PackageNotFoundError as exc:
        print(f"{exc.name} is not installed; run `make dev` first.", file=sys.stderr)
        return 1
    if "--check" in sys.argv:
        if LOCK.read_text() != new:
            print("requirements.lock is not in step with what is installed; run `make lock`.", file=sys.stderr)
            return 1
        return 0
    LOCK.write_text(new)
    return 0


if __name__ == "__main__":
    sys.exit(main())
