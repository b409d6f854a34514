"""Looks into a service's database, and fills it: run by the benchmarks as a process with that service's settings.

`python -m benchmarks.inside COMMAND` reads JSON from standard input and writes JSON to standard output.
"""

import itertools
import json
import random
import sys
from datetime import timedelta
from typing import Any

import django
from django.db import connection
from django.utils import timezone


def spans(ids: list[str]) -> list[dict[str, float]]:
    """When each task's attempt was due, claimed and published: seconds since 1970, by the database's clock."""
    from tasks_app.models import Attempt

    found = Attempt.objects.filter(task_id__in=[each.partition("_")[2] for each in ids]).select_related("task")
    attempts = {attempt.task.public_id: attempt for attempt in found}
    return [
        {
            "due": attempts[each].queued_at.timestamp(),
            "claimed": attempts[each].started_at.timestamp(),
            "published": attempts[each].ended_at.timestamp(),  # type: ignore[union-attr]
        }
        for each in ids
    ]


def commands(task_id: str) -> list[str]:
    """The commands that a task's last attempt stored, as an operator copies them."""
    from tasks_app.models import Attempt

    attempt = Attempt.objects.filter(task_id=task_id.partition("_")[2]).order_by("-number")[0]
    return list((attempt.plan or {})["commands"])


def fill(count: int) -> str:
    """So many ended tasks in the first project; the id of a ready file that more can be made of."""
    from media_app.tests.factories import make_file
    from orgs_app.selectors import project_first
    from tasks_app.models import Task

    project = project_first()
    source = make_file(project=project)
    now = timezone.now()
    Task.objects.bulk_create(
        (
            Task(
                project=project,
                kind="image",
                lane="fast",
                status=Task.Status.READY,
                progress=100,
                input=source.public_id,
                source=source,
                media=source.media,
                definition={"width": 320, "format": "webp"},
                options={"width": 320, "format": "webp"},
                output_size=1000 + number,
                created=now - timedelta(seconds=count - number),
                updated=now - timedelta(seconds=count - number),
            )
            for number in range(count)
        ),
        batch_size=500,
    )
    _settle()
    return source.public_id


def _settle() -> None:
    """What autovacuum does within a minute; until then PostgreSQL plans for an empty table. SQLite does nothing by
    itself, and the service neither."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")


def library(count: int) -> str:
    """Until the first project has so many files, each of a media of its own, and as many tasks on them, spread over
    kinds and states; beside a new one with a tenth as many. The id of a file to look at."""
    from media_app.models import File
    from orgs_app.selectors import project_first
    from orgs_app.services import organisation_create, project_create

    mine = project_first()
    other = project_create(organisation=organisation_create(name="Another"), name="Another")
    for project, number in ((other, count // 10), (mine, count - File.objects.filter(project=mine).count())):
        files = _files(project, number)
        _tasks(project, files)
        _texts(project, files)
    _settle()
    return files[len(files) // 2].public_id


def _files(project: Any, count: int) -> list[Any]:
    from media_app.models import File, Media

    now, kinds = timezone.now(), ("video", "image", "audio")
    times = [now - timedelta(seconds=60 * (count - number)) for number in range(count)]
    media = [Media(project=project, kind=kinds[n % 3], created=at, updated=at) for n, at in enumerate(times)]
    files = [
        File(
            project=project,
            media=of,
            original=True,
            kind=of.kind,
            type=f"{of.kind}/mp4",
            status=File.Status.READY,
            folder=f"folder-{number % 100}",
            filename=f"{number}.mp4",
            key=f"{project.pk}/{number}/1/source",
            etag=f"{number:032x}",
            filesize=(number * 7919) % 10_000_000,
            width=1920,
            height=1080,
            duration=61.2,
            metadata={"number": number},
            created=of.created,
            updated=of.created,
        )
        for number, of in enumerate(media)
    ]
    Media.objects.bulk_create(media, batch_size=1000)
    File.objects.bulk_create(files, batch_size=500)
    return files


def _texts(project: Any, files: list[Any]) -> None:
    """A title and a minute's transcript for each media, of 20,000 words that are as unequally common as those of a
    language: "w0" is in nearly every one, "w10" in half of them, "w15000" in a handful."""
    from media_app.models import SearchText
    from media_app.services.indexing import written

    chance = random.Random(7)
    words = [f"w{rank}" for rank in range(20_000)]
    shares = list(itertools.accumulate(1 / (rank + 1) for rank in range(len(words))))
    weight = SearchText.Weight
    SearchText.objects.bulk_create(
        (
            SearchText(project=project, media_id=file.media_id, kind=kind, weight=of, words=written(said, project.pk))
            for file in files
            for kind, of, count in (("media", weight.NAMED, 4), ("speech", weight.SAID, 150))
            for said in [chance.choices(words, cum_weights=shares, k=count)]
        ),
        batch_size=1000,
    )


def _tasks(project: Any, files: list[Any]) -> None:
    from tasks_app.models import Task

    states = (*[Task.Status.READY] * 8, Task.Status.ERROR, Task.Status.CANCELLED)
    Task.objects.bulk_create(
        (
            Task(
                project=project,
                kind=("image", "video", "audio")[number % 3],
                lane="fast",
                status=states[number % 10],
                progress=100,
                input=file.public_id,
                source=file,
                media_id=file.media_id,
                definition={"width": 320},
                options={"width": 320},
                output_size=(number * 104_729) % 1_000_000 if number % 10 < 8 else None,
                created=file.created,
                updated=file.created,
            )
            for number, file in enumerate(files)
        ),
        batch_size=500,
    )


def explain(paths: list[str]) -> dict[str, list[dict[str, str]]]:
    """What the database does for each of these requests: every query, and its plan with what it really read."""
    import structlog
    from django.core.cache import cache
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))  # standard output is the answer
    headers = {"Authorization": f"Bearer {_key()}", "Accept-Version": "2025-08-20", "Host": "127.0.0.1"}
    client, found = Client(), {}
    for path in paths:
        client.get(path, headers=headers)  # compiles what is compiled once, and keeps totals as a service would
        if "search=" in path:  # what is kept of a search would be all there is
            cache.clear()
        with CaptureQueriesContext(connection) as captured:
            answer = client.get(path, headers=headers)
        assert answer.status_code == 200, (path, answer.content)
        found[path] = [
            {"sql": query["sql"], "plan": _plan(query["sql"])}
            for query in captured.captured_queries
            if query["sql"].startswith("SELECT")
        ]
    return found


def _key() -> str:
    from orgs_app.selectors import project_first
    from orgs_app.services import api_key_create

    return api_key_create(project=project_first(), name="explain")[1]


def _plan(sql: str) -> str:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, BUFFERS) {sql}".replace("%", "%%"), [])
        else:
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}".replace("%", "%%"), [])
        return "\n".join(str(row[-1]) for row in cursor.fetchall())


COMMANDS = {"spans": spans, "commands": commands, "fill": fill, "library": library, "explain": explain}


def main(name: str) -> None:
    django.setup()
    given: Any = json.load(sys.stdin)
    json.dump(COMMANDS[name](given), sys.stdout)  # type: ignore[operator]


if __name__ == "__main__":
    main(sys.argv[1])
