"""Whether pictures and videos are unsafe for work, by the models that are installed."""

import itertools

import pytest

from workers.documents import read_document
from workers.engine.errors import ModelMissing, SourceUnsupported
from workers.engine.probe import Image, Probe
from workers.kinds.nsfw import KIND, NsfwOptions, plan
from workers.plans import Source
from workers.providers.base import Providers
from workers.run import check, run, source_from_path

pytestmark = [pytest.mark.ffmpeg, pytest.mark.xdist_group("vision")]


def test_a_safe_photo_is_safe(vision, real_photos, workdir, report):
    done = run(KIND, {}, real_photos["coffee.png"], workdir, report=report)
    assert [(output.name, output.type, output.entry) for output in done.outputs] == [
        ("nsfw.json", "application/json", True),
        ("nsfw.2025.json", "application/json", False),
    ]
    document, later = (read_document(output.path) for output in done.outputs)
    assert (document["object"], document["kind"], document["detected"]) == ("intelligence", "nsfw", False)
    assert 0 <= document["sexual"] < 0.1
    assert (document["violence"], document["gore"]) == (None, None)
    assert document["categories_checked"] == ["nudity", "sexual"]
    assert document["confidence"] == max(document["nudity"], document["sexual"])
    assert (document["model"], document["model_version"]) == ("NudeNet + open_nsfw", "3.4.2 + 0.1.0")
    assert (later["nudity"], later["sexual"], later["violence"], later["gore"]) == (False, False, None, None)
    told = {name: document[name] for name in KIND.result(None, list(done.outputs)).model_dump() if name in document}
    assert done.result.model_dump() == {
        "is_nsfw": False, **told, "categories_checked": ("nudity", "sexual"),
    }  # fmt: skip


def test_a_video_has_a_timeline_of_its_scenes(vision, make_video, workdir):
    done = run(KIND, {"threshold": 0.9}, make_video(seconds=3.0, size=(64, 48)), workdir)
    document = read_document(done.outputs[0].path)
    spans = [(item["start"], item["end"]) for item in document["timeline"]]
    assert spans[0][0] == 0.0
    assert spans[-1][1] == pytest.approx(3.0, abs=0.1)
    assert all(end == start for (_, end), (start, _) in itertools.pairwise(spans))
    assert document["frames"] == len(spans) >= 2
    assert document["thresholds"] == {"nudity": 0.9, "sexual": 0.9}
    assert document["detected"] is False


def test_a_threshold_that_is_reached_flags_it(vision, real_photos, workdir):
    done = run(KIND, {"thresholds": {"sexual": 0.001}}, real_photos["coffee.png"], workdir)
    assert done.result.is_nsfw
    assert read_document(done.outputs[1].path)["categories"] == ["sexual"]


def test_what_a_task_says_stands_in_the_plan_and_nothing_of_this_host():
    facts = Probe("image", "image/png", "png", 100, width=20, height=10, image=Image("png", "RGB", 20, 10))
    options = NsfwOptions(threshold=0.4, thresholds={"gore": 0.9})
    told = plan(options, Source(facts, lambda target, reads: None)).steps[-1].operations
    assert told["thresholds"] == {"nudity": 0.4, "sexual": 0.4, "violence": 0.4, "gore": 0.9}
    unset = plan(NsfwOptions(), Source(facts, lambda target, reads: None)).steps[-1].operations
    assert set(unset["thresholds"].values()) == {None}


def test_without_a_model_the_task_names_the_command_before_anything_is_fetched(make_video, workdir, report):
    source = source_from_path(make_video(seconds=0.2))
    source = Source(source.probe, source.fetch, providers=Providers())
    with pytest.raises(ModelMissing, match="make intelligence"):
        run(KIND, {}, source, workdir, report=report)
    assert list(workdir.iterdir()) == []


def test_sound_is_refused(make_audio):
    with pytest.raises(SourceUnsupported, match="image or video"):
        check(KIND, {}, source_from_path(make_audio()).probe)
