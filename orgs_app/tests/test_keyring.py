"""Secrets are sealed under the first key, read under any, and found by a digest of their own."""

import pytest

from orgs_app.checks import check_key_ring
from orgs_app.keyring import BadKeyRing, Undecipherable, ring


def test_a_sealed_secret_opens_and_never_looks_the_same(key_rings):
    sealed = ring().seal("sk_live_x")
    assert ring().open(sealed) == "sk_live_x"
    assert sealed != ring().seal("sk_live_x")
    assert "sk_live_x" not in sealed


def test_every_key_of_the_ring_opens_what_it_sealed(key_rings, settings):
    sealed = ring().seal("secret")
    settings.KEY_RING = key_rings["both"]
    assert ring().open(sealed) == "secret"
    resealed = ring().reseal(sealed)
    settings.KEY_RING = key_rings["new"]
    assert ring().open(resealed) == "secret"
    with pytest.raises(Undecipherable, match="No key of KEY_RING opens this secret"):
        ring().open(sealed)


def test_a_changed_text_does_not_open(key_rings):
    sealed = ring().seal("secret")
    with pytest.raises(Undecipherable):
        ring().open(sealed[:40] + ("A" if sealed[40] != "A" else "B") + sealed[41:])


def test_a_digest_belongs_to_one_secret_and_one_key(key_rings, settings):
    old = ring().digest("secret")
    assert (len(old), ring().digest("other") == old) == (64, False)
    settings.KEY_RING = key_rings["both"]
    assert ring().digest("secret") != old
    assert ring().digests("secret") == [ring().digest("secret"), old]


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ((), "KEY_RING: holds no key. Make one with: python -m orgs_app.keyring"),
        (("c2hvcnQ=",), "KEY_RING: key 1 must be 32 bytes in URL-safe base64, not 5."),
        (("not base64",), "KEY_RING: key 1 "),
    ],
)
def test_a_ring_that_cannot_work_is_told_at_the_start(settings, keys, problem):
    settings.KEY_RING = keys
    with pytest.raises(BadKeyRing):
        ring()
    (error,) = check_key_ring()
    assert error.msg.startswith(problem)
    assert error.id == "orgs_app.E001"


def test_a_ring_does_not_print_its_keys(key_rings):
    assert repr(ring()) == "Ring()"
