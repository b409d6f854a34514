"""The private servers that other tests rely on."""

import os
import subprocess

import psycopg
import pytest
import redis

from tests.services.s3 import S3Server
from tests.services.server import Unavailable, need

pytestmark = pytest.mark.services


def test_postgres_gives_an_empty_database(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)


def test_redis_answers(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        assert client.ping() is True


@pytest.mark.parametrize("name", ["s3_quick", pytest.param("s3", marks=pytest.mark.slow)])
def test_an_s3_server_keeps_objects_and_serves_ranges(name: str, request: pytest.FixtureRequest) -> None:
    server: S3Server = request.getfixturevalue(name)
    bucket, client = server.new_bucket(), server.client()
    client.put_object(Bucket=bucket, Key="a/b", Body=b"0123456789")
    answer = client.get_object(Bucket=bucket, Key="a/b", Range="bytes=2-4")
    assert (answer["ResponseMetadata"]["HTTPStatusCode"], answer["Body"].read()) == (206, b"234")
    client.close()


def test_the_real_s3_server_refuses_a_wrong_secret(s3: S3Server) -> None:
    bucket = s3.new_bucket()
    right, s3.secret_key = s3.secret_key, "wrong"
    try:
        client = s3.client()
        with pytest.raises(client.exceptions.ClientError, match="SignatureDoesNotMatch"):
            client.list_objects_v2(Bucket=bucket)
        client.close()
    finally:
        s3.secret_key = right


def test_a_missing_program_is_told_with_its_package() -> None:
    with pytest.raises(Unavailable, match="Debian package nothing-such"):
        need("no-such-program", package="nothing-such")


@pytest.mark.database
def test_the_run_uses_the_database_it_was_asked_for(settings: object) -> None:
    engine = settings.DATABASES["default"]["ENGINE"]  # type: ignore[attr-defined]
    assert engine.endswith({"sqlite": "sqlite3", "postgres": "postgresql"}[os.environ["TEST_DATABASE"]])


@pytest.mark.xdist_group("together")
def test_groups_of_tests_are_kept_together(request: pytest.FixtureRequest) -> None:
    if "PYTEST_XDIST_WORKER" not in os.environ:
        pytest.skip("one process runs all tests")
    # The name of the group is how pytest-xdist tells it to the process that hands out the tests.
    assert request.node.nodeid.endswith("@together")


def test_the_installer_of_services_is_valid_shell() -> None:
    assert subprocess.run(["bash", "-n", "scripts/install_services.sh"], check=False).returncode == 0
