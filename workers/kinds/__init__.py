"""Every kind of task: one module each beside this one, found by being there."""

from collections.abc import Mapping
from functools import lru_cache
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType

from workers.kinds.base import Kind

CONTRACT = {"base", "groups"}  # modules here that are not kinds


class UnknownKind(KeyError):
    """No kind has this name. `str()` names those that exist."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return f"kind must be one of {', '.join(all_kinds())}, not {self.name!r}."


@lru_cache(maxsize=1)
def all_kinds() -> Mapping[str, Kind]:
    """Kinds by name, in alphabetical order. A module here that is broken or has no KIND stops start-up."""
    modules = [item.name for item in iter_modules(__path__) if item.name not in CONTRACT]
    kinds = [import_module(f"{__name__}.{name}").KIND for name in sorted(modules)]
    return MappingProxyType({kind.name: kind for kind in kinds})


def get_kind(name: str) -> Kind:
    """The kind with this name. Raises UnknownKind."""
    try:
        return all_kinds()[name]
    except KeyError:
        raise UnknownKind(name) from None
