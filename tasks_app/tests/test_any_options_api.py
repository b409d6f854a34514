"""Whatever JSON stands for an option: taken, or refused with 400 by the option's name, and then nothing is recorded."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from events_app.models import Event
from ittyhost.api.parsers import read_json
from ittyhost.errors import Invalid
from media_app.models import File
from media_app.services.facts import file_facts
from media_app.tests.factories import jpeg_facts, make_file
from orgs_app.tests.caller import G1, G4, Caller, is_2024, refusal
from tasks_app.models import Task
from workers.engine.probe import AudioStream, Probe, VideoStream
from workers.kinds import all_kinds
from workers.kinds.base import Kind
from workers.options import option_errors
from workers.tests.strategies import any_options

EXAMPLES = 40
# In the flat bodies of 2025 these say something about the task.
TASKS_OWN = {"input", "kind", "ref", "url", "file_id", "media_id", "task_id", "options", "output", "folder", "filename"}

pytestmark = pytest.mark.django_db


def video_facts() -> Probe:
    """What a probe says of a plain video with sound."""
    picture = VideoStream(0, "h264", 320, 180, 320, 180, frame_rate=25.0, duration=4.0, pix_fmt="yuv420p")
    sound = AudioStream(1, "aac", 2, sample_rate=48_000, duration=4.0)
    return Probe(
        media_type="video",
        mime="video/mp4",
        container="mp4",
        size=100_000,
        demuxer="mov",
        duration=4.0,
        width=320,
        height=180,
        videos=(picture,),
        audios=(sound,),
        faststart=True,
    )


@pytest.mark.hypothesis
@pytest.mark.parametrize("kind", all_kinds().values(), ids=lambda kind: kind.name)
def test_an_option_is_taken_or_refused_by_its_name(kind: Kind, woken: Any) -> None:
    caller = Caller()
    facts = video_facts() if "video" in kind.accepts else jpeg_facts()
    source = make_file(project=caller.project, **file_facts(facts))

    @settings(
        max_examples=EXAMPLES,
        phases=[Phase.generate],  # a case is told as it was found: to shrink it takes minutes
        suppress_health_check=list(HealthCheck),
    )
    @given(options=any_options(kind), version=st.sampled_from([G1, G4]))
    def holds(options: dict[str, Any], version: str) -> None:
        options = {name: value for name, value in options.items() if is_2024(version) or name not in TASKS_OWN}
        options.pop("kind", None)
        made = Task.objects.filter(kind=kind.name, parent=None).count()
        before = Task.objects.count(), File.objects.count(), Event.objects.count()
        output = {"kind": kind.name, **options}
        body = (
            {"input": source.public_id, "output": output}
            if is_2024(version)
            else {"file_id": source.public_id, **output}
        )
        planned = caller.ask("post", "/tasks/plan", version, body)
        assert planned.status_code < 500, (options, planned.content)
        assert (Task.objects.count(), File.objects.count(), Event.objects.count()) == before
        answer = caller.ask("post", "/tasks", version, body)
        if planned.status_code != 405:  # the two refuse the same, in the same words
            assert (planned.status_code >= 400) == (answer.status_code >= 400), (options, planned.content)
            if answer.status_code >= 400:
                assert refusal(planned) == refusal(answer)
        assert answer.status_code in (200, 201, 400, 404), (options, answer.content)
        wrong = refused_names(kind, options)
        event("refused" if wrong else "taken")
        if wrong:
            assert answer.status_code == 400, (options, answer.content)
            told = refusal(answer)
            named = told.get("param", "").removeprefix("output.").split(".")[0]
            # A name that no JSON may hold is not repeated: it is told where it stands.
            assert named in wrong or (any("\0" in name for name in wrong) and named in ("", "output")), (options, told)
            assert told["message"].rstrip().endswith(".")
        if answer.status_code >= 400:
            assert (Task.objects.count(), File.objects.count(), Event.objects.count()) == before
        else:
            # What it needs of other kinds is made once for all of them.
            assert Task.objects.filter(kind=kind.name, parent=None).count() == made + 1

    holds()


def refused_names(kind: Kind, options: dict[str, Any]) -> set[str]:
    """The options that the kind's own schema refuses, as JSON brings them, or that no body may hold."""
    found = {name for name, value in options.items() if not may_be_sent({name: value})}
    try:
        kind.options.model_validate(json.loads(json.dumps(options)))
    except ValidationError as exc:
        found |= {path.split(".")[0] for path, _ in option_errors(exc)}
    return found


def may_be_sent(value: Any) -> bool:
    try:
        read_json(json.dumps(value).encode())
    except Invalid:
        return False
    return True
