"""Which things are in pictures and videos, by a detector that is named."""

import pytest

from workers.documents import read_document
from workers.engine.errors import ModelMissing
from workers.kinds.objects import KIND
from workers.run import run
from workers.tests.media import BLUE, RED, ffmpeg

pytestmark = [pytest.mark.ffmpeg, pytest.mark.xdist_group("vision")]


def test_things_of_a_turned_picture_are_where_they_are_shown(detector, make_image, workdir, monkeypatch):
    monkeypatch.setenv("VISION_OBJECTS_MODEL", str(detector))
    done = run(KIND, {}, make_image(size=(160, 120), orientation=6), workdir)
    document = read_document(done.outputs[0].path)
    assert sorted(document["labels"]) == ["blue thing", "red thing"]
    assert (document["width"], document["height"]) == (160, 120)
    places = {item["label"]: item["box"] for item in document["timeline"]}
    near = {side: pytest.approx(share, abs=0.03) for side, share in (("width", 0.5), ("height", 0.5))}
    assert places["red thing"] == {"x": pytest.approx(0, abs=0.03), "y": pytest.approx(0, abs=0.03), **near}
    assert places["blue thing"] == {"x": pytest.approx(0, abs=0.03), "y": pytest.approx(0.5, abs=0.03), **near}
    assert (done.result.labels, done.result.model) == (tuple(document["labels"]), "colours")


def test_things_of_a_video_have_their_times(detector, tmp_path, workdir, monkeypatch):
    monkeypatch.setenv("VISION_OBJECTS_MODEL", str(detector))
    path = tmp_path / "video.mp4"
    red, blue = ("0x{:02x}{:02x}{:02x}".format(*color) for color in (RED, BLUE))
    graph = (
        f"color=gray:s=160x120:r=10:d=6,drawbox=x=16:y=12:w=48:h=36:color={red}:t=fill:enable=lt(t\\,4),"
        f"drawbox=x=96:y=60:w=32:h=48:color={blue}:t=fill:enable=gte(t\\,2),format=yuv420p"
    )
    ffmpeg("-f", "lavfi", "-i", graph, path)
    document = read_document(run(KIND, {}, path, workdir).outputs[0].path)
    spans = {item["label"]: (item["start"], item["end"]) for item in document["timeline"]}
    assert spans == {
        "red thing": (0.0, pytest.approx(4.0, abs=0.11)),
        "blue thing": (pytest.approx(2.0, abs=0.11), pytest.approx(6.0, abs=0.11)),
    }
    assert len(document["timeline"]) == 2
    (blue_box,) = [item["box"] for item in document["timeline"] if item["label"] == "blue thing"]
    assert [blue_box[side] for side in ("x", "y", "width", "height")] == pytest.approx([0.6, 0.5, 0.2, 0.4], abs=0.02)


def test_what_is_less_sure_than_asked_for_is_left_out(detector, make_image, workdir, monkeypatch):
    monkeypatch.setenv("VISION_OBJECTS_MODEL", str(detector))  # which is sure to 0.9
    done = run(KIND, {"confidence": 0.95}, make_image(), workdir)
    assert (done.result.detected, done.result.count) == (False, 0)


def test_everyday_things_of_a_photo_are_found_by_the_model_that_is_installed(everyday, real_photos, workdir):
    done = run(KIND, {}, real_photos["motorcycle_left.png"], workdir)
    (thing,) = read_document(done.outputs[0].path)["timeline"]
    assert (thing["label"], thing["confidence"] > 0.6) == ("motorcycle", True)
    assert [thing["box"][side] for side in ("x", "y", "width", "height")] == pytest.approx(
        (0.16, 0.07, 0.76, 0.82), abs=0.05
    )
    assert (done.result.model, len(done.result.model_version)) == ("CenterNet", 12)


@pytest.mark.usefixtures("nothing_fetched")
def test_without_a_detector_the_task_says_which_setting_names_one(make_image, workdir):
    with pytest.raises(ModelMissing, match="VISION_OBJECTS_MODEL"):
        run(KIND, {}, make_image(), workdir)
