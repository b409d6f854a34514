"""Twenty writers at once on one SQLite file, as web and workers are: nobody is told that the database is locked."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROCESSES, THREADS, ROUNDS = 4, 5, 6

SETUP = """
import django; django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from orgs_app.tests.factories import make_project
print(make_project().pk)
"""

WRITER = """
import io, json, sys, threading, traceback
import django; django.setup()
from django.db import connections
from ittyhost import queue
import events_app.services
queue.send = events_app.services.send = lambda *args, lane: None
from media_app import services
from media_app.tests.factories import jpeg_facts
from orgs_app.models import Project

project, rounds, errors, done = Project.objects.get(pk=sys.argv[1]), int(sys.argv[3]), [], []

def work():
    try:
        for _ in range(rounds):
            services.file_receive(project=project, stream=io.BytesIO(b"x" * 100), length=100, folder="f", filename="n")
            claimed = services.file_claim(lane="fast")
            if claimed is not None:
                assert services.file_heartbeat(file=claimed)
                services.file_probed(file=claimed, facts=jpeg_facts())
                done.append(claimed.pk)
    except BaseException:
        errors.append(traceback.format_exc())
    finally:
        connections.close_all()

threads = [threading.Thread(target=work) for _ in range(int(sys.argv[2]))]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(json.dumps({"errors": errors, "done": done}))
"""

COUNT = """
import json, sys
import django; django.setup()
from events_app.models import Event
from media_app.models import DeadObject, File
from orgs_app.models import Project
print(json.dumps({
    "files": File.objects.count(),
    "ready": File.objects.filter(status="ready").count(),
    "events": Event.objects.filter(type="file.ready").count(),
    "used": Project.objects.get().storage_used,
    "rubbish": DeadObject.objects.count(),
}))
"""


@pytest.mark.processes
def test_twenty_writers_share_a_sqlite_file(tmp_path):
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "SECRET_KEY", "KEY_RING"}}
    environment = kept | {
        "ITTYHOST_DATA": str(tmp_path),
        "DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3",
        "DJANGO_SETTINGS_MODULE": "ittyhost.settings",
        "LOG_LEVEL": "ERROR",
    }

    def start(code: str, *args: object) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", code, *map(str, args)]
        return subprocess.Popen(
            command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def result(process: "subprocess.Popen[str]") -> str:
        out, err = process.communicate(timeout=150)
        assert process.returncode == 0, err[-3000:]
        return out.strip()

    project = result(start(SETUP))
    writers = [start(WRITER, project, THREADS, ROUNDS) for _ in range(PROCESSES)]
    told = [json.loads(result(writer)) for writer in writers]

    assert [error for each in told for error in each["errors"]] == []
    done = [pk for each in told for pk in each["done"]]
    assert len(done) == len(set(done))
    total = PROCESSES * THREADS * ROUNDS
    counted = json.loads(result(start(COUNT)))
    assert counted == {
        "files": total,
        "ready": len(done),
        "events": len(done),
        "used": total * 100,
        "rubbish": 0,
    }
    assert len(done) > total / 2
