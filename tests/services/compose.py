"""docker-compose.yml as plain data: what each service runs, and with what environment."""

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
COMPOSE_FILE = ROOT / "docker-compose.yml"
IMAGE_ENVIRONMENT = {"DJANGO_SETTINGS_MODULE": "ittyhost.settings"}  # of the Dockerfile's ENV, what a native run needs

# A default may name another variable, as `${A:-x${B}}` does: one level deep.
_VARIABLE = re.compile(r"\$(?:(?P<escaped>\$)|\{(?P<name>\w+)(?:(?P<rule>:[-?])(?P<text>(?:\$\{[^{}]*\}|[^{}])*))?\})")


class NotGiven(Exception):
    """The file insists on a variable (`${NAME:?why}`) that was not given."""


@dataclass(frozen=True)
class Service:
    """One service of our image."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]

    def native(self, **changes: str) -> tuple[list[str], dict[str, str]]:
        """Command and environment to run it without a container: this Python, and other addresses by `changes`."""
        program, *arguments = self.command
        return [sys.executable if program == "python" else program, *arguments], {
            **IMAGE_ENVIRONMENT,
            **self.environment,
            **changes,
        }


def interpolate(value: Any, variables: Mapping[str, str]) -> Any:
    """`${NAME}`, `${NAME:-default}`, `${NAME:?why}` and `$$` replaced in every string. Raises NotGiven."""
    if isinstance(value, dict):
        return {key: interpolate(item, variables) for key, item in value.items()}
    if isinstance(value, list):
        return [interpolate(item, variables) for item in value]
    if not isinstance(value, str):
        return value

    def replace(match: re.Match[str]) -> str:
        if match["escaped"]:
            return "$"
        given = variables.get(match["name"], "")
        if given or match["rule"] is None:
            return given
        if match["rule"] == ":?":
            raise NotGiven(f"{match['name']}: {match['text']}")
        return str(interpolate(match["text"], variables))

    return _VARIABLE.sub(replace, value)


def document(variables: Mapping[str, str]) -> dict[str, Any]:
    """The whole file, merged and interpolated. Raises NotGiven."""
    found: dict[str, Any] = interpolate(yaml.safe_load(COMPOSE_FILE.read_text()), variables)
    return found


def services(variables: Mapping[str, str]) -> dict[str, Service]:
    """The services that run our image, by name, in the order of the file. Raises NotGiven."""
    return {
        name: Service(name, tuple(body["command"]), {key: str(text) for key, text in body["environment"].items()})
        for name, body in document(variables)["services"].items()
        if str(body["image"]).startswith("ittyhost:")
    }
