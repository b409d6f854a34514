"""Damaged bytes, everywhere: each file ends in a picture, a sound or a sentence, and the worker goes on."""

import random
from types import SimpleNamespace

import pytest

from workers.engine import host
from workers.engine.errors import MediaError
from workers.engine.probe import probe
from workers.kinds import get_kind
from workers.run import run

CHANGES = 12  # damaged copies of each file


def damaged(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((1, 4, 40))):
        changed[chance.randrange(min(len(changed), chance.choice((64, 1000, len(changed)))))] = chance.randrange(256)
    return bytes(changed[: chance.randrange(1, len(changed))] if chance.random() < 0.2 else changed)


@pytest.mark.ffmpeg
@pytest.mark.parametrize(
    ("make", "suffix", "arguments"),
    [
        ("image", ".jpg", {"orientation": 6, "gps": True, "icc": "sRGB"}),
        ("image", ".png", {"alpha": 9}),
        ("image", ".gif", {"frames": 5}),
        ("image", ".webp", {"frames": 3}),
        ("image", ".avif", {}),
        ("image", ".heic", {}),
        ("image", ".tiff", {}),
        ("video", ".mp4", {"seconds": 0.4, "rotate": 90}),
        ("video", ".mkv", {"seconds": 0.4}),
        ("audio", ".ogg", {"seconds": 0.4, "codec": "libvorbis"}),
    ],
)
def test_damage_is_told_and_never_more(request, tmp_path, make, suffix, arguments):
    whole = request.getfixturevalue(f"make_{make}")(suffix, **arguments).read_bytes()
    chance = random.Random(suffix)
    for number in range(CHANGES):
        path, folder = tmp_path / f"{number}", tmp_path / f"work-{number}"
        path.write_bytes(damaged(whole, chance))
        folder.mkdir()
        try:
            facts = probe(path)
            kind = get_kind("audio" if facts.media_type == "audio" else "image")
            run(kind, {} if kind.name == "audio" else {"width": 20}, path, folder)
        except MediaError as exc:
            refusal = exc.message
        else:
            refusal = "."
        assert refusal.endswith(".")
        assert str(tmp_path) not in refusal
    assert host.call("ping", {})


def test_side_data_without_a_name_does_not_hide_the_rotation():
    # Imported here: decoders have no place in this process otherwise.
    from workers.engine.frames import turned

    class Frame(SimpleNamespace):
        @property
        def side_data(self):
            raise ValueError("31 is not a valid Type")

    assert turned(Frame(rotation=-90)) == (270, False)
    assert turned(None) == (0, False)


@pytest.mark.parametrize("name", ["concat:/etc/passwd", "%04d.png", "pipe:0", "-y", "http:x", "a'b;c"])
def test_odd_names_are_only_names(make_image, tmp_path, name):
    path = tmp_path / name.replace("/", "_")
    path.write_bytes(make_image().read_bytes())
    assert probe(path).displayed == (64, 48)


@pytest.mark.ffmpeg
def test_a_playlist_in_a_container_reaches_no_other_file(make_video, tmp_path, workdir):
    # A QuickTime reference movie names its media by alias; ffmpeg must not follow it.
    outside = make_video(".mov", audio=None)
    data = outside.read_bytes()
    place = data.find(b"url \0\0\0\x0c\0\0\0\x01")
    assert place < 0 or data[place + 11] == 1  # media in the same file, as our own files say
    listing = tmp_path / "list.mp4"
    listing.write_text(f"ffconcat version 1.0\nfile '{outside}'\n")
    with pytest.raises(MediaError):
        run(get_kind("video"), {}, listing, workdir)
