"""How each version writes each subject. Apps register their own shapes here, so that nobody needs another's."""

import importlib
from types import ModuleType

from django.core.exceptions import ImproperlyConfigured

from ittyhost.api.versions import Version, all_versions, find_version


class Shapes:
    """The shapes of one subject: a module of serializers for every version."""

    def __init__(self, subject: str, modules: dict[str, ModuleType]) -> None:
        self.subject = subject
        self._modules = modules

    def __getitem__(self, version: Version | str) -> ModuleType:
        return self._modules[str(version)]

    def __repr__(self) -> str:
        return f"<shapes of {self.subject}: {', '.join(self._modules)}>"


_registry: dict[str, Shapes] = {}


def register(subject: str, package: str) -> Shapes:
    """The shapes of a subject: `package` holds a module for each version. Call it in the package's `__init__.py`:
    `SHAPES = register("task", __name__)`, and import that from AppConfig.ready().

    Raises ImproperlyConfigured, at start-up, when a version has no module there.
    """
    modules: dict[str, ModuleType] = {}
    for version in all_versions():
        name = f"{package}.{version.shapes}"
        try:
            modules[version.name] = importlib.import_module(name)
        except ModuleNotFoundError as exc:
            if exc.name != name:
                raise
            raise ImproperlyConfigured(
                f"API version {version} has no shapes for {subject}: add {version.shapes}.py to {package}."
            ) from exc
    _registry[subject] = Shapes(subject, modules)
    return _registry[subject]


def find_shapes(subject: str, version: Version | str) -> ModuleType:
    """The module that writes a subject in a version, a name or an alias. Raises LookupError for an unknown one."""
    found = find_version(str(version))
    if subject not in _registry or found is None:
        raise LookupError(f"No shapes are registered for {subject} in version {version}.")
    return _registry[subject][found]
