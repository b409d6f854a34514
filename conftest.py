"""What every test run needs before Django reads its settings, and the real servers that tests may ask for.

The environment is prepared while this file is imported, before any other conftest: a throw-away data folder, fixed
secrets, no setting of the caller's, and with `--database=postgres` (or TEST_DATABASE=postgres) a private PostgreSQL.
"""

import atexit
import gc
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from tests.folders import SHORT
from tests.photos import photos
from tests.services.postgres import Postgres
from tests.services.redis import Redis
from tests.services.s3 import Ministack, Radosgw, S3Server
from tests.services.server import Server, Unavailable
from tests.speech import Spoken, spoken

DATABASES = ("sqlite", "postgres")
USES_DATABASE = frozenset({"db", "transactional_db", "live_server", "postgres", "postgres_url"})  # fixtures
USES_SERVICE = frozenset({"service", "both", "embedded", "fleet"})  # those of tests/conftest.py
ROOT = Path(__file__).parent
MADE_BY_MIGRATE = frozenset({"auth_permission", "django_content_type"})  # tables whose rows are the same for every test
PROCESSES_TIMEOUT = 600  # seconds: the first of them starts the whole service
LONGEST_ID = 120  # characters of a parametrized text in a test's name

# What examples a property is tried with (--hypothesis-profile): the same in every run, so that a change alone decides
# whether it passes; or new ones, with how to draw a failing one again. How long drawing takes is the machine's matter.
_ALWAYS: dict[str, Any] = {
    "database": None,
    "deadline": None,
    "suppress_health_check": [hypothesis.HealthCheck.too_slow],
}
hypothesis.settings.register_profile("same", derandomize=True, **_ALWAYS)
hypothesis.settings.register_profile("new", derandomize=False, print_blob=True, **_ALWAYS)
hypothesis.settings.load_profile("same")


def _chosen_database(arguments: list[str]) -> str:
    """From the command line, else the environment. pytest has not parsed its options yet when this is needed."""
    chosen = os.environ.get("TEST_DATABASE") or DATABASES[0]
    for position, argument in enumerate(arguments):
        if argument.startswith("--database="):
            chosen = argument.partition("=")[2]
        elif argument == "--database" and position + 1 < len(arguments):
            chosen = arguments[position + 1]
    if chosen not in DATABASES:
        raise pytest.UsageError(f"--database must be one of {', '.join(DATABASES)}, not {chosen!r}.")
    return chosen


def _prepare() -> None:
    if "PYTEST_XDIST_WORKER" in os.environ:  # prepared by the process that started this one, but for the folder
        data = Path(os.environ["ITTYHOST_DATA"]) / os.environ["PYTEST_XDIST_WORKER"]
    else:
        for name in re.findall(r"^#?([A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE):
            os.environ.pop(name, None)  # a setting of the caller's
        data = Path(tempfile.mkdtemp(prefix="ittyhost-test-", dir=SHORT))
        atexit.register(shutil.rmtree, data, ignore_errors=True)
        os.environ["TEST_DATABASE"] = _chosen_database(sys.argv)
        os.environ["SECRET_KEY"] = "only-for-tests-" * 4
        os.environ["KEY_RING"] = "b25seS1mb3ItdGVzdHMtb25seS1mb3ItdGVzdHMtISE="
        os.environ["LOG_FORMAT"] = "text"
        os.environ["RATE_LIMIT"] = "0"  # tests are in a hurry; those about limits set their own
        if os.environ["TEST_DATABASE"] == "postgres":
            try:
                server = Postgres().start()
            except Unavailable as exc:
                raise pytest.UsageError(str(exc)) from exc
            atexit.register(server.stop)
            os.environ["DATABASE_URL"] = server.url
    data.mkdir(exist_ok=True)
    os.environ["ITTYHOST_DATA"] = str(data)
    os.environ["DJANGO_SETTINGS_MODULE"] = "ittyhost.settings"

    import django

    django.setup()

    from django.conf import settings

    # Every test client makes the middleware anew, and WhiteNoise would look at each file of the admin for it.
    settings.WHITENOISE_AUTOREFRESH = True

    from workers.engine import host
    from workers.engine.confinement import Roots

    # Each test has folders of its own: one helper for all of them, confined to where they are.
    read = (str(ROOT), *filter(None, [os.environ.get("ITTYHOST_CORPUS")]))
    roots = Roots(read=read, write=(tempfile.gettempdir(), str(data)))
    host.confine(lambda: roots)


_prepare()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--database", choices=DATABASES, help="what Django's tests run on (default sqlite)")


def pytest_report_header() -> str:
    return f"database: {os.environ['TEST_DATABASE']}"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """Let each process of the run prepare its own folder: once settings are named, pytest-django reads them first."""
    os.environ.pop("DJANGO_SETTINGS_MODULE", None)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """What is collected stays to the end: searching it for garbage again and again is a tenth of a run's work."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


def pytest_make_parametrize_id(val: object) -> str | None:
    """The name of a long text or of bytes: how it begins, and its length. Whole, all names together were 20 MB."""
    if not isinstance(val, str | bytes) or len(val) <= LONGEST_ID:
        return None  # as pytest does it
    begin = val[:LONGEST_ID] if isinstance(val, str) else val[:LONGEST_ID].decode("latin-1")
    return f"{begin.encode('unicode_escape').decode()} and more, {len(val)}"


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in this hook too, and -m the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tell tests that use a database from those whose outcome it cannot change, as what a browser plays.

    And keep tests that share what is expensive to start together in one process of the run.
    The largest groups are begun first. Tests of running processes wait much: two groups of them go on at once.
    """
    for item in items:
        names = {*getattr(item, "fixturenames", ()), *_chosen_fixtures(item)}
        group = item.get_closest_marker("xdist_group")
        asks = item.get_closest_marker("django_db") or not USES_DATABASE.isdisjoint(names)
        same = item.get_closest_marker("any_database") or (group and group.args == ("browser",))
        if asks and not same:
            item.add_marker(pytest.mark.database)
        if item.get_closest_marker("processes") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(PROCESSES_TIMEOUT))
        if group:
            continue
        if item.get_closest_marker("processes"):
            one = not USES_SERVICE.isdisjoint(names)
            item.add_marker(pytest.mark.xdist_group("service" if one else "processes"))
        elif "s3" in names:
            item.add_marker(pytest.mark.xdist_group("s3"))


def _chosen_fixtures(item: pytest.Item) -> list[str]:
    """Texts that a test is parametrized with: a fixture may be asked for by one of them."""
    call = getattr(item, "callspec", None)
    return [value for value in call.params.values() if isinstance(value, str)] if call else []


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> None:
    """The test database. After a test that commits, all is deleted but the permissions of models, which Django's own
    way makes anew each time.
    """
    from django.contrib.auth.management import create_permissions
    from django.contrib.contenttypes.management import create_contenttypes
    from django.db import connection
    from django.db.models.signals import post_migrate

    assert post_migrate.disconnect(dispatch_uid=f"{create_permissions.__module__}.{create_permissions.__name__}")
    assert post_migrate.disconnect(create_contenttypes)
    flush = connection.ops.sql_flush

    def sql_flush(style: Any, tables: Sequence[str], **options: Any) -> list[str]:
        return flush(style, [table for table in tables if table not in MADE_BY_MIGRATE], **options)

    connection.ops.sql_flush = sql_flush  # type: ignore[method-assign]


def _serve(server: Server) -> Iterator[Server]:
    """Run a server for the session. Without it: skip, or fail where REQUIRE_SERVICES says that all must be there."""
    try:
        server.start()
    except Unavailable as exc:
        if os.environ.get("REQUIRE_SERVICES"):
            pytest.fail(str(exc))
        pytest.skip(str(exc))
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A private PostgreSQL; `new_database(name)` gives the URL of an empty database."""
    yield from _serve(Postgres())


@pytest.fixture
def postgres_url(postgres: Postgres, request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of an empty database, dropped after the test."""
    name = f"t{abs(hash(request.node.nodeid)):x}"
    yield postgres.new_database(name)
    postgres.drop_database(name)


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """The URL of a private Redis."""
    for server in _serve(Redis()):
        yield server.url  # type: ignore[attr-defined]


@pytest.fixture(scope="session")
def s3() -> Iterator[Server]:
    """Ceph's S3 gateway: a real S3 server, ready in about ten seconds."""
    yield from _serve(Radosgw())


@pytest.fixture(scope="session")
def s3_quick() -> Iterator[Server]:
    """ministack: an emulator that is ready at once, and forgives more than a real server."""
    yield from _serve(Ministack())


@pytest.fixture(scope="session")
def real_speech(tmp_path_factory: pytest.TempPathFactory) -> Spoken:
    """A recorded human voice that reads five sentences of a novel in English, 29 s, with the words it says."""
    try:
        return spoken(tmp_path_factory.mktemp("speech"))
    except FileNotFoundError as exc:
        if os.environ.get("REQUIRE_SERVICES"):
            pytest.fail(str(exc))
        pytest.skip(str(exc))


@pytest.fixture(scope="session")
def real_photos(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Photos of known things, by their names (tests.photos)."""
    try:
        return photos(tmp_path_factory.mktemp("photos"))
    except FileNotFoundError as exc:
        if os.environ.get("REQUIRE_SERVICES"):
            pytest.fail(str(exc))
        pytest.skip(str(exc))


@pytest.fixture
def long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pause after a failure is a hundred times as long as it is: on a slow machine, too, it is not over in a test."""
    from ittyhost import leases

    monkeypatch.setattr(leases, "BACKOFF_SECONDS", tuple(100 * seconds for seconds in leases.BACKOFF_SECONDS))


@pytest.fixture
def bucket(s3: S3Server) -> dict[str, str]:
    """The service's settings for a new bucket on the real S3 server."""
    return s3.environment(s3.new_bucket())
