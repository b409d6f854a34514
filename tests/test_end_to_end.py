"""The whole service, started for real: once on embedded defaults, once on the parts of production."""

from pathlib import Path

import httpx
import pytest

from tests.client import Client
from tests.fleet import Fleet
from tests.processes import until
from tests.stack import Service, Stack, healthy
from tests.story import make_photo, tell

pytestmark = [
    pytest.mark.processes,
    pytest.mark.ffmpeg,
    pytest.mark.slow,
]


def test_a_bare_machine_turns_media_into_other_media(embedded: Stack, tmp_path: Path) -> None:
    tell(embedded.credentials, tmp_path)
    nothing_is_left(embedded)


@pytest.mark.services
def test_the_compose_files_services_turn_media_into_other_media(fleet: Fleet, tmp_path: Path) -> None:
    made = tell(fleet.credentials, tmp_path)
    nothing_is_left(fleet)
    assert {name: fleet.health_check(name) for name in fleet.processes} == dict.fromkeys(fleet.processes, 0)
    # The same files once more, now fetched from the store itself.
    fleet.stop("web")
    fleet.start("web", DELIVERY_FROM_S3="redirect", S3_PUBLIC_ENDPOINT_URL=fleet.s3.endpoint_url)
    try:
        healthy(fleet)
        for url, downloaded in made.items():
            answer = httpx.get(url, trust_env=False)
            assert answer.status_code == 302, answer.text
            assert answer.headers["Location"].startswith(f"{fleet.s3.endpoint_url}/{fleet.bucket}/")
            content = httpx.get(answer.headers["Location"], trust_env=False).content
            assert content == downloaded.read_bytes()
    finally:
        fleet.stop("web")
        fleet.start("web")
        healthy(fleet)


def nothing_is_left(service: Service) -> None:
    """No work directory, and no process that stayed in one."""
    for place in service.work_dirs():
        assert not place.exists() or list(place.iterdir()) == []


@pytest.mark.services
def test_a_second_scheduler_does_no_harm(fleet: Fleet, tmp_path: Path) -> None:
    before = len(fleet.logs()["scheduler.log"])  # what earlier tests did to it is theirs
    fleet.start("scheduler", name="scheduler-2")
    seen = "SELECT count(*) FROM tasks_app_node WHERE name LIKE %s AND seen_at > now() - interval '8 seconds'"
    try:
        until(lambda: fleet.rows(seen, "scheduler@%")[0][0] == 2, seconds=120, what="two schedulers sweep")
        with Client(fleet.credentials) as client:
            photo = client.upload(make_photo(tmp_path / "photo.jpg"))
            tasks = [client.create(photo["id"], "image", width=10 + width)["id"] for width in range(30)]
            assert {client.wait(task)["status"] for task in tasks} == {"ready"}
        healthy(fleet)
        assert [fleet.attempts(task) for task in tasks] == [["ready"]] * len(tasks)
    finally:
        fleet.stop("scheduler-2")
    assert "Traceback" not in fleet.logs()["scheduler.log"][before:] + fleet.logs()["scheduler-2.log"]
