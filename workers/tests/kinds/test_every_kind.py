"""What holds for every kind there is, and for each one added."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from workers.estimate import estimate
from workers.kinds import all_kinds, get_kind
from workers.kinds.base import Options
from workers.plans import FfmpegStep
from workers.providers.base import Providers
from workers.resolved import resolved_options
from workers.run import check, run, source_from_path
from workers.tests.models import Teller

_PACKAGES = ("hls", "dash")
KINDS = all_kinds()
EXAMPLES = [(kind.name, number) for kind in KINDS.values() for number in range(len(kind.examples))]
LOOKING = ("nsfw", "objects", "faces", "text")  # their models are loaded in one process of the run
TELLING = ("description", "tags")  # with the same
RUN = [
    pytest.param(name, number, marks=pytest.mark.xdist_group("vision") if name in (*LOOKING, *TELLING) else ())
    for name, number in EXAMPLES
]


@pytest.fixture
def source(make_video, make_audio, make_image):
    """A source that a kind takes: a video where it can."""

    def found(accepts: frozenset[str]) -> Path:
        if "video" in accepts:
            return make_video(seconds=1.0, size=(128, 96), channels=2)
        return make_audio() if "audio" in accepts else make_image()

    return found


@pytest.mark.ffmpeg
@pytest.mark.parametrize(("name", "number"), RUN)
def test_examples_make_what_the_plan_says(source, workdir, report, request, monkeypatch, name, number):
    if name in LOOKING:
        request.getfixturevalue("vision")
    if name == "objects":  # which has no model in a package
        monkeypatch.setenv("VISION_OBJECTS_MODEL", str(request.getfixturevalue("detector")))
    kind = get_kind(name)
    given = source(kind.accepts)
    asked = source_from_path(given)
    if name == "prompt":  # nothing on this machine answers questions
        asked = replace(asked, providers=Providers(language=Teller("A test.")))
    done = run(kind, kind.examples[number], asked, workdir, report=report)
    makes_a_file = bool(kind.object)
    assert [output.entry for output in done.outputs].count(True) == makes_a_file
    whole = sum(output.path.stat().st_size for output in done.outputs)
    for output in done.outputs:
        assert output.path == workdir / output.name
        if output.probe is None:  # a part of a package, whose entry stands for all, or text, which is no medium
            assert not output.entry or output.type.startswith(("text/", "application/"))
            continue
        assert output.probe.size == (output.path.stat().st_size if output.probe.container not in _PACKAGES else whole)
        assert output.probe.media_type in output.type or output.type.startswith(("text/", "application/"))
    assert json.loads(json.dumps(done.plan)) == done.plan
    assert str(workdir) not in json.dumps(done.plan)
    assert bool(done.plan["commands"]) == makes_a_file
    # What is made of another kind's result alone reads nothing of the source itself.
    from_others = kind.needs(kind.options.model_validate(kind.examples[number]), asked.probe)
    reads = ("whole", "seek", *(["nothing"] if from_others else [])) if makes_a_file else ("nothing",)
    assert done.plan["reads"] in reads
    assert done.result.model_dump(mode="json")
    (planned,) = report.plans
    later = {"notes": [*planned["notes"], *done.plan["notes"][len(planned["notes"]) :]]}  # what steps had to tell
    # Measured values have their places in the plan.
    assert planned | later == done.plan or "@{" in json.dumps(planned)
    assert "@{" not in json.dumps(done.plan)
    assert report.percents == sorted(report.percents)


BOUNDED = {"libx265": "pools=3:", "libsvtav1": "lp=3"}  # what ffmpeg's own option does not reach


@pytest.mark.ffmpeg
@pytest.mark.parametrize(
    ("name", "options"),
    [
        *((name, KINDS[name].examples[number]) for name, number in EXAMPLES),
        ("adaptive_video", {"codec": "h265"}),
        ("adaptive_video", {"codec": "av1", "normalize": True}),
        ("video", {"codec": "h265", "normalize": True}),
        ("image", {"interval": 0.5}),
    ],
)
def test_tools_keep_to_the_share_of_processors(source, monkeypatch, name, options):
    monkeypatch.setenv("FFMPEG_THREADS", "3")
    kind = get_kind(name)
    plan = check(kind, options, source_from_path(source(kind.accepts)).probe)
    for args in (step.args for step in plan.steps if isinstance(step, FfmpegStep)):
        told = " ".join(args)
        if "png_pipe" not in told and "-c:v copy" not in told:
            assert args[: args.index("-i")].count("-threads") == 1, told
        if "-filter_complex" in args:
            assert "-filter_complex_threads 3" in told
            assert args[args.index("-i") :].count("-threads") >= 1, told
        for encoder, words in BOUNDED.items():
            assert told.count(f"-c:v {encoder} ") == told.count(words), told


@pytest.mark.ffmpeg
@pytest.mark.parametrize(("name", "number"), EXAMPLES)
def test_what_it_takes_and_how_options_are_meant_can_be_told(source, name, number):
    kind = get_kind(name)
    facts = source_from_path(source(kind.accepts)).probe
    options = kind.options.model_validate(kind.examples[number])
    plan = check(kind, options, facts)
    told = estimate(plan, facts, cores=2)
    assert (told.seconds > 0) == bool(plan.steps)
    assert told.seconds < 20  # a second of a tiny video
    assert told.bytes is None or 0 < told.bytes < 10_000_000
    resolved = resolved_options(options, plan)
    given = set(kind.examples[number]) - {"width", "height"}  # which may be shares of the input's
    assert {name: resolved[name] for name in given} == {name: options.model_dump(mode="json")[name] for name in given}


@pytest.mark.ffmpeg
@pytest.mark.parametrize("name", sorted(KINDS))
def test_planning_is_pure(source, monkeypatch, name):
    kind = get_kind(name)
    given = source_from_path(source(kind.accepts))

    def never(*_args, **_options):
        raise AssertionError("planning touched the world")

    monkeypatch.setattr("subprocess.Popen.__init__", never)
    monkeypatch.setattr("builtins.open", never)
    monkeypatch.setattr("os.open", never)
    plans = [kind.plan(kind.options.model_validate(kind.examples[0]), given) for _ in range(2)]
    assert plans[0] == plans[1]


@pytest.mark.parametrize("name", sorted(KINDS))
def test_the_record_is_whole(name):
    kind = get_kind(name)
    assert kind.name == name
    assert kind.summary.endswith(".")
    assert kind.object in ("source", "track", "intelligence", "")
    assert kind.lane in ("fast", "heavy", "intelligence")
    assert kind.accepts <= {"image", "video", "audio", "text"}
    assert issubclass(kind.options, Options)
    assert kind.examples
    for example in kind.examples:
        assert kind.options.model_validate(example)
    assert kind.options.model_validate({})
