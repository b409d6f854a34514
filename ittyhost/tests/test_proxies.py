"""Whose word about the client counts."""

import ipaddress

import pytest
from django.http import HttpRequest, HttpResponse

from ittyhost.proxies import TrustedProxiesMiddleware


def through(remote: str, **headers: str) -> HttpRequest:
    """The request as the next in line sees it."""
    seen: list[HttpRequest] = []

    def answer(request: HttpRequest) -> HttpResponse:
        seen.append(request)
        return HttpResponse()

    request = HttpRequest()
    request.META = {"REMOTE_ADDR": remote, "wsgi.url_scheme": "http", **headers}
    TrustedProxiesMiddleware(answer)(request)
    return seen[0]


@pytest.fixture(autouse=True)
def _proxies(settings) -> None:
    settings.TRUSTED_PROXIES = (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8"))


def test_a_trusted_proxy_tells_the_client_and_the_scheme():
    request = through("10.0.0.1", HTTP_X_FORWARDED_FOR="203.0.113.7, 10.0.0.9", HTTP_X_FORWARDED_PROTO="https")
    assert request.META["REMOTE_ADDR"] == "203.0.113.7"
    assert request.is_secure()


def test_what_a_client_wrote_before_the_proxy_is_not_believed():
    request = through("10.0.0.1", HTTP_X_FORWARDED_FOR="127.0.0.1, 203.0.113.7")
    assert request.META["REMOTE_ADDR"] == "203.0.113.7"


def test_nobody_else_is_believed():
    request = through("203.0.113.7", HTTP_X_FORWARDED_FOR="10.1.1.1", HTTP_X_FORWARDED_PROTO="https")
    assert request.META["REMOTE_ADDR"] == "203.0.113.7"
    assert not request.is_secure()
    assert "HTTP_X_FORWARDED_FOR" not in request.META


@pytest.mark.parametrize("chain", ["", "nonsense", "10.0.0.2, nonsense"])
def test_a_broken_chain_ends_at_the_last_address_known(chain):
    assert through("fd00::1", HTTP_X_FORWARDED_FOR=chain).META["REMOTE_ADDR"] in {"fd00::1", "10.0.0.2"}


def test_a_server_on_a_unix_socket_has_no_address():
    assert through("", HTTP_X_FORWARDED_FOR="203.0.113.7").META["REMOTE_ADDR"] == ""
