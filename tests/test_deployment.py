"""Dockerfile, docker-compose.yml and .env.example: valid, complete, and in step with the code."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from compose_spec import ComposeSpecification, PyCompose
from django.conf import settings

from ittyhost.launcher import roles
from ittyhost.queue import LANES
from tests.services.compose import NotGiven, document, interpolate, services
from workers.engine.limits import MODEL_SETTINGS
from workers.engine.limits import SETTINGS as LIMITS

ROOT = Path(__file__).resolve().parent.parent
SECRETS = {
    "SECRET_KEY": "secret",
    "KEY_RING": "ring",
    "POSTGRES_PASSWORD": "password",
    "S3_ACCESS_KEY_ID": "id",
    "S3_SECRET_ACCESS_KEY": "key",
}
INTERNAL = {"ITTYHOST_ROLE"}  # set by the launcher, not by operators
# What .env.example names and docker-compose.yml does not pass on, and why.
FIXED_IN_CONTAINERS = {
    "HOST": "web listens on every address of its container; WEB_BIND publishes it",
    "PORT": "the container's own; WEB_BIND publishes another",
    "ITTYHOST_DATA": "/data, a volume",
    "WORK_DIR": "/data/work, on the volume of each worker: nothing else can be written",
    "LIVENESS_FILE": "where the container's health check looks",
}
COMPOSE_ONLY = {"POSTGRES_PASSWORD", "WEB_BIND", "S3_BUCKET", "ITTYHOST_TAG", "INTELLIGENCE", "MODELS"}


def compose() -> dict[str, Any]:
    return document(SECRETS)


def settings_read() -> set[str]:
    """The names of the variables that the code reads."""
    found = set(re.findall(r'env\.\w+\(\s*"([A-Z0-9_]+)"', (ROOT / "ittyhost/settings.py").read_text()))
    for path in (ROOT / "workers").rglob("*.py"):
        if "tests" not in path.parts:
            found |= set(
                re.findall(r'(?:environ\.get\(|environ\[|_setting\(|_named\()\s*"([A-Z0-9_]+)"', path.read_text())
            )
    limits = {name for names in (*LIMITS.values(), MODEL_SETTINGS) for name in names.values()}
    return (found | limits) - INTERNAL


def test_the_compose_file_is_valid_by_the_compose_specification() -> None:
    parsed = PyCompose.from_yaml(yaml.safe_dump(compose()))
    parsed.validate()
    ComposeSpecification.model_validate(compose())
    assert parsed.service_names() == sorted(compose()["services"])


@pytest.mark.parametrize("name", SECRETS)
def test_the_compose_file_insists_on_each_secret(name: str) -> None:
    with pytest.raises(NotGiven, match=name):
        document({**SECRETS, name: ""})


def test_every_service_has_a_health_check_limits_and_a_restart_policy() -> None:
    for name, service in compose()["services"].items():
        limits = service["deploy"]["resources"]["limits"]
        assert set(limits) == {"cpus", "memory"}, name
        assert service["restart"] == ("on-failure" if name == "setup" else "unless-stopped"), name
        assert ("healthcheck" in service) == (name != "setup"), name
        assert service["logging"]["options"]["max-size"], name


def test_our_containers_run_without_privileges() -> None:
    for name in services(SECRETS):
        service = compose()["services"][name]
        assert (service["read_only"], service["cap_drop"], service["security_opt"]) == (
            True,
            ["ALL"],
            ["no-new-privileges:true"],
        )
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert dockerfile.index("USER 10001:10001") < dockerfile.index("\nCMD ")


def test_volumes_are_declared_and_used() -> None:
    used = {
        volume.partition(":")[0] for service in compose()["services"].values() for volume in service.get("volumes", [])
    }
    assert used == set(compose()["volumes"])


def test_every_service_runs_a_role_or_the_set_up() -> None:
    known = roles.of(settings)
    commands = {name: service.command for name, service in services(SECRETS).items()}
    assert commands.pop("setup") == ("python", "-m", "ittyhost.launcher.setup")
    assert set(commands) == set(known)
    for name, command in commands.items():
        assert command == ("python", "-m", "ittyhost.launcher.roles", name)


def test_services_run_natively_with_the_settings_of_the_file() -> None:
    command, environment = services(SECRETS)["worker-heavy"].native(BROKER_URL="redis://127.0.0.1:1/0")
    assert command == [sys.executable, "-m", "ittyhost.launcher.roles", "worker-heavy"]
    assert environment["DATABASE_URL"] == "postgresql://ittyhost:password@postgres:5432/ittyhost"
    assert (environment["BROKER_URL"], environment["WORKERS_HEAVY"]) == ("redis://127.0.0.1:1/0", "1")


def test_the_compose_file_sets_only_settings_that_exist() -> None:
    known = settings_read()
    for name, service in services(SECRETS).items():
        assert set(service.environment) <= known, name


def test_env_example_names_every_setting_and_no_other() -> None:
    named = re.findall(r"^#?([A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert len(named) == len(set(named))
    assert set(named) - COMPOSE_ONLY == settings_read()


def test_variables_of_the_compose_file_are_in_env_example() -> None:
    wanted = set(re.findall(r"\$\{(\w+)", (ROOT / "docker-compose.yml").read_text()))
    named = set(re.findall(r"^#?([A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert wanted - named == {"ITTYHOST_TAG"}


def env_example() -> set[str]:
    return set(re.findall(r"^#?([A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))


def test_every_setting_of_env_example_has_its_effect_in_compose() -> None:
    wanted = set(re.findall(r"\$\{(\w+)", (ROOT / "docker-compose.yml").read_text()))
    assert env_example() - wanted == set(FIXED_IN_CONTAINERS)


@pytest.mark.parametrize("name", sorted(env_example() - set(FIXED_IN_CONTAINERS) - COMPOSE_ONLY))
def test_a_setting_that_is_given_reaches_its_processes_as_it_is(name: str) -> None:
    reached = {
        role
        for role, service in services({**SECRETS, name: "given"}).items()
        if service.environment.get(name) == "given"
    }
    only = {f"WORKERS_{lane.upper()}": f"worker-{lane}" for lane in LANES}
    assert reached == ({only[name]} if name in only else set(services(SECRETS)))


def test_without_settings_compose_uses_its_own_servers() -> None:
    environment = services(SECRETS)["web"].environment
    assert environment["BUCKET_URL"] == "s3://ittyhost"
    assert services({**SECRETS, "S3_BUCKET": "mine"})["web"].environment["BUCKET_URL"] == "s3://mine"
    store = document({**SECRETS, "S3_REGION": "eu-1"})["services"]["s3"]
    assert store["environment"]["VGW_REGION"] == "eu-1"  # signatures name it: both sides must agree


def test_interpolation_follows_composes_rules() -> None:
    text = ["${A}", "${B:-b}", "${A:-x}${A:?why}", "$$A", "${C}", "${B:-x${A}${B:-y}}!"]
    assert interpolate(text, {"A": "1"}) == ["1", "b", "11", "$A", "", "x1y!"]


def test_what_the_image_copies_exists() -> None:
    kept = re.findall(r"^!(\S+)", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    assert {"ittyhost", "workers", "manage.py", "requirements.lock"} <= set(kept)
    missing = [name for name in kept if not (ROOT / name).exists()]
    assert missing == []


def test_the_image_has_models_unless_it_is_built_without() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert "ARG INTELLIGENCE=true\n" in dockerfile
    assert "--require-hashes --requirement /tmp/requirements-weights.txt" in dockerfile
    assert document(SECRETS)["services"]["web"]["build"]["args"] == {"INTELLIGENCE": "true"}
    built = document({**SECRETS, "INTELLIGENCE": "false"})["services"]["worker-intelligence"]["build"]
    assert built["args"] == {"INTELLIGENCE": "false"}


def test_every_package_of_weights_is_held_to_one_version_and_one_file() -> None:
    lines = (ROOT / "requirements-weights.txt").read_text().splitlines()
    packages = [line for line in lines if line and not line.startswith("#")]
    assert len(packages) >= 7
    wrong = [line for line in packages if not re.fullmatch(r"[\w-]+==[\d.]+ --hash=sha256:[0-9a-f]{64}", line)]
    assert wrong == []


def test_pins_are_exact_and_the_lock_is_in_step() -> None:
    done = subprocess.run([sys.executable, "scripts/lock.py", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
