"""The commands and the environment of docker-compose.yml, run here on PostgreSQL, Redis and a real S3 server."""

from pathlib import Path

import pytest

from tests.services.native import running
from tests.services.s3 import S3Server
from tests.story import tell


@pytest.mark.slow
@pytest.mark.services
@pytest.mark.processes
@pytest.mark.ffmpeg
def test_the_compose_file_makes_a_service_that_works(
    postgres_url: str, redis_url: str, s3: S3Server, tmp_path: Path
) -> None:
    with running(database_url=postgres_url, broker_url=redis_url, s3=s3) as native:
        assert set(native.processes) == {
            *("setup", "web", "worker-fast", "worker-heavy", "worker-transfer", "scheduler"),
        }
        tell(native.credentials, tmp_path)
        assert native.start("setup").wait(60) == 0, native.log("setup")  # a second time changes nothing
        again = native.credentials
    assert again["base_url"] == native.base_url
