"""HTTPS: certificates, and names that they are for."""

import ipaddress
import ssl
import subprocess
from pathlib import Path

import pytest

from ittyhost.outbound import FetchFailed, connecting
from ittyhost.outbound.tests.site import DATA, Site, fetch, sends


@pytest.fixture
def secure(tmp_path: Path, site: Site, monkeypatch) -> Site:
    """The site under TLS with a certificate for media.example that this client trusts."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-keyout", str(key), "-out", str(certificate), "-days", "2", "-subj", "/CN=media.example"]
    subprocess.run([*command, "-addext", "subjectAltName=DNS:media.example"], check=True, capture_output=True)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    server.sni_callback = lambda connection, name, context: site.asked.append((f"sni:{name}", {}))
    site.server.socket = server.wrap_socket(site.server.socket, server_side=True)
    client = ssl.create_default_context(cafile=str(certificate))
    monkeypatch.setattr(connecting, "tls", lambda: client)
    monkeypatch.setattr(connecting, "resolve", lambda name, port: [ipaddress.ip_address("127.0.0.1")])
    return site


def test_tls_is_spoken_for_the_name_and_not_for_the_address(secure, allowed):
    secure.paths["/a"] = sends()
    assert fetch(secure.url("/a", host="media.example", scheme="https")) == DATA
    assert secure.asked[0][0] == "sni:media.example"


def test_a_certificate_for_another_name_is_refused(secure, allowed):
    with pytest.raises(FetchFailed, match=r"certificate of other\.example is not valid"):
        fetch(secure.url("/a", host="other.example", scheme="https"))


def test_a_plain_server_does_not_pass_for_a_secure_one(site, allowed):
    with pytest.raises(FetchFailed, match="does not speak HTTPS"):
        fetch(site.url("/a", scheme="https"))


def test_a_certificate_of_nobody_known_is_refused(secure, allowed, monkeypatch):
    monkeypatch.setattr(connecting, "tls", ssl.create_default_context)
    with pytest.raises(FetchFailed, match=r"certificate of media\.example is not valid") as caught:
        fetch(secure.url("/a", host="media.example", scheme="https"))
    assert not caught.value.transient
    assert [path for path, _ in secure.asked if path.startswith("/")] == []
