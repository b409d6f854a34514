"""The vendor's Python SDK, pointed at a running server: every call of automations, by the values it gives.

It checks nothing of what it reads: an answer in another shape gives objects full of None. So fields are asserted on.
"""

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from ittybit import AsyncIttybit, Ittybit
from ittybit.core.api_error import ApiError

from orgs_app.models import ApiKey
from orgs_app.tests.factories import make_api_key
from workflows_app.models import Automation

pytestmark = pytest.mark.django_db(transaction=True)

TRIGGER: Any = {"kind": "event", "event": "media.created"}
WORKFLOW: Any = [
    {"kind": "description"},
    {"kind": "image", "width": 320, "format": "png", "ref": "thumbnail", "next": [{"kind": "nsfw", "ref": "safe"}]},
    {
        "kind": "conditions",
        "conditions": [{"prop": "kind", "value": "video"}],
        "next": [{"kind": "subtitles", "ref": "subtitles", "language": "en"}],
    },
]


@pytest.fixture
def key() -> tuple[ApiKey, str]:
    return make_api_key()


@pytest.fixture
def client(live_server: Any, key: tuple[ApiKey, str]) -> Iterator[Ittybit]:
    with httpx.Client(trust_env=False) as http:
        yield Ittybit(base_url=live_server.url, api_key=key[1], httpx_client=http)


def plain(step: Any) -> dict[str, Any]:
    """A step as the SDK read it, with what it has no field for."""
    given: dict[str, Any] = step.model_dump(exclude_none=True)
    return given


def test_an_automation_lives_and_ends(client, key):
    made = client.automations.create(
        name="Every upload", description="Runs for each new media", trigger=TRIGGER, workflow=WORKFLOW, status="paused"
    )
    row = Automation.objects.get()
    assert (row.project, row.workflow, row.created_by) == (key[0].project, WORKFLOW, key[0].public_id)
    assert (made.id, made.name, made.description) == (row.public_id, "Every upload", "Runs for each new media")
    assert (made.trigger.kind, made.trigger.event, made.status) == ("event", "media.created", "paused")
    times = (row.created.replace(microsecond=0), row.updated.replace(microsecond=0))
    assert (made.created, made.updated) == times
    assert [plain(step) for step in made.workflow] == WORKFLOW

    image, gate = made.workflow[1], made.workflow[2]
    assert (image.kind, image.ref, image.width, image.format) == ("image", "thumbnail", 320, "png")
    assert (image.next[0].kind, image.next[0].ref) == ("nsfw", "safe")
    # Its union of steps takes the first that fits: what only a step of conditions has stays plain.
    assert (gate.kind, gate.conditions) == ("conditions", [{"prop": "kind", "value": "video"}])
    assert (gate.next[0].kind, gate.next[0].ref, gate.next[0].language) == ("subtitles", "subtitles", "en")

    got = client.automations.get(made.id)
    assert got.model_dump() == made.model_dump()
    assert [one.model_dump() for one in client.automations.list()] == [made.model_dump()]

    changed = client.automations.update(made.id, name="Pictures", workflow=[{"kind": "image"}], status="active")
    assert (changed.name, changed.description, changed.status) == ("Pictures", "Runs for each new media", "active")
    assert ([plain(step) for step in changed.workflow], changed.trigger.event) == ([{"kind": "image"}], "media.created")

    assert client.automations.delete(made.id).message == f"{made.id} deleted"
    assert client.automations.list() == []
    with pytest.raises(ApiError) as gone:
        client.automations.get(made.id)
    assert (gone.value.status_code, gone.value.body) == (
        404,
        {"message": "There is no automation with this id.", "kind": "automation_not_found", "param": "id"},
    )


def test_the_least_there_can_be(client):
    made = client.automations.create(trigger=TRIGGER, workflow=[{"kind": "speech"}])
    assert (made.name, made.description, made.status) == (None, None, "active")
    unchanged = client.automations.update(made.id)
    assert unchanged.model_dump() == made.model_dump()


def test_lists_have_pages(client):
    ids = [client.automations.create(trigger=TRIGGER, workflow=[{"kind": "speech"}]).id for _ in range(3)]
    first = client.automations.with_raw_response.list(page=1, limit=2)
    assert [one.id for one in first.data] == [ids[2], ids[1]]
    assert 'automations?limit=2&page=2>; rel="next"' in first.headers["links"]
    assert [one.id for one in client.automations.list(page=2, limit=2)] == [ids[0]]
    assert client.automations.list(page=3, limit=2) == []


def test_a_refusal_is_an_error_that_names_the_place(client):
    with pytest.raises(ApiError) as refused:
        client.automations.create(trigger=TRIGGER, workflow=[{"kind": "speech", "next": [{"kind": "image", "fps": 5}]}])
    assert (refused.value.status_code, refused.value.body["param"]) == (400, "workflow.0.next.0.fps")
    assert Automation.objects.count() == 0


def test_the_asynchronous_client_too(live_server, key):
    async def story() -> list[Any]:
        async with httpx.AsyncClient(trust_env=False) as http:
            calls = AsyncIttybit(base_url=live_server.url, api_key=key[1], httpx_client=http).automations
            made = await calls.create(name="a", trigger=TRIGGER, workflow=WORKFLOW)
            got = await calls.get(made.id)
            changed = await calls.update(made.id, status="paused", description="later")
            listed = await calls.list(limit=5)
            deleted = await calls.delete(made.id)
            return [made, got, changed, *listed, deleted, await calls.list()]

    made, got, changed, listed, deleted, rest = asyncio.run(story())
    assert (made.name, made.trigger.event, made.status) == ("a", "media.created", "active")
    assert [plain(step) for step in made.workflow] == WORKFLOW
    assert got.model_dump() == made.model_dump()
    assert (changed.id, changed.status, changed.description, changed.name) == (made.id, "paused", "later", "a")
    assert listed.model_dump() == changed.model_dump()
    assert (deleted.message, rest) == (f"{made.id} deleted", [])
