"""Kinds that only steer, beside those of the engine: found by name, listed everywhere, run by nobody."""

from pathlib import Path

import pytest
from django.core.management import call_command

from ittyhost.queue import LANES
from tasks_app import control
from tasks_app.management.commands.kinds_page import kinds_page
from tasks_app.models import kind_choices
from workers import kinds as engine
from workers.engine.probe import Probe
from workers.kinds import UnknownKind
from workers.kinds.base import Source


def test_all_kinds_are_the_engines_and_those_that_steer():
    assert list(control.all_kinds()) == sorted([*engine.all_kinds(), "ingest"])
    assert control.get_kind("ingest") is control.INGEST
    assert control.get_kind("image") is engine.get_kind("image")
    with pytest.raises(UnknownKind):
        control.get_kind("painting")


def test_a_kind_that_steers_has_another_name_than_those_of_the_engine():
    assert not {kind.name for kind in control.CONTROL_KINDS} & set(engine.all_kinds())


@pytest.mark.parametrize("kind", control.CONTROL_KINDS, ids=lambda kind: kind.name)
def test_each_is_whole(kind):
    assert kind.summary.endswith(".")
    assert kind.lane in LANES
    assert kind.examples
    for example in kind.examples:
        kind.options.model_validate(example)
    assert all(field.description for field in kind.options.model_fields.values())
    facts = Probe(media_type="image", mime="image/jpeg", container="jpeg", size=1)
    with pytest.raises(TypeError, match="no plan"):
        kind.plan(kind.options(), Source(facts, lambda target, reads: None))


def test_operators_and_readers_see_them():
    assert ("ingest", "ingest") in kind_choices()
    page = kinds_page()
    assert page.index("## image") < page.index("## ingest") < page.index("## video")
    assert "| `media_id` | string | – | The media that the file joins. Default: a new one. |" in page
    assert '* `{"kind": "ingest", "folder": "incoming", "filename": "clip.mp4"}`' in page


@pytest.mark.django_db
def test_a_new_kind_needs_no_migration():
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


def test_the_module_says_who_imports_whom():
    """Models ask it for their choices: it must not know them."""
    assert "tasks_app.models" not in Path(control.__file__ or "").read_text()
