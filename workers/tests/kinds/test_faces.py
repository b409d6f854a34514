"""Where faces are in pictures and videos."""

import pytest
from PIL import Image

from tests.photos import FACE
from workers.documents import read_document
from workers.kinds.faces import KIND
from workers.run import run
from workers.tests.media import ffmpeg

pytestmark = [pytest.mark.ffmpeg, pytest.mark.xdist_group("vision")]


def test_a_photo_of_a_person_has_a_face_at_its_place(vision, real_photos, workdir):
    name, place = FACE
    done = run(KIND, {}, real_photos[name], workdir)
    document = read_document(done.outputs[0].path)
    (face,) = document["timeline"]
    assert [face["box"][side] for side in ("x", "y", "width", "height")] == pytest.approx(place, abs=0.04)
    assert (document["faces"], document["detected"], face["label"]) == (1, True, "face")
    assert face["confidence"] > 0.95
    assert (done.result.faces, done.result.model, done.result.model_version) == (1, "MTCNN", "1.0.0")


def test_a_photo_of_a_cat_has_none(vision, real_photos, workdir):
    done = run(KIND, {}, real_photos["chelsea.png"], workdir)
    assert (done.result.detected, done.result.faces, done.result.confidence) == (False, 0, 0.0)


def test_a_face_in_a_video_has_its_time(vision, real_photos, tmp_path, workdir):
    with Image.open(real_photos[FACE[0]]) as image:
        image.convert("RGB").resize((320, 320)).save(tmp_path / "person.png")
    path = tmp_path / "video.mp4"
    ffmpeg("-f", "lavfi", "-i", "color=gray:s=320x320:r=10:d=2", "-loop", "1", "-framerate", "10", "-t", "2", "-i",
           tmp_path / "person.png", "-filter_complex", "[0][1]concat=n=2,format=yuv420p", path)  # fmt: skip
    (face,) = read_document(run(KIND, {}, path, workdir).outputs[0].path)["timeline"]
    assert (face["start"], face["end"]) == (pytest.approx(2.0, abs=0.11), pytest.approx(4.0, abs=0.11))
