"""Whom a request comes from, when proxies stand in front: their headers count only when the proxy is a trusted one."""

import ipaddress
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PORT")


class TrustedProxiesMiddleware:
    """Puts the client's own address and scheme into the request when it came through TRUSTED_PROXIES.

    From anybody else the X-Forwarded-… headers are removed: whoever can reach this process could write them.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        meta = request.META
        forwarded = {name: meta.pop(name) for name in FORWARDED if name in meta}
        if forwarded and is_trusted(meta.get("REMOTE_ADDR", "")):
            meta["REMOTE_ADDR"] = client_address(meta["REMOTE_ADDR"], forwarded.get("HTTP_X_FORWARDED_FOR", ""))
            if forwarded.get("HTTP_X_FORWARDED_PROTO", "").strip().lower() == "https":
                meta["wsgi.url_scheme"] = "https"
                meta["HTTP_X_FORWARDED_PROTO"] = "https"  # what SECURE_PROXY_SSL_HEADER reads
        return self._get_response(request)


def is_trusted(address: str) -> bool:
    """Whether an address belongs to a proxy the operator named."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(known in network for network in settings.TRUSTED_PROXIES if network.version == known.version)


def client_address(nearest: str, chain: str) -> str:
    """The last address of `X-Forwarded-For` that is not a trusted proxy's: each proxy adds whom it saw at the end."""
    address = nearest
    for hop in reversed([hop.strip() for hop in chain.split(",") if hop.strip()]):
        try:
            ipaddress.ip_address(hop)
        except ValueError:
            return address
        address = hop
        if not is_trusted(hop):
            return address
    return address
