"""Values that one run of ffmpeg measures for a later one: read from what it prints, bound into arguments. Pure."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from workers.engine.errors import ProcessingFailed

_PLACE = re.compile(r"@\{([a-z0-9_.]+)\}")

# By name: from the end of the log to values by theirs. Raises ProcessingFailed where they are not in it.
MEASURES: dict[str, Callable[[str], dict[str, str]]] = {}


def measured(name: str, log: str) -> dict[str, str]:
    """The values, as `<name>.<value>`, that a run with this measure printed. Raises ProcessingFailed."""
    return {f"{name}.{key}": value for key, value in MEASURES[name](log).items()}


def bind_all(data: Any, values: Mapping[str, str]) -> Any:
    """JSON data with the values bound in every text that it holds."""
    if isinstance(data, str):
        return bind(data, values) if "@{" in data else data
    if isinstance(data, dict):
        return {name: bind_all(item, values) for name, item in data.items()}
    return [bind_all(item, values) for item in data] if isinstance(data, list) else data


def bind(text: str, values: Mapping[str, str]) -> str:
    """The text with every `@{name.value}` replaced. Raises ProcessingFailed for one that was not measured."""

    def found(place: re.Match[str]) -> str:
        try:
            return values[place[1]]
        except KeyError:
            raise ProcessingFailed(f"{place[1]} was needed and not measured.") from None

    return _PLACE.sub(found, text)
