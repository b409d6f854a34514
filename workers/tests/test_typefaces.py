"""The fonts there are: read from their own tables, an operator's beside the bundled ones."""

import pytest

from workers import typefaces
from workers.typefaces import (
    BUNDLED,
    FontFolderError,
    best_face,
    clusters,
    faces_for,
    families,
    find_family,
    font_folder,
    missing,
)


@pytest.fixture
def font_dir(tmp_path, monkeypatch):
    """A folder of an operator's, with Inter under another name."""
    data = (BUNDLED / "Inter-Regular.otf").read_bytes()
    renamed = data.replace("Inter".encode("utf-16-be"), "Xylem".encode("utf-16-be"))
    folder = tmp_path / "more"
    folder.mkdir()
    (folder / "x.otf").write_bytes(renamed)
    (folder / "broken.ttf").write_bytes(data[:5000])
    (folder / "empty.ttf").write_bytes(b"")
    (folder / "notes.txt").write_text("no font")
    monkeypatch.setenv("FONT_DIR", str(folder))
    return folder


def test_the_bundled_families():
    known = {(face.family, face.weight, face.italic) for face in typefaces.typefaces()}
    for family in ("Inter", "Source Serif 4"):
        assert {(family, 400, False), (family, 400, True), (family, 700, False), (family, 700, True)} <= known
    assert {("JetBrains Mono", 400, False), ("JetBrains Mono", 700, False)} <= known
    assert len(families()) == 9


def test_fonts_and_their_licence_are_small():
    assert "SIL OPEN FONT LICENSE" in (BUNDLED / "OFL.txt").read_text()
    assert sum(path.stat().st_size for path in BUNDLED.iterdir()) < 6 * 1024**2


def test_a_face_knows_its_characters():
    inter = faces_for("Inter")[0]
    assert all(inter.has(character) for character in "aZß€жΩ")
    assert not any(inter.has(character) for character in "\x00שعあ한😀")


def test_the_nearest_face_is_chosen():
    assert faces_for("Inter", weight=900)[0].weight == 700
    assert faces_for("Inter", weight=500, italic=True)[0].italic
    assert not faces_for("JetBrains Mono", italic=True)[0].italic


def test_what_a_family_lacks_comes_from_another():
    faces = faces_for("Source Serif 4", weight=700)
    found = {character: best_face(character, faces).family for character in "aשعあ한हไ😀"}
    assert found == {
        "a": "Source Serif 4",
        "ש": "Noto Sans Hebrew",
        "ع": "Noto Sans Arabic",
        "あ": "Noto Sans CJK SC",
        "한": "Noto Sans CJK SC",
        "ह": "Noto Sans Devanagari",
        "ไ": "Noto Sans Thai",
        "😀": "Noto Emoji",
    }
    assert best_face("𐎀", faces) is None
    assert missing("a𐎀\n", faces) == ("𐎀",)
    assert missing("\u200d\u200f\ufe0f", faces) == ()  # seen by nobody


def test_what_belongs_together_stays_together():
    assert list(clusters("e\u0301a👍🏽👩\u200d💻❤\ufe0f!")) == ["e\u0301", "a", "👍🏽", "👩\u200d💻", "❤\ufe0f", "!"]


def test_an_operators_fonts_are_found(font_dir):
    assert find_family("xylem") == "Xylem"
    assert families()[-1] == "Xylem"
    assert faces_for("Xylem")[0].path == str(font_dir / "x.otf")
    assert best_face("ש", faces_for("Xylem")).family == "Noto Sans Hebrew"


def test_a_folder_that_is_not_there_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("FONT_DIR", str(tmp_path / "nowhere"))
    with pytest.raises(FontFolderError) as caught:
        font_folder()
    assert str(caught.value) == f"FONT_DIR names {str(tmp_path / 'nowhere')!r}, which is no folder."
    assert len(families()) == 9  # a start-up check has told the operator; those who ask for a font are not to blame
