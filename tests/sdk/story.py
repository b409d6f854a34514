"""Every call of the vendor's SDK against a running service, told by the values that it gives: a script.

    python -m tests.sdk.story < settings.json

`settings.json` holds `base_url`, `key`, `sample` (the URL of a picture of 64 × 48) and `asynchronous`. Which release of
the SDK is used follows from the path that Python finds `ittybit` on: all releases have one name, so each has a process
of its own. The SDK checks nothing of what it reads (a body in another shape gives objects full of None), so every value
that matters is asserted on. Exits with 0 when all is as it should be.
"""

import asyncio
import inspect
import json
import sys
import time
from typing import Any

import httpx
import ittybit
from ittybit import AsyncIttybit, Ittybit
from ittybit.core.api_error import ApiError

TRIGGER: Any = {"kind": "event", "event": "media.created"}
WORKFLOW: Any = [
    {"kind": "image", "width": 8, "ref": "thumbnail", "next": [{"kind": "nsfw", "ref": "safe"}]},
    {"kind": "conditions", "conditions": [{"prop": "kind", "value": "video"}], "next": [{"kind": "speech"}]},
]
UNKNOWN = "task_doesnotexist00"
SECONDS = 180.0


def plain(value: Any) -> dict[str, Any]:
    """An object of the SDK as a dict; 0.7 gives some as they came."""
    return value if isinstance(value, dict) else value.dict()


class Story:
    """One client of one release, and what it is told with."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings
        self.release = tuple(int(part) for part in ittybit.__version__.split(".")[:2])
        kind: Any = AsyncIttybit if settings["asynchronous"] else Ittybit
        secret = {"token" if self.release < (0, 8) else "api_key": settings["key"]}
        self.client = kind(base_url=settings["base_url"], **secret)

    @property
    def is_bare(self) -> bool:
        """Whether this release reads bodies without an envelope."""
        return self.release >= (0, 10)

    async def ask(self, call: Any, *args: Any, **given: Any) -> Any:
        """What a call gives, out of the envelope that this release shows."""
        found = call(*args, **given)
        found = await found if inspect.isawaitable(found) else found
        if self.is_bare:
            return found
        assert found.error is None, found
        meta, links = plain(found.meta), plain(found.links)
        assert meta["request_id"].startswith("req_"), found
        assert meta["version"] == "2025-07-01", found
        assert (links.get("self") or links["self_"]).startswith(self.settings["base_url"]), found
        return found.data

    async def refusal(self, call: Any, *args: Any, **given: Any) -> ApiError:
        """The error that a call ends in."""
        try:
            found = call(*args, **given)
            found = await found if inspect.isawaitable(found) else found
        except ApiError as exc:
            return exc
        raise AssertionError(f"no error, but {found!r}")

    async def until(self, status: str, call: Any, id: str) -> Any:
        """An object once it has come to a state."""
        ends = time.monotonic() + SECONDS
        while (found := await self.ask(call, id)).status != status:
            assert found.status in {"waiting", "pending", "processing"}, found
            assert time.monotonic() < ends, found
            await asyncio.sleep(0.1)
        return found

    # --- files and media ---

    async def files(self) -> Any:
        files = self.client.files
        made = await self.ask(
            files.create,
            url=self.settings["sample"],
            folder="sdk",
            filename="a.png",
            ref="cover",
            metadata={"k": "v", "n": 1},
        )
        assert made.id.startswith("file_"), made
        assert made.media_id.startswith("med_"), made
        assert (made.object, made.folder, made.filename, made.ref) == ("source", "sdk", "a.png", "cover"), made
        assert made.metadata == {"k": "v", "n": 1}, made
        assert made.url.endswith("/sdk/a.png"), made
        ready = await self.until("ready", files.get, made.id)
        assert (ready.kind, ready.type, ready.width, ready.height) == ("image", "image/png", 64, 48), ready
        assert ready.filesize > 0, ready
        assert ready.placeholder.startswith("data:image/"), ready
        assert len(ready.background) == 7, ready
        assert ready.created <= ready.updated, ready
        listed = await self.ask(files.list, limit=1)
        assert [each.id for each in listed] == [made.id], listed

        moved = await self.ask(files.update, made.id, folder="moved", filename="b.png")
        assert (moved.folder, moved.filename, moved.ref, moved.metadata) == (
            "moved",
            "b.png",
            "cover",
            {"k": "v", "n": 1},
        )
        assert moved.url.endswith("/moved/b.png"), moved
        changed = await self.ask(files.update, made.id, ref="poster", metadata={"k": "w"})
        assert (changed.ref, changed.metadata, changed.filename) == ("poster", {"k": "w"}, "b.png"), changed
        assert len(httpx.get(changed.url, follow_redirects=True, trust_env=False).content) == ready.filesize
        return changed

    async def media(self, file: Any) -> None:
        media = self.client.media
        shown = await self.ask(media.get, file.media_id)
        assert (shown.id, shown.object, shown.kind) == (file.media_id, "media", "image"), shown
        assert [(each.id, each.url) for each in shown.files] == [(file.id, file.url)], shown
        assert shown.urls == {"poster": file.url}, shown
        assert shown.background == file.background, shown

        made = await self.ask(media.create, title="Harbour", alt="A harbour", metadata={"user": "42"})
        assert (made.title, made.alt, made.metadata) == ("Harbour", "A harbour", {"user": "42"}), made
        assert (list(made.files), dict(made.urls)) == ([], {}), made
        changed = await self.ask(media.update, made.id, title="Port")
        assert (changed.title, changed.alt, changed.metadata) == ("Port", "A harbour", {"user": "42"}), changed
        assert (await self.ask(media.get, made.id)).title == "Port"
        listed = await self.ask(media.list, limit=1)
        assert [each.id for each in listed] == [made.id], listed
        empty = await self.ask(media.create)
        assert (empty.title, empty.metadata) == (None, {}), empty
        for each in (made, empty):
            assert (await self.ask(media.delete, each.id)).message == f"{each.id} deleted"
        assert (await self.refusal(media.get, made.id)).status_code == 404

    # --- tasks ---

    async def tasks(self, file: Any) -> None:
        tasks = self.client.tasks
        asked = {"file_id": file.id, "kind": "image", "width": 16, "format": "png"}
        named = {"ref": "thumb"} if self.release >= (0, 8) else {}
        made = await (self.ask(tasks.create, request=asked | named) if named else self.ask(tasks.create, **asked))
        assert (made.id[:5], made.object, made.kind, made.output) == ("task_", "task", "image", None), made
        assert made.options == {"width": 16, "format": "png", **named}, made
        assert (made.input["id"], made.input["width"]) == (file.id, 64), made
        done = await self.until("completed", tasks.get, made.id)
        output = done.output
        assert (done.progress, output["object"], output["kind"], output["type"]) == (
            100,
            "source",
            "image",
            "image/png",
        )
        assert (output["width"], output["height"], output.get("ref")) == (16, 12, named.get("ref")), done
        assert done.created <= done.updated, done
        picture = httpx.get(output["url"], follow_redirects=True, trust_env=False)
        assert (picture.status_code, len(picture.content)) == (200, output["filesize"]), picture
        listed = await self.ask(tasks.list, limit=1)
        assert [(each.id, each.status) for each in listed] == [(made.id, "completed")], listed
        if self.release >= (0, 8):
            assert await self.ask(tasks.list, page=1000) == []
            more = {"additional_query_parameters": {"status": "failed"}}
            assert made.id not in [each.id for each in await self.ask(tasks.list, request_options=more)]
        else:
            assert made.id in [each.id for each in await self.ask(tasks.list, status="completed", kind="image")]

        wrong = asked | {"width": 0}
        error = await (self.refusal(tasks.create, request=wrong) if named else self.refusal(tasks.create, **wrong))
        assert error.status_code == 400, error
        assert self.message(error).startswith("width must be"), error
        error = await self.refusal(tasks.get, UNKNOWN)
        assert error.status_code == 404, error
        assert "no task" in self.message(error), error

        fetched: Any = {"url": self.settings["sample"], "kind": "ingest", "filename": "in.png", "folder": "sdk"}
        made = await (self.ask(tasks.create, request=fetched) if named else self.ask(tasks.create, **fetched))
        done = await self.until("completed", tasks.get, made.id)
        assert (done.kind, done.output["filename"], done.output["width"]) == ("ingest", "in.png", 64), done
        if not self.is_bare:
            found = tasks.get_task_config()
            config = await found if inspect.isawaitable(found) else found
            assert "image" in json.dumps(config), config

    def message(self, error: ApiError) -> str:
        body: Any = error.body
        if not isinstance(body, dict):  # 0.7 makes an object of it
            return str(body.error.message if hasattr(body.error, "message") else body.error["message"])
        return str(body["message"] if self.is_bare else body["error"]["message"])

    # --- signatures ---

    async def signatures(self, file: Any) -> None:
        expiry = int(time.time()) + 600
        signed = await self.ask(self.client.signatures.create, filename="b.png", folder="moved", expiry=expiry)
        assert (signed.filename, signed.folder, signed.expiry, signed.method) == ("b.png", "moved", expiry, "get"), (
            signed
        )
        assert signed.url.startswith(f"http://{signed.domain}/moved/b.png?"), signed
        assert len(httpx.get(signed.url, follow_redirects=True, trust_env=False).content) == file.filesize
        signed = await self.ask(self.client.signatures.create, filename="up.png", folder="sdk", method="put")
        sample = httpx.get(self.settings["sample"], trust_env=False).content
        put = httpx.put(
            signed.url, content=sample, headers={"Accept-Version": "2025-08-20"}, trust_env=False, timeout=150
        )
        assert (put.status_code, put.json()["filename"]) == (201, "up.png"), put.text
        broken = httpx.put(signed.url.replace("up.png", "other.png"), content=sample, trust_env=False)
        assert broken.status_code == 403, broken.text

    # --- automations ---

    async def automations(self) -> None:
        automations = self.client.automations
        given = {"trigger": TRIGGER, "workflow": WORKFLOW, "name": "Every upload"}
        if self.release < (0, 8):  # its create takes no arguments
            more = {"additional_body_parameters": given}
            made = await self.ask(automations.create, request_options=more)
        else:
            made = await self.ask(automations.create, **given, description="Runs for each", status="active")
            assert made.description == "Runs for each", made
        assert made.id.startswith("auto_"), made
        assert (made.name, made.status, made.trigger.kind, made.trigger.event) == (
            *("Every upload", "active"),
            *("event", "media.created"),
        ), made
        assert [step.kind for step in made.workflow] == ["image", "conditions"], made
        assert made.workflow[0].width == 8, made
        assert (await self.ask(automations.get, made.id)).name == "Every upload"
        changed = await self.ask(automations.update, made.id, name="Each one")
        assert (changed.name, changed.updated >= made.updated) == ("Each one", True), changed
        if self.release >= (0, 8):
            assert (await self.ask(automations.update, made.id, status="paused")).status == "paused"
            assert len((await self.ask(automations.get, made.id)).workflow) == 2
        listed = await self.ask(automations.list)
        assert made.id in [each.id for each in listed], listed
        found = automations.delete(made.id)
        gone = await found if inspect.isawaitable(found) else found
        if self.release >= (0, 8):
            assert (gone if self.is_bare else gone.data).message == f"{made.id} deleted", gone
        assert (await self.refusal(automations.get, made.id)).status_code == 404

    async def tell(self) -> None:
        file = await self.files()
        await self.media(file)
        await self.tasks(file)
        await self.signatures(file)
        await self.automations()
        assert (await self.ask(self.client.files.delete, file.id)).message == f"{file.id} deleted"
        assert (await self.refusal(self.client.files.get, file.id)).status_code == 404


if __name__ == "__main__":
    asyncio.run(Story(json.load(sys.stdin)).tell())
