"""The first start, and the commands that make projects and keys."""

import json
import stat
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.utils import timezone

from orgs_app.models import ApiKey, Member, Organisation, Project
from orgs_app.selectors import api_key_find, project_get
from orgs_app.services import api_key_revoke
from orgs_app.tests.factories import make_project

pytestmark = pytest.mark.django_db

FIELDS = ["base_url", "delivery_url", "org_id", "project_id", "live_key", "test_key", "admin_url", "admin_user"]


@pytest.fixture(autouse=True)
def _quick_passwords(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.PUBLIC_URL = "http://127.0.0.1:8000"
    settings.DELIVERY_URL = "http://127.0.0.1:8000/delivery"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "credentials.json"


def run(name, *arguments):
    out = StringIO()
    call_command(name, *arguments, stdout=out)
    return out.getvalue().strip()


def bootstrap(path):
    run("bootstrap", f"--file={path}")
    return json.loads(path.read_text())


def counts():
    return [model.objects.count() for model in (Organisation, Project, ApiKey, get_user_model(), Member)]


def test_the_first_start_makes_everything_once(path):
    facts = bootstrap(path)
    assert list(facts) == [*FIELDS, "admin_password"]
    project = project_get(facts["project_id"])
    assert facts["base_url"] == "http://127.0.0.1:8000"
    assert facts["delivery_url"] == f"http://127.0.0.1:8000/delivery/{project.public_id}"
    assert facts["admin_url"] == "http://127.0.0.1:8000/admin/"
    assert facts["org_id"] == project.organisation.public_id
    live, test = api_key_find(facts["live_key"]), api_key_find(facts["test_key"])
    assert (live.project, live.live_mode, live.scopes) == (project, True, ["read", "write"])
    assert (test.project, test.live_mode, test.scopes) == (project, False, ["read", "write"])
    admin = get_user_model().objects.get()
    assert (admin.username, admin.is_staff, admin.is_superuser) == ("admin", True, True)
    assert facts["admin_user"] == "admin"
    assert admin.check_password(facts["admin_password"])
    assert len(facts["admin_password"]) == 20
    assert Member.objects.get().role == "owner"
    assert counts() == [1, 1, 2, 1, 1]


def test_nobody_else_can_read_the_file(path):
    bootstrap(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["credentials.json"]
    path.chmod(0o644)
    bootstrap(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_second_start_keeps_it_all(path):
    facts, made, when = bootstrap(path), counts(), path.stat().st_mtime_ns
    assert bootstrap(path) == facts
    assert (counts(), path.stat().st_mtime_ns) == (made, when)


def test_a_second_start_follows_the_addresses(path, settings):
    facts = bootstrap(path)
    settings.PUBLIC_URL = "https://media.example.test"
    settings.DELIVERY_URL = "https://cdn.example.test"
    assert bootstrap(path) == facts | {
        "base_url": "https://media.example.test",
        "delivery_url": f"https://cdn.example.test/{facts['project_id']}",
        "admin_url": "https://media.example.test/admin/",
    }


@pytest.mark.parametrize("loss", ["missing", "broken", "partial"])
def test_a_lost_file_is_written_again_from_the_database(path, loss):
    facts, made = bootstrap(path), counts()
    if loss == "missing":
        path.unlink()
    else:
        path.write_text({"broken": "{", "partial": '{"base_url": "x"}'}[loss])
    again = bootstrap(path)
    assert {name: again[name] for name in FIELDS} == {name: facts[name] for name in FIELDS}
    assert again["admin_password"] != facts["admin_password"]
    assert get_user_model().objects.get().check_password(again["admin_password"])
    assert counts() == made


def test_a_file_of_another_database_gives_way(path):
    old = bootstrap(path)
    get_user_model().objects.all().delete()
    Organisation.objects.all().delete()
    new = bootstrap(path)
    assert not {old[name] for name in ("org_id", "project_id", "live_key", "test_key", "admin_password")} & set(
        new.values()
    )
    assert api_key_find(new["live_key"]).project.public_id == new["project_id"]
    assert counts() == [1, 1, 2, 1, 1]


def test_a_revoked_key_is_replaced_and_the_other_kept(path):
    facts = bootstrap(path)
    api_key_revoke(key=api_key_find(facts["live_key"]))
    again = bootstrap(path)
    assert again["live_key"] != facts["live_key"]
    assert api_key_find(again["live_key"]) is not None
    assert again["test_key"] == facts["test_key"]


def test_keys_whose_ring_key_is_gone_are_replaced(path, key_rings, settings):
    facts = bootstrap(path)
    settings.KEY_RING = key_rings["new"]
    again = bootstrap(path)
    assert {again["live_key"], again["test_key"]} & {facts["live_key"], facts["test_key"]} == set()
    assert api_key_find(again["live_key"]).project.public_id == facts["project_id"]


def test_a_password_that_its_owner_chose_stays_theirs(path):
    facts = bootstrap(path)
    admin = get_user_model().objects.get()
    admin.set_password("my own one")
    admin.save()
    for _ in range(2):
        assert bootstrap(path) == facts | {"admin_password": None}
    assert get_user_model().objects.get().check_password("my own one")


def test_an_admin_made_by_hand_is_left_alone(path):
    get_user_model().objects.create_superuser("admin", password="by hand")
    facts = bootstrap(path)
    assert (facts["admin_user"], facts["admin_password"]) == ("admin", None)
    assert get_user_model().objects.get().check_password("by hand")


def test_a_removed_admin_does_not_come_back_where_another_is(path):
    bootstrap(path)
    get_user_model().objects.all().delete()
    get_user_model().objects.create_superuser("ann", password="x")
    facts = bootstrap(path)
    assert (facts["admin_user"], facts["admin_password"]) == (None, None)
    assert [user.username for user in get_user_model().objects.all()] == ["ann"]


def test_create_project_prints_the_form_of_credentials(path):
    first = bootstrap(path)
    facts = json.loads(run("create_project", "Second"))
    assert list(facts) == [*FIELDS, "admin_password"]
    project = project_get(facts["project_id"])
    assert (project.name, facts["org_id"]) == ("Second", first["org_id"])
    assert facts["project_id"] != first["project_id"]
    assert api_key_find(facts["live_key"]).project == api_key_find(facts["test_key"]).project == project
    assert (facts["admin_user"], facts["admin_password"]) == (None, None)
    assert facts["delivery_url"] == f"http://127.0.0.1:8000/delivery/{project.public_id}"


def test_create_project_takes_an_organisation(path):
    other = make_project().organisation
    make_project()
    assert json.loads(run("create_project", "x", f"--organisation={other.public_id}"))["org_id"] == other.public_id
    with pytest.raises(CommandError, match="No organisation org_x exists"):
        run("create_project", "x", "--organisation=org_x")
    with pytest.raises(CommandError, match="name must have 1 to 100 characters"):
        run("create_project", " ")


def test_create_project_needs_no_bootstrap():
    assert json.loads(run("create_project", "x"))["org_id"] == Organisation.objects.get().public_id


@pytest.mark.parametrize(
    ("arguments", "live_mode", "scopes"),
    [
        (["--scope=read"], True, ["read"]),
        (["--scope=read", "--scope=write", "--test"], False, ["read", "write"]),
        (["--scope=write,read"], True, ["read", "write"]),
    ],
)
def test_create_api_key_prints_just_the_key(arguments, live_mode, scopes):
    project = make_project()
    key = api_key_find(run("create_api_key", f"--project={project.public_id}", *arguments))
    assert (key.project, key.live_mode, key.scopes, key.expires_at) == (project, live_mode, scopes, None)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("2099-01-31T12:00:00Z", datetime(2099, 1, 31, 12, tzinfo=UTC)),
        ("2099-01-31T12:00:00+02:00", datetime(2099, 1, 31, 10, tzinfo=UTC)),
        ("2099-01-31", datetime(2099, 1, 31, tzinfo=UTC)),
    ],
)
def test_create_api_key_takes_an_end(given, expected):
    project = make_project()
    secret = run("create_api_key", f"--project={project.public_id}", "--scope=read", f"--expires={given}")
    assert api_key_find(secret).expires_at == expected


def test_create_api_key_takes_a_span():
    secret = run("create_api_key", f"--project={make_project().public_id}", "--scope=read", "--expires=90d")
    assert abs(api_key_find(secret).expires_at - timezone.now() - timedelta(days=90)) < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--scope=admin"], "scopes must be one or more of read, write"),
        (["--scope=read", "--expires=2001-01-01"], "expires_at must be in the future"),
        (["--scope=read", "--expires=soon"], "'soon' is neither a time such as"),
        (["--scope=read", "--expires=2001-13-41"], "is neither a time such as"),
        ([], "the following arguments are required: --scope"),
    ],
)
def test_create_api_key_names_what_is_wrong(arguments, message):
    with pytest.raises(CommandError, match=message):
        run("create_api_key", f"--project={make_project().public_id}", *arguments)
    with pytest.raises(CommandError, match="No project prj_x exists"):
        run("create_api_key", "--project=prj_x", "--scope=read")
    assert ApiKey.objects.count() == 0


def test_rotate_keys_seals_everything_under_the_first_key(path, key_rings, settings):
    facts = bootstrap(path)
    settings.KEY_RING = key_rings["both"]
    assert run("rotate_keys") == "2 API keys sealed under the first key of KEY_RING."
    settings.KEY_RING = key_rings["new"]
    assert bootstrap(path) == facts


def test_rotate_keys_says_when_a_ring_key_is_missing(path, key_rings, settings):
    bootstrap(path)
    settings.KEY_RING = key_rings["new"]
    with pytest.raises(CommandError, match="Put the key that sealed it back"):
        run("rotate_keys")
