"""Of a picture's words only those stay that say whose it is."""

import json
import shutil
import subprocess

import pytest
from PIL import Image

from workers.kinds.image import KIND
from workers.run import run

EXIFTOOL = shutil.which("exiftool")
KEEPERS = ("jpeg", "png", "webp", "avif", "heic")
RIGHTS = ("Zoë Ångström", "© 2026 Zoë Ångström")
# What says where, when, with what and by which hand.
PRIVATE = ("GPS", "Serial", "MakerNote", "Comment", "Thumbnail", "CreateDate", "Owner", "Software", "Model", "Make")


def told(path):
    """Artist and copyright of a picture, as Pillow reads them."""
    with Image.open(path) as image:
        exif = image.getexif()
        found = [exif.get(0x013B), exif.get(0x8298)]
        rest = set(exif) - {0x013B, 0x8298}
    return tuple(text and text.encode("latin-1").decode() for text in found), rest


def private_source(path, **more):
    """A photo with everything a camera and an editor write."""
    image = Image.new("RGB", (64, 48), (200, 90, 40))
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x0131] = "Maker", "Model 5", "Editor 3"
    exif[0x013B], exif[0x8298] = (text.encode() for text in RIGHTS)
    exif.get_ifd(0x8825).update({1: "N", 2: (35.0, 39.0, 31.0), 3: "E", 4: (139.0, 44.0, 44.0)})
    exif.get_ifd(0x8769).update({0xA431: "SN-12345", 0x927C: b"maker's own", 0x9286: b"ASCII\0\0\0at home"})
    image.save(path, exif=exif, **more)
    return path


@pytest.mark.parametrize("name", KEEPERS)
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".avif", ".heic", ".tiff"])
def test_artist_and_copyright_are_kept_and_nothing_else(workdir, tmp_path, suffix, name):
    more = {"comment": b"at home"} if suffix == ".jpg" else {}
    done = run(KIND, {"format": name}, private_source(tmp_path / f"in{suffix}", **more), workdir)
    path = done.outputs[0].path
    assert told(path) == (RIGHTS, set())
    assert b"at home" not in path.read_bytes()
    assert b"SN-12345" not in path.read_bytes()
    assert not done.outputs[0].probe.has_location


@pytest.mark.skipif(not EXIFTOOL, reason="exiftool is not installed")
@pytest.mark.parametrize("name", KEEPERS)
def test_exiftool_finds_whose_it_is_and_nothing_private(workdir, tmp_path, name):
    done = run(KIND, {"format": name}, private_source(tmp_path / "in.jpg", comment=b"at home"), workdir)
    listed = subprocess.run(
        [EXIFTOOL, "-j", "-G1", "-a", done.outputs[0].path], capture_output=True, check=True, timeout=150
    )
    (tags,) = json.loads(listed.stdout)
    assert (tags["IFD0:Artist"], tags["IFD0:Copyright"]) == RIGHTS
    assert not [tag for tag in tags if any(word in tag.partition(":")[2] for word in PRIVATE)]


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_rights_in_xmp_are_kept_as_well(workdir, tmp_path, suffix):
    xmp = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/">'
        "<dc:creator><rdf:Seq><rdf:li>Zoë Ångström</rdf:li></rdf:Seq></dc:creator>"
        '<dc:rights><rdf:Alt><rdf:li xml:lang="x-default">Me &amp; you</rdf:li></rdf:Alt></dc:rights>'
        "</rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    source = tmp_path / f"in{suffix}"
    image = Image.new("RGB", (32, 32))
    if suffix == ".png":
        from PIL.PngImagePlugin import PngInfo

        info = PngInfo()
        info.add_itxt("XML:com.adobe.xmp", xmp)
        image.save(source, pnginfo=info)
    else:
        image.save(source, xmp=xmp.encode())
    done = run(KIND, {"format": "jpeg"}, source, workdir)
    assert told(done.outputs[0].path) == (("Zoë Ångström", "Me & you"), set())
    assert b"xmpmeta" not in done.outputs[0].path.read_bytes()


def test_a_pngs_words_are_kept(workdir, tmp_path):
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("Author", "Zoe")
    info.add_text("Copyright", "Zoe's")
    info.add_text("Comment", "at home")
    Image.new("RGB", (32, 32)).save(tmp_path / "in.png", pnginfo=info)
    done = run(KIND, {}, tmp_path / "in.png", workdir)
    assert told(done.outputs[0].path) == (("Zoe", "Zoe's"), set())
    assert b"at home" not in done.outputs[0].path.read_bytes()


@pytest.mark.parametrize("name", ["webp", "png", "avif"])
def test_an_animation_keeps_whose_it_is(make_image, workdir, name):
    source = make_image(".webp", frames=2, duration=100, gps=True, rights=("Zoe", "Zoe's"))
    done = run(KIND, {"format": name}, source, workdir)
    assert done.result.frames == 2
    assert told(done.outputs[0].path) == (("Zoe", "Zoe's"), set())
    assert not done.outputs[0].probe.has_location


def test_words_without_end_are_cut(workdir, tmp_path):
    exif = Image.Exif()
    exif[0x8298] = b"x" * 5000 + b"\x07\n"
    Image.new("RGB", (32, 32)).save(tmp_path / "in.jpg", exif=exif)
    done = run(KIND, {}, tmp_path / "in.jpg", workdir)
    assert told(done.outputs[0].path) == ((None, "x" * 500), set())


@pytest.mark.parametrize("name", KEEPERS)
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tiff"])
def test_a_place_without_rights_beside_it_is_left_out(make_image, workdir, suffix, name):
    done = run(KIND, {"format": name}, make_image(suffix, gps=True), workdir)
    assert told(done.outputs[0].path) == ((None, None), set())
    assert not done.outputs[0].probe.has_location
