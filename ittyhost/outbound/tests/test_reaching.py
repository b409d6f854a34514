"""Where users' URLs may lead: addresses, names, redirects."""

import ipaddress
import socket

import pytest

from ittyhost.addresses import is_refused
from ittyhost.errors import Invalid
from ittyhost.outbound import FetchFailed, check_url, connecting
from ittyhost.outbound.tests.site import DATA, Site, fetch, redirects, sends


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.1",
        "192.0.0.1",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::8.8.8.8",
        "::ffff:10.0.0.1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a00:1",
        "64:ff9b:1::808:808",
        "100::1",
        "2001:db8::1",
        "2001::1",
        "2002:7f00:1::",
        "2002:a00:1::1",
        "fc00::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ],
)
def test_addresses_that_are_not_the_public_internet_are_refused(settings, address):
    settings.OUTBOUND_ALLOW = ()
    assert is_refused(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_public_addresses_are_not(settings, address):
    settings.OUTBOUND_ALLOW = ()
    assert not is_refused(ipaddress.ip_address(address))


def test_settings_can_allow_networks(settings):
    settings.OUTBOUND_ALLOW = (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fc00::/7"))
    for address in ("10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::a01:203", "fd00::1"):
        assert not is_refused(ipaddress.ip_address(address)), address
    for address in ("192.168.0.1", "::ffff:192.168.0.1", "::1"):
        assert is_refused(ipaddress.ip_address(address)), address


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "0x7f.1", "2130706433", "0177.0.0.1", "[::1]", "[::ffff:127.0.0.1]"]
)
def test_no_spelling_of_a_private_address_is_fetched(site, host):
    with pytest.raises(FetchFailed, match="private network"):
        fetch(site.url("/a", host=host))
    assert site.asked == []


def test_a_redirect_into_a_private_network_is_refused(site, settings):
    settings.OUTBOUND_ALLOW = (ipaddress.ip_network("127.0.0.1/32"),)
    other = Site("127.0.0.2")
    try:
        site.paths["/a"] = redirects(other.url("/secret", host="127.0.0.2"))
        with pytest.raises(FetchFailed, match="private network"):
            fetch(site.url("/a"))
        assert other.asked == []
    finally:
        other.close()


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "ftp://example.com/a", "http://a:b@example.com/", "gopher://x"]
)
def test_a_redirect_to_what_is_no_plain_web_address_is_refused(site, allowed, target):
    site.paths["/a"] = redirects(target)
    with pytest.raises(FetchFailed):
        fetch(site.url("/a"))


def test_one_forbidden_address_condemns_a_name(site, settings, monkeypatch):
    settings.OUTBOUND_ALLOW = (ipaddress.ip_network("127.0.0.1/32"),)
    both = [ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("10.0.0.1")]
    monkeypatch.setattr(connecting, "resolve", lambda name, port: both)
    with pytest.raises(FetchFailed, match="private network"):
        fetch(site.url("/a", host="mixed.example"))
    assert site.asked == []


def test_the_connection_goes_to_the_address_that_was_checked(site, settings, monkeypatch):
    """DNS rebinding: a second look-up would give another address; there is none."""
    settings.OUTBOUND_ALLOW = (ipaddress.ip_network("127.0.0.1/32"),)
    inside = Site("127.0.0.2")
    answers = [[ipaddress.ip_address("127.0.0.1")], [ipaddress.ip_address("127.0.0.2")]]
    monkeypatch.setattr(connecting, "resolve", lambda name, port: answers.pop(0))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: pytest.fail("it was resolved again"))
    try:
        site.paths["/a"] = sends(b"public")
        assert fetch(site.url("/a", host="rebind.example")) == b"public"
        assert site.asked[0][1]["host"] == f"rebind.example:{site.port}"
        assert inside.asked == []
    finally:
        inside.close()


def test_the_next_address_of_a_name_is_tried_when_one_is_dead(site, allowed, monkeypatch):
    both = [ipaddress.ip_address("127.0.0.3"), ipaddress.ip_address("127.0.0.1")]
    monkeypatch.setattr(connecting, "resolve", lambda name, port: both)
    site.paths["/a"] = sends()
    assert fetch(site.url("/a", host="two.example")) == DATA


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("", "empty"),
        ("example.com/a", "http:// or https://"),
        ("ftp://example.com/a", "http:// or https://"),
        ("javascript:alert(1)", "http:// or https://"),
        ("http://", "host"),
        ("http:///a", "host"),
        ("http://user@example.com", "user name"),
        ("http://example.com:99999/", "not valid"),
        ("http://[::1/", "not valid"),
        ("http://exa mple.com/", "spaces"),
        ("http://example.com/\r\nX: y", "control"),
        (f"http://example.com/{'a' * 5000}", "4096"),
        ("http://192.168.0.1/", "private"),
    ],
)
def test_what_is_wrong_with_a_url_is_told_at_once(url, word):
    with pytest.raises(Invalid, match=word) as caught:
        check_url(url)
    assert caught.value.param == "url"


def test_a_good_url_is_not_resolved_when_it_is_only_checked(monkeypatch):
    monkeypatch.setattr(connecting, "resolve", lambda *args: pytest.fail("it was resolved"))
    check_url("https://example.com/größe.mp4?x=%20")
    check_url("HTTP://EXAMPLE.com")


def test_a_loop_of_redirects_ends(site, allowed):
    site.paths["/a"], site.paths["/b"] = redirects("/b"), redirects("/a")
    with pytest.raises(FetchFailed, match="redirects more than 5 times"):
        fetch(site.url("/a"))
    assert len(site.asked) == 6


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_every_kind_of_redirect_is_followed(site, allowed, status):
    site.paths["/a"], site.paths["/b"] = redirects("/b", status), sends()
    assert fetch(site.url("/a")) == DATA


@pytest.mark.parametrize(
    ("location", "asked"),
    [
        ("/with space.mp4", "/with%20space.mp4"),
        ("/gr\xc3\xb6\xc3\x9fe.mp4", "/gr%C3%B6%C3%9Fe.mp4"),  # UTF-8, as servers send it
        ("/a%20b.mp4?x=1&y=%2F", "/a%20b.mp4?x=1&y=%2F"),
        ("b.mp4", "/folder/b.mp4"),
    ],
)
def test_redirects_are_written_as_browsers_write_them(site, allowed, location, asked):
    site.paths["/folder/a"] = redirects(location)
    site.paths[asked.partition("?")[0]] = sends()
    assert fetch(site.url("/folder/a")) == DATA
    assert site.asked[1][0] == asked


def test_a_redirect_is_resolved_and_checked_like_the_first_address(site, settings, monkeypatch):
    settings.OUTBOUND_ALLOW = (ipaddress.ip_network("127.0.0.1/32"),)
    names = {"public.example": "127.0.0.1", "inside.example": "10.0.0.1"}
    monkeypatch.setattr(connecting, "resolve", lambda name, port: [ipaddress.ip_address(names[name])])
    site.paths["/a"] = redirects(site.url("/secret", host="inside.example"))
    with pytest.raises(FetchFailed, match="private network"):
        fetch(site.url("/a", host="public.example"))
    assert [path for path, _ in site.asked] == ["/a"]
