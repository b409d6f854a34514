"""What is read of chains of steps, conditions and triggers, and every refusal with its place."""

import json
from typing import Any

import pytest

from ittyhost.errors import Invalid
from tasks_app.api.fields import DOCUMENTED_KINDS
from workers.kinds import all_kinds
from workflows_app.conditions import MAX_CONDITIONS, PROPS, conditions_read
from workflows_app.steps import MAX_BYTES, MAX_DEPTH, MAX_STEPS, chain_read, chain_show, step_kinds, steps_read
from workflows_app.triggers import trigger_read

VIDEO = {"prop": "kind", "value": "video"}


def read(*steps: Any) -> list[dict[str, Any]]:
    return steps_read(list(steps), param="workflow")


def deep(depth: int, **step: Any) -> dict[str, Any]:
    """Steps that follow each other."""
    made: dict[str, Any] = {"kind": "image", **step}
    for _ in range(depth - 1):
        made = {"kind": "image", "next": [made]}
    return made


# --- steps ---


def test_steps_are_kept_as_they_are_given():
    steps = [
        {"kind": "description"},
        {"kind": "image", "width": "50%", "format": "png", "ref": "thumbnail", "label": "small"},
        {"kind": "conditions", "conditions": [VIDEO], "next": [{"kind": "subtitles", "ref": "s", "language": "en"}]},
        {"kind": "http", "url": "https://example.com/hook", "headers": {"a": [1, {"b": None}]}},
        {"kind": "video", "webhook_url": "https://example.com/done", "next": [{"kind": "thumbnails", "count": 3}]},
    ]
    assert steps_read(steps, param="workflow") == steps
    assert [list(step) for step in read(*steps)] == [list(step) for step in steps]


def test_options_may_stand_in_an_object_of_their_own_and_win_there():
    assert read({"kind": "image", "width": 1, "height": 5, "options": {"width": 2}}) == [
        {"kind": "image", "width": 2, "height": 5}
    ]
    assert read({"kind": "store", "options": {"to": "s3"}}) == [{"kind": "store", "to": "s3"}]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("subtitle", "subtitles"),
        ("thumbnail", "thumbnails"),
        ("describe", "description"),
        ("summary", "description"),
        ("webhook", "http"),
    ],
)
def test_a_kind_spelled_otherwise_is_kept_under_its_name(written, meant):
    assert read({"kind": written, "ref": "a"}) == [{"kind": meant, "ref": "a"}]


def test_what_is_null_or_empty_is_not_given():
    given = {"kind": "image", "ref": None, "next": None, "options": None, "webhook_url": None}
    assert read(given, {"kind": "speech", "next": []}) == [{"kind": "image"}, {"kind": "speech"}]


@pytest.mark.parametrize("kind", sorted({*DOCUMENTED_KINDS, *all_kinds()} - {"workflow", "conditions"}))
def test_every_documented_kind_may_be_a_step(kind):
    assert read({"kind": kind}) == [{"kind": kind}]


def test_two_steps_may_have_one_ref():
    # The newest file of a ref is the one that a media's urls name: that is no mistake.
    assert len(read({"kind": "image", "ref": "a"}, {"kind": "image", "ref": "a"})) == 2


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        (None, "workflow must be an array of steps."),
        ({}, "workflow must be an array of steps."),
        ([], "workflow must have at least one step."),
        (["image"], "workflow.0 must be an object: a kind, its options, and in next the steps that follow."),
        ([{}], f"workflow.0.kind is required: one of {', '.join(step_kinds())}."),
        ([{"kind": ""}], f"workflow.0.kind is required: one of {', '.join(step_kinds())}."),
        ([{"kind": "painting"}], f"workflow.0.kind must be one of {', '.join(step_kinds())}."),
        ([{"kind": ["image"]}], f"workflow.0.kind must be one of {', '.join(step_kinds())}."),
        (
            [{"kind": "workflow", "workflow": []}],
            "workflow.0.kind must not be workflow: put its steps beside this one, or into the next of another.",
        ),
        ([{"kind": "image"}, {"kind": "image", "width": 0}], "workflow.1.width must be a whole number of pixels"),
        ([{"kind": "image", "colour": 1}], "workflow.0.colour is not an option here."),
        ([{"kind": "image", "url": "https://example.com/a"}], "workflow.0.url is not an option here."),
        ([{"kind": "image", "folder": "a/../b"}], "workflow.0.folder must be a path such as clips/2025"),
        ([{"kind": "image", "filename": "file_0123456789abcdef"}], "workflow.0.filename must not hold"),
        ([{"kind": "image", "ref": 5}], "workflow.0.ref must be a string."),
        ([{"kind": "speech", "ref": 5}], "workflow.0.ref must be a string."),
        ([{"kind": "speech", "ref": "x" * 101}], "workflow.0.ref must have at most 100 characters."),
        ([{"kind": "conditions", "ref": {}, "conditions": [VIDEO]}], "workflow.0.ref must be a string."),
        ([{"kind": "speech", "options": []}], "workflow.0.options must be an object."),
        ([{"kind": "speech", "options": {"kind": "image"}}], "workflow.0.options.kind is no option"),
        ([{"kind": "speech", "options": {"next": []}}], "workflow.0.options.next is no option"),
        ([{"kind": "image", "webhook_url": "mailto:a"}], "workflow.0.webhook_url must be an http(s) URL"),
        ([{"kind": "image", "next": {}}], "workflow.0.next must be an array of steps."),
        ([{"kind": "image", "next": "image"}], "workflow.0.next must be an array of steps."),
        ([{"kind": "speech", "next": [5]}], "workflow.0.next.0 must be an object"),
        (
            [{"kind": "image"}, {"kind": "speech", "next": [{"kind": "video", "fps": 100}]}],
            "workflow.1.next.0.fps must be at most 60",
        ),
        ([{"kind": "conditions"}], "workflow.0.conditions must be an array of conditions"),
        ([{"kind": "conditions", "conditions": []}], "workflow.0.conditions must have at least one condition."),
        (
            [{"kind": "speech", "next": [{"kind": "conditions", "conditions": [VIDEO, {"prop": "colour"}]}]}],
            "workflow.0.next.0.conditions.1.prop must be one of kind, title,",
        ),
    ],
)
def test_a_refusal_names_the_place(steps, message):
    with pytest.raises(Invalid) as refused:
        steps_read(steps, param="workflow")
    assert refused.value.message.startswith(message)
    assert refused.value.param == message.partition(" ")[0].rstrip(":")


def test_there_is_an_end_to_depth():
    assert read(deep(MAX_DEPTH)) == [deep(MAX_DEPTH)]
    with pytest.raises(Invalid) as refused:
        read(deep(MAX_DEPTH + 1))
    assert refused.value.message == (
        f"workflow{'.0.next' * MAX_DEPTH} lies too deep: at most 10 steps may follow each other. "
        "Let some of them run side by side."
    )


def test_there_is_an_end_to_the_number_of_steps_at_all_depths():
    most = [{"kind": "image", "next": [{"kind": "speech"}]}] * (MAX_STEPS // 2)
    assert steps_read(most, param="tasks") == most
    for more in ([*most, {"kind": "image"}], [{"kind": "image", "next": most}]):
        with pytest.raises(Invalid) as refused:
            steps_read(more, param="tasks")
        assert (refused.value.message, refused.value.param) == (
            "tasks may have at most 100 steps in all. Make a second automation of the rest.",
            "tasks",
        )


def test_there_is_an_end_to_what_is_kept_of_options():
    step = {"kind": "store", "to": ""}
    step["to"] = "é" * ((MAX_BYTES - len(json.dumps([step]))) // 2)
    assert read(step) == [step]
    step["to"] += "é"
    with pytest.raises(Invalid, match="workflow must have at most 65536 bytes"):
        read(step)


# --- conditions ---


def test_every_property_may_be_asked_for_and_values_are_text():
    given = [{"prop": prop, "value": "video/*"} for prop in PROPS[:MAX_CONDITIONS]]
    assert conditions_read(given, param="conditions") == given
    assert {"kind", "media.kind", "file.type", "file.size"} <= set(PROPS)
    values = ["a", "", 5, 1.5, True, False]
    given = [{"prop": "kind", "value": value} for value in values]
    assert [one["value"] for one in conditions_read(given, param="x")] == ["a", "", "5", "1.5", "true", "false"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "trigger.conditions must be an array of conditions, each with prop and value."),
        ([], "trigger.conditions must have at least one condition."),
        ([VIDEO] * 21, "trigger.conditions must have at most 20 conditions."),
        (["kind"], "trigger.conditions.0 must be an object with prop and value."),
        ([{"value": "a"}], f"trigger.conditions.0.prop is required: one of {', '.join(PROPS)}."),
        ([{"prop": ["kind"], "value": "a"}], f"trigger.conditions.0.prop must be one of {', '.join(PROPS)}."),
        ([VIDEO, {"prop": "kind"}], "trigger.conditions.1.value is required: a text, number, true or false."),
        ([{"prop": "kind", "value": []}], "trigger.conditions.0.value must be a text, number, true or false."),
        ([{"prop": "kind", "value": "x" * 501}], "trigger.conditions.0.value must have at most 500 characters."),
        ([VIDEO | {"op": "not"}], "trigger.conditions.0.op is not known here: a condition has prop and value."),
    ],
)
def test_a_condition_is_refused_by_its_place(given, message):
    with pytest.raises(Invalid) as refused:
        conditions_read(given, param="trigger.conditions")
    assert (refused.value.message, refused.value.param) == (message, message.partition(" ")[0])


# --- what a whole chain hangs on ---


def test_a_step_of_conditions_before_all_others_is_what_the_chain_hangs_on():
    steps = [{"kind": "image"}, {"kind": "speech"}]
    chain = [{"kind": "conditions", "conditions": [VIDEO], "next": steps}]
    assert chain_read(chain, param="workflow") == ([VIDEO], steps)
    assert chain_show([VIDEO], steps) == chain
    assert chain_read(steps, param="workflow") == ([], steps)
    assert chain_show([], steps) == steps


@pytest.mark.parametrize(
    "chain",
    [
        [{"kind": "conditions", "conditions": [VIDEO]}],
        [{"kind": "conditions", "conditions": [VIDEO], "ref": "gate", "next": [{"kind": "image"}]}],
        [{"kind": "conditions", "conditions": [VIDEO], "next": [{"kind": "image"}]}, {"kind": "speech"}],
    ],
)
def test_other_steps_of_conditions_are_steps_as_any(chain):
    assert chain_read(chain, param="workflow") == ([], chain)
    assert chain_show([], chain) == chain


def test_a_deepest_chain_may_hang_on_conditions():
    chain = chain_show([VIDEO], [deep(MAX_DEPTH)])
    assert chain_read(chain, param="workflow") == ([VIDEO], [deep(MAX_DEPTH)])


@pytest.mark.parametrize(
    ("step", "place"),
    [
        ({"next": [{"kind": "image"}, {"kind": "image", "width": -1}]}, "workflow.0.next.1.width"),
        ({"next": {"kind": "image"}}, "workflow.0.next"),
        ({"next": ["image"], "conditions": [VIDEO]}, "workflow.0.next.0"),
        ({"next": [{"kind": "image"}], "conditions": 5}, "workflow.0.conditions"),
        ({"next": [{"kind": "image"}], "conditions": [VIDEO, {"prop": "x"}]}, "workflow.0.conditions.1.prop"),
    ],
)
def test_places_behind_conditions_are_named_as_they_are_written(step, place):
    with pytest.raises(Invalid) as refused:
        chain_read([{"kind": "conditions", "conditions": [VIDEO]} | step], param="workflow")
    assert refused.value.param == place


# --- triggers ---


@pytest.mark.parametrize("event", ["media.created", "media.ready", "upload.completed"])
@pytest.mark.parametrize("more", [{}, {"kind": "event"}, {"kind": None, "conditions": None}])
def test_a_trigger_is_kept_as_the_one_event_there_is(event, more):
    assert trigger_read({"event": event, **more}) == {"event": "media.created"}


def test_a_trigger_tells_its_conditions_or_that_there_are_none():
    given = {"event": "media.created", "conditions": [{"prop": "file.size", "value": 5}]}
    assert trigger_read(given) == {"event": "media.created", "conditions": [{"prop": "file.size", "value": "5"}]}
    assert trigger_read({"event": "media.created", "conditions": []}) == {"event": "media.created", "conditions": []}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("media.created", 'trigger must be an object: {"kind": "event", "event": "media.created"}.'),
        ({}, "trigger.event is required: media.created."),
        ({"event": "task.completed"}, "trigger.event must be media.created."),
        ({"event": ["media.created"]}, "trigger.event must be media.created."),
        ({"event": "media.created", "kind": "cron"}, "trigger.kind must be event."),
        ({"event": "media.created", "kind": ""}, "trigger.kind must be event."),
        (
            {"event": "media.created", "every": 5},
            "trigger.every is not known here: a trigger has kind, event and conditions.",
        ),
        (
            {"event": "media.created", "conditions": {}},
            "trigger.conditions must be an array of conditions, each with prop and value.",
        ),
    ],
)
def test_a_trigger_is_refused_by_its_place(given, message):
    with pytest.raises(Invalid) as refused:
        trigger_read(given)
    assert (refused.value.message, refused.value.param) == (message, message.partition(" ")[0])
