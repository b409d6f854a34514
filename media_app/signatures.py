"""Signed URLs: one path of a project, for reading or for writing, until a moment. Whoever has an API key can make them.

The recipe, which clients follow too: HMAC-SHA256 over `<path>?expiry=<unix seconds>&method=<get|put>`, with the API key
as it is written for a secret and the path without its leading slash; in base64 for URLs, without padding.
"""

import base64
import hmac
import re
import time
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote

from ittyhost.errors import Invalid
from media_app.services import place_clean, place_read
from orgs_app.models import ApiKey, Project
from orgs_app.selectors import api_key_secret, api_key_signers

GET, PUT = "get", "put"
SCOPES = {GET: "read", PUT: "write"}  # what a key must be allowed itself
DEFAULT_SECONDS = 3600
MAX_SECONDS = 10 * 366 * 24 * 3600
SKEW_SECONDS = 60  # clocks differ: so long after its expiry a signature still counts
MAX_PATH = 2000  # characters; longer ones are nobody's
# How clients write a path in a URL: Python and PHP, JavaScript's encodeURIComponent by segment, and its encodeURI.
_ENCODINGS = ("/", "/!'()*", "/!'()*;,:@&=+$")
_EXPIRY = re.compile(r"[1-9][0-9]{0,11}", re.ASCII)
_DIGEST = re.compile(r"[A-Za-z0-9+/]{43}", re.ASCII)


@dataclass(frozen=True)
class SignedUrl:
    """A URL that was signed, and what it was signed for. `domain` has no scheme and may hold a path."""

    domain: str
    folder: str
    filename: str
    expiry: int
    method: str
    signature: str
    url: str


@dataclass(frozen=True)
class Claim:
    """What a URL says it was signed for. `method` is None in older URLs, which were for reading."""

    expiry: int
    method: str | None
    digest: bytes

    def allows(self, method: str) -> bool:
        """Whether it is of this method, and not over."""
        return (self.method or GET) == method and time.time() < self.expiry + SKEW_SECONDS

    @property
    def seconds_left(self) -> int:
        return max(0, self.expiry - int(time.time()))

    @property
    def query(self) -> str:
        """The query that claims this, as URLs have it: of characters that mean nothing else anywhere."""
        signature = base64.urlsafe_b64encode(self.digest).decode().rstrip("=")
        return f"expiry={self.expiry}" + (f"&method={self.method}" if self.method else "") + f"&signature={signature}"


def url_sign(
    *, key: ApiKey, folder: str = "", filename: str, expiry: int | None = None, method: str = GET
) -> SignedUrl:
    """A URL that this key signs, for an hour unless told otherwise; nothing need be there yet. Raises Invalid."""
    place = (place_read if method == GET else place_clean)(folder=folder, filename=filename)
    if not place[1]:
        raise Invalid("filename is required.", param="filename")
    now = int(time.time())
    expiry = now + DEFAULT_SECONDS if expiry is None else expiry
    if not now < expiry <= now + MAX_SECONDS:
        raise Invalid("expiry must be unix seconds in the future, at most ten years from now.", param="expiry")
    signed = string_to_sign(path=quote("/".join(part for part in place if part)), expiry=expiry, method=method)
    signature = signature_of(signed, secret=api_key_secret(key))
    base = key.project.delivery_url
    url = f"{base}/{signed}&signature={signature}"
    return SignedUrl(base.partition("://")[2], *place, expiry, method, signature, url)


def string_to_sign(*, path: str, expiry: int, method: str | None) -> str:
    """What a signature is made over; without a method as older URLs had it."""
    return f"{path}?expiry={expiry}" + (f"&method={method}" if method else "")


def signature_of(signed: str, *, secret: str) -> str:
    """The signature of a string, as it stands in URLs."""
    return base64.urlsafe_b64encode(_digest(signed, secret)).decode().rstrip("=")


def claim_read(query: Mapping[str, list[str]]) -> Claim | None:
    """What a URL's query claims, all values of each name given; None when it holds no signature, or none that can be.

    A name that stands twice can mean two things, so then it means nothing. Base64 may be the standard one or that for
    URLs, with its padding or without; a `+` that was not encoded has become a space on its way.
    """
    given = {name: values for name in ("expiry", "method", "signature") if (values := query.get(name))}
    if any(len(values) > 1 for values in given.values()) or not given.keys() >= {"expiry", "signature"}:
        return None
    expiry, method = given["expiry"][0], given["method"][0].lower() if "method" in given else None
    text = given["signature"][0].translate(str.maketrans("-_ ", "+/+")).rstrip("=")
    if not _EXPIRY.fullmatch(expiry) or method not in (None, *SCOPES) or not _DIGEST.fullmatch(text):
        return None
    return Claim(int(expiry), method, base64.b64decode(f"{text}="))


def signer_find(*, project: Project, claim: Claim, paths: Iterable[str], method: str) -> ApiKey | None:
    """The key that signed this claim for one of these paths of the project, if it may use the method itself; else None.

    Keys are read anew each time: one that was revoked a moment ago has signed nothing.
    """
    if not claim.allows(method):
        return None
    written = list(dict.fromkeys(text for path in paths if len(path) <= MAX_PATH for text in _spellings(path)))
    methods = (claim.method,) if claim.method else (None, GET)
    signed = [string_to_sign(path=path, expiry=claim.expiry, method=method) for path in written for method in methods]
    for key, secret in api_key_signers(project=project, scope=SCOPES[method]):
        # All of them, whichever fits: how long it takes says nothing.
        fits = [hmac.compare_digest(_digest(text, secret), claim.digest) for text in signed]
        if any(fits):
            return key
    return None


def _spellings(path: str) -> Iterator[str]:
    """How a client may have written a path when signing it: as it is, or as it stands in a URL; with its accents as
    they came, or in NFC as files are named.

    A name that looks encoded by itself counts only as URLs write it: `a%20b` as it is would be the URL's of `a b`.
    """
    for text in dict.fromkeys((path, unicodedata.normalize("NFC", path))):
        if unquote(text) == text:
            yield text
        for safe in _ENCODINGS:
            yield quote(text, safe=safe)


def _digest(signed: str, secret: str) -> bytes:
    return hmac.digest(secret.encode(), signed.encode(), "sha256")
