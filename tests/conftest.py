"""The service on both sets of parts, started once for all tests that need it; every test leaves it working."""

import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.fleet import Fleet, deployed
from tests.folders import SHORT
from tests.services.postgres import Postgres
from tests.services.s3 import S3Server
from tests.stack import Service, Stack, healthy, running
from tests.story import make_noise
from workers.providers.speech.weights import packaged_weights

logging.getLogger("httpx").setLevel(logging.WARNING)  # a line for every look at a running task

# The tests' own servers, and the smallest model, where it is installed.
LOCAL = {"OUTBOUND_ALLOW": "127.0.0.0/8", "SPEECH_MODEL": "tiny.en"}


@pytest.fixture(scope="session")
def embedded() -> Iterator[Stack]:
    """What `make run` starts."""
    with running(LOCAL) as stack:
        yield stack


@pytest.fixture(scope="session")
def fleet(postgres: Postgres, s3: S3Server) -> Iterator[Fleet]:
    """What `docker compose up` starts, on PostgreSQL, Redis and a real S3 server."""
    folder = Path(tempfile.mkdtemp(prefix="ittyhost-fleet-", dir=SHORT))
    try:
        with deployed(folder, postgres=postgres, s3=s3, **LOCAL) as service:
            yield service
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["embedded", "fleet"])
def service(request: pytest.FixtureRequest) -> Service:
    """Each of the two."""
    found: Service = request.getfixturevalue(request.param)
    healthy(found)
    return found


@pytest.fixture
def both(embedded: Stack, fleet: Fleet) -> list[Service]:
    """The two at once: what takes a lease's time is waited for once."""
    for found in (embedded, fleet):
        healthy(found)
    return [embedded, fleet]


@pytest.fixture
def speech_model() -> None:
    """The model of the two; without it: skip, or fail where REQUIRE_SERVICES says that all must be there."""
    if packaged_weights("tiny.en") is None or find_spec("faster_whisper") is None:
        told = "There is no model for speech here: `make dev` installs one."
        if os.environ.get("REQUIRE_SERVICES"):
            pytest.fail(told)
        pytest.skip(told)


@pytest.fixture(scope="session")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video that takes many seconds to encode well."""
    return make_noise(tmp_path_factory.mktemp("media") / "noise.mp4")
