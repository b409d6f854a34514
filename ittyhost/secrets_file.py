"""The secrets of an embedded service, made once and kept in the data folder (`secrets.json`, its owner's only)."""

import base64
import json
import os
import secrets
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ittyhost.env import BadSetting


@dataclass(frozen=True)
class Secrets:
    secret_key: str
    key_ring: tuple[str, ...]


@cache
def embedded_secrets(data: Path) -> Secrets:
    """Read `secrets.json`, making it first where there is none. Raises BadSetting when it cannot be read or made."""
    path = data / "secrets.json"
    try:
        data.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _make(path)
        values = json.loads(path.read_text())
        return Secrets(str(values["SECRET_KEY"]), tuple(str(key) for key in values["KEY_RING"]))
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise BadSetting(
            "ITTYHOST_DATA", f"{path} cannot be used ({exc}). Mend or restore it, or set SECRET_KEY and KEY_RING."
        ) from exc


def _make(path: Path) -> None:
    """Write new secrets whole, then give them their name; of two processes that do so at once, the first wins."""
    handle, draft = tempfile.mkstemp(dir=path.parent)  # readable by its owner only
    try:
        with os.fdopen(handle, "w") as new:
            ring = [base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()]
            json.dump({"SECRET_KEY": secrets.token_urlsafe(50), "KEY_RING": ring}, new, indent=2)
            new.flush()
            os.fsync(new.fileno())
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        os.unlink(draft)
