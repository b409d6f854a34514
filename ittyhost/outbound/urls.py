"""Which URLs and addresses may be fetched from, as far as can be told without asking anybody."""

import ipaddress
import re
import string
from contextlib import suppress
from urllib.parse import quote, urljoin

from urllib3.exceptions import LocationParseError
from urllib3.util import Url, parse_url

from ittyhost.addresses import Address, is_refused
from ittyhost.errors import Invalid
from ittyhost.outbound.failures import FetchFailed

MAX_URL_LENGTH = 4096
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f]")


def check_url(url: str, *, param: str = "url") -> None:
    """Whether a URL may be fetched at all. Raises Invalid."""
    try:
        parts = url_parts(url)
        with suppress(ValueError):
            check_address(ipaddress.ip_address((parts.host or "").strip("[]")))
    except FetchFailed as exc:
        raise Invalid(exc.message, param=param) from None


def url_parts(url: str) -> Url:
    """A URL taken apart. Raises FetchFailed when it is none that may be fetched."""
    if len(url) > MAX_URL_LENGTH:
        raise FetchFailed(f"The URL is longer than {MAX_URL_LENGTH} characters.")
    if not url or _UNPRINTABLE.search(url):
        raise FetchFailed("The URL is empty or holds spaces or control characters; write them as %20 and so on.")
    try:
        parts = parse_url(url)
    except LocationParseError:
        raise FetchFailed("The URL is not valid.") from None
    if parts.scheme not in ("http", "https"):
        raise FetchFailed("The URL must begin with http:// or https://.")
    if parts.auth is not None:
        raise FetchFailed("The URL must not hold a user name or password. Use a signed URL instead.")
    if not parts.host:
        raise FetchFailed("The URL names no host.")
    if parts.port == 0:
        raise FetchFailed("The URL's port is not valid.")
    return parts


def redirect_target(url: str, location: str, *, host: str) -> str:
    """Where a Location leads from `url`; to be checked like any other URL. Raises FetchFailed."""
    # http.client reads headers as Latin-1. Servers send UTF-8 and spaces as they are, which browsers write as %…, too.
    written = quote(location.encode("latin-1", "replace"), safe=string.punctuation)
    try:
        return urljoin(url, written)
    except ValueError:
        raise FetchFailed(f"{host} redirects to an address that is not valid.") from None


def check_address(address: Address) -> None:
    """Raises FetchFailed when users' URLs may not reach an address."""
    if is_refused(address):
        # Not which address: a name of this network's own would tell a stranger what is inside.
        raise FetchFailed("The URL points into a private network, which is not fetched from. Give a public URL.")
