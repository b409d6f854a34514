"""Looks into a service's database, and fills it: run by the benchmarks as a process with that service's settings.

`python -m benchmarks.inside COMMAND` reads JSON from standard input and writes JSON to standard output.
"""

import json
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
    with connection.cursor() as cursor:
        # What autovacuum does within a minute; until then PostgreSQL plans for an empty table.
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")
    return source.public_id


COMMANDS = {"spans": spans, "commands": commands, "fill": fill}


def main(name: str) -> None:
    django.setup()
    given: Any = json.load(sys.stdin)
    json.dump(COMMANDS[name](given), sys.stdout)  # type: ignore[operator]


if __name__ == "__main__":
    main(sys.argv[1])
