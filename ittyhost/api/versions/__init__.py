"""The versions this service speaks. One module beside this file each; a new one is found by itself."""

import importlib
import pkgutil
from functools import cache

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from ittyhost.api.versions.base import Answer, PageInfo, Problem, Version

__all__ = ["Answer", "PageInfo", "Problem", "Version", "all_versions", "default_version", "find_version"]


@cache
def all_versions() -> tuple[Version, ...]:
    """Every version, oldest first."""
    found: dict[str, Version] = {}
    for module in pkgutil.iter_modules(__path__):
        if not module.name.startswith("v"):
            continue
        for version in importlib.import_module(f"{__name__}.{module.name}").VERSIONS:
            for name in (version.name, *version.aliases):
                if name in found:
                    raise ImproperlyConfigured(f"API version {name} is defined twice.")
                found[name] = version
    return tuple(sorted(set(found.values()), key=lambda version: version.name))


def find_version(name: str) -> Version | None:
    """The version of a name or alias; None when it is not one of ours."""
    return next((version for version in all_versions() if name == version.name or name in version.aliases), None)


def default_version() -> Version:
    """What a caller gets who asks for nothing. Raises ImproperlyConfigured when the setting names no version."""
    version = find_version(settings.API_DEFAULT_VERSION)
    if version is None:
        known = ", ".join(str(version) for version in all_versions())
        raise ImproperlyConfigured(
            f"API_DEFAULT_VERSION: must be one of {known}, not {settings.API_DEFAULT_VERSION!r}."
        )
    return version
