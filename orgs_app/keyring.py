"""The key ring (settings.KEY_RING): secrets encrypted under its first key, read under any, and found by a keyed digest.

To rotate: put a new key first, restart, run `manage.py rotate_keys`, then drop the old one.
"""

import base64
import binascii
import hmac
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

DIGEST_USE = b"ittyhost api key digest v1"


class BadKeyRing(ImproperlyConfigured):
    """The ring is empty, or one of its keys is none."""


class Undecipherable(Exception):
    """No key of the ring opens a secret: the key that sealed it is gone, or the text was changed."""


@dataclass(frozen=True)
class Ring:
    """The keys, ready to use."""

    fernet: MultiFernet = field(repr=False)
    digest_keys: tuple[bytes, ...] = field(repr=False)

    def seal(self, secret: str) -> str:
        """The secret under the first key, with its authentication."""
        return self.fernet.encrypt(secret.encode()).decode()

    def open(self, sealed: str) -> str:
        """The secret. Raises Undecipherable."""
        try:
            return self.fernet.decrypt(sealed.encode()).decode()
        except InvalidToken as exc:
            raise Undecipherable("No key of KEY_RING opens this secret. Put the key that sealed it back.") from exc

    def reseal(self, sealed: str) -> str:
        """The same secret under the first key. Raises Undecipherable."""
        return self.seal(self.open(sealed))

    def digest(self, secret: str) -> str:
        """HMAC-SHA256 of the secret under the first key: 64 hex digits."""
        return self.digests(secret)[0]

    def digests(self, secret: str) -> list[str]:
        """The digests that the secret may be filed under: one for each key, the first key's first."""
        return [hmac.digest(key, secret.encode(), sha256).hex() for key in self.digest_keys]


def ring() -> Ring:
    """The ring of the settings. Raises BadKeyRing."""
    return _ring(tuple(settings.KEY_RING))


@lru_cache(maxsize=8)
def _ring(keys: tuple[str, ...]) -> Ring:
    if not keys:
        raise BadKeyRing("holds no key. Make one with: python -m orgs_app.keyring")
    raw = [_decoded(position, key) for position, key in enumerate(keys, start=1)]
    return Ring(
        fernet=MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in raw]),
        # Another key than Fernet's own, so that no key serves two algorithms.
        digest_keys=tuple(HKDF(SHA256(), length=32, salt=None, info=DIGEST_USE).derive(key) for key in raw),
    )


def _decoded(position: int, key: str) -> bytes:
    try:
        raw = base64.urlsafe_b64decode(key)
    except (binascii.Error, ValueError) as exc:
        raise BadKeyRing(f"key {position} is not URL-safe base64.") from exc
    if len(raw) != 32:
        raise BadKeyRing(f"key {position} must be 32 bytes in URL-safe base64, not {len(raw)}.")
    return raw


if __name__ == "__main__":
    print(Fernet.generate_key().decode())  # noqa: T201
