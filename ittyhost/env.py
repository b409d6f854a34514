"""Typed readers of environment variables.

Every reader raises `BadSetting` naming the variable, so that a wrong value stops the start with one clear line.
"""

import ipaddress
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

T = TypeVar("T")
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9a-f:.]+\](:[0-9]{1,5})?", re.ASCII)
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off"}


class BadSetting(ImproperlyConfigured):
    """An environment variable holds a value the service cannot use."""

    def __init__(self, name: str, problem: str) -> None:
        self.name = name
        super().__init__(f"{name}: {problem}")


@dataclass(frozen=True)
class Env:
    """The environment, read by name and type. An empty value counts as not given."""

    values: Mapping[str, str] = field(default_factory=lambda: os.environ)

    def read(self, name: str, default: T, parse: Callable[[str], T]) -> T:
        raw = self.values.get(name, "").strip()
        if not raw:
            return default
        try:
            return parse(raw)
        except BadSetting:
            raise
        except ValueError as exc:
            raise BadSetting(name, str(exc) or f"{raw!r} is not valid.") from exc

    def text(self, name: str, default: str = "") -> str:
        return self.read(name, default, str)

    def key(self, name: str) -> str:
        """What a request's header carries as it stands; "" where nothing is set."""

        def parse(raw: str) -> str:
            if not (raw.isascii() and raw.isprintable()):
                raise ValueError("must be printable ASCII, in one line.")  # and not be shown
            return raw

        return self.read(name, "", parse)

    def flag(self, name: str, default: bool) -> bool:
        def parse(raw: str) -> bool:
            if raw.lower() in TRUE:
                return True
            if raw.lower() in FALSE:
                return False
            raise ValueError(f"must be true or false, not {raw!r}.")

        return self.read(name, default, parse)

    def integer(self, name: str, default: int, *, low: int = 0, high: int = 2**63 - 1) -> int:
        def parse(raw: str) -> int:
            try:
                value = int(raw)
            except ValueError:
                raise ValueError(f"must be a whole number, not {raw!r}.") from None
            if not low <= value <= high:
                raise ValueError(f"must be from {low} to {high}, not {value}.")
            return value

        return self.read(name, default, parse)

    def number(self, name: str, default: float, *, low: float = 0.0, high: float = 1e12) -> float:
        def parse(raw: str) -> float:
            try:
                value = float(raw)
            except ValueError:
                raise ValueError(f"must be a number, not {raw!r}.") from None
            if not low <= value <= high:
                raise ValueError(f"must be from {low:g} to {high:g}, not {raw}.")
            return value

        return self.read(name, default, parse)

    def choice(self, name: str, default: str, choices: tuple[str, ...]) -> str:
        def parse(raw: str) -> str:
            if raw not in choices:
                raise ValueError(f"must be one of {', '.join(choices)}, not {raw!r}.")
            return raw

        return self.read(name, default, parse)

    def path(self, name: str, default: Path) -> Path:
        return self.read(name, default, lambda raw: Path(raw).expanduser().resolve())

    def words(self, name: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        return self.read(name, default, lambda raw: tuple(word.strip() for word in raw.split(",") if word.strip()))

    def networks(self, name: str) -> tuple[Network, ...]:
        def parse(raw: str) -> tuple[Network, ...]:
            found = []
            for word in raw.split(","):
                try:
                    found.append(ipaddress.ip_network(word.strip()))
                except ValueError as exc:
                    raise ValueError(f"{exc}. Give networks such as 10.0.0.0/8, separated by commas.") from None
            return tuple(found)

        return self.read(name, (), parse)

    def origins(self, name: str, default: tuple[str, ...]) -> tuple[str, ...]:
        """Origins of web pages, or `*` alone for all of them; `none` for none."""

        def parse(raw: str) -> tuple[str, ...]:
            words = tuple(word.strip().lower() for word in raw.split(",") if word.strip())
            if words in (("*",), ("none",)):
                return words if words == ("*",) else ()
            for word in words:
                if not _ORIGIN.fullmatch(word):
                    raise ValueError(
                        f"{word!r} is no origin. Give *, none, or origins as https://example.com, separated by commas."
                    )
            return words

        return self.read(name, default, parse)

    def url(self, name: str, default: str, *, schemes: tuple[str, ...]) -> str:
        """A URL without its trailing slash."""

        def parse(raw: str) -> str:
            parts = urlsplit(raw)
            if parts.scheme not in schemes or not (parts.netloc or parts.path.strip("/")):
                raise ValueError(
                    f"must be a URL that starts with {' or '.join(s + '://' for s in schemes)}, not {raw!r}."
                )
            return raw.rstrip("/")

        return self.read(name, default, parse)

    def server(self, name: str) -> str:
        """The address of a server, without its trailing slash; "" where none is named. Its key has a setting of its
        own, as addresses are shown."""
        address = self.url(name, "", schemes=("http", "https"))
        try:
            parts = urlsplit(address)
            odd = bool(parts.username or parts.password or parts.fragment) or (bool(address) and not parts.hostname)
            _ = parts.port
        except ValueError:
            odd = True
        if odd:
            raise BadSetting(name, "must be an address such as http://127.0.0.1:11434/v1, without a user or password.")
        return address


def database(name: str, url: str) -> dict[str, object]:
    """Django's database settings for a `sqlite:///path` or `postgresql://user:password@host:port/name?option=…` URL."""
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        path = unquote(parts.path[1:] if parts.path.startswith("//") else parts.path)
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": path,
            # A file for tests too: Django's in-memory default locks whole tables between threads.
            "TEST": {"NAME": f"{path}.test"},
            "OPTIONS": {
                # Deferred transactions fail at once, without waiting, when two of them turn into writers.
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA mmap_size=134217728;",
            },
        }
    if parts.scheme in {"postgres", "postgresql"}:
        if not parts.path.strip("/"):
            raise BadSetting(name, "names no database: postgresql://user:password@host:5432/NAME.")
        try:
            port = parts.port or 5432
        except ValueError:
            raise BadSetting(name, "has a port that is not a number.") from None
        # Without a limit, a host that drops packets holds a start up for minutes.
        query = {"connect_timeout": "10", **dict(parse_qsl(parts.query))}
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": unquote(parts.path.strip("/")),
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": query.pop("host", parts.hostname or ""),
            "PORT": port,
            "OPTIONS": query,
        }
    raise BadSetting(name, f"must start with sqlite:/// or postgresql://, not {parts.scheme or url!r}.")
