"""Which models the settings choose, and settings that choose none."""

import subprocess
import sys

import pytest

from ittyhost.env import BadSetting, Env
from ittyhost.providers import providers
from ittyhost.providers.chat import ChatLanguage
from ittyhost.providers.speech import SpeechServer
from ittyhost.providers.vision import CombinedVision


def test_without_addresses_nothing_goes_over_http():
    found = providers()
    assert found.language is None
    assert not isinstance(found.speech, SpeechServer)
    assert not isinstance(found.vision, CombinedVision)


def test_addresses_choose_servers(settings):
    for name in ("LANGUAGE", "VISION", "SPEECH"):
        setattr(settings, f"{name}_URL", "http://127.0.0.1:9/v1")
        setattr(settings, f"{name}_MODEL", name.lower())
    settings.LANGUAGE_SEES, settings.LANGUAGE_TOKENS = True, 10_000
    found = providers()
    assert isinstance(found.language, ChatLanguage)
    assert (found.language.model.name, found.language.sees, found.language.room) == ("language", True, 22_500)
    assert isinstance(found.speech, SpeechServer)
    assert found.speech.model.name == "speech"
    assert isinstance(found.vision, CombinedVision)
    assert [found.vision.model(look).name for look in ("objects", "faces", "caption")] == ["vision"] * 3


@pytest.mark.parametrize(
    "address",
    ["ftp://host/v1", "127.0.0.1:11434", "http://user:word@host/v1", "http://", "http://host:99999", "http://h#x"],
)
def test_an_address_that_cannot_be_used_is_named(address):
    with pytest.raises(BadSetting, match=r"^LANGUAGE_URL: ") as caught:
        Env({"LANGUAGE_URL": address}).server("LANGUAGE_URL")
    assert "word" not in str(caught.value).replace("password", "")


def test_an_address_keeps_its_path_without_the_slash():
    assert Env({"X": "https://host:8443/api/v1/"}).server("X") == "https://host:8443/api/v1"
    assert Env({}).server("X") == ""


@pytest.mark.parametrize("key", ["s3cret\nX-More: yes", "s\u20accret"])
def test_a_key_that_no_header_carries_is_named_and_not_shown(key):
    with pytest.raises(BadSetting, match=r"^LANGUAGE_KEY: must be printable ASCII") as caught:
        Env({"LANGUAGE_KEY": key}).key("LANGUAGE_KEY")
    assert "cret" not in str(caught.value)
    assert Env({"LANGUAGE_KEY": " sk-1 "}).key("LANGUAGE_KEY") == "sk-1"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"VISION_URL": "http://h/v1"}, "VISION_MODEL: goes together with VISION_URL"),
        ({"VISION_LOOKS": "caption,smell"}, "VISION_LOOKS: may have safety, objects, faces, text, labels, caption"),
        ({"LANGUAGE_TOKENS": "10"}, "LANGUAGE_TOKENS: must be from 2048"),
    ],
)
def test_settings_that_do_not_go_together_stop_the_start(given, message):
    code = "import os, sys; os.environ.update(eval(sys.argv[1])); import ittyhost.settings"
    ran = subprocess.run([sys.executable, "-c", code, repr(given)], capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert message in ran.stderr
