"""The recipes of docs/delivery.md, run as they stand there, give the URLs that the service gives."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from media_app.models import File
from media_app.signatures import url_sign
from media_app.tests.factories import make_file
from orgs_app.tests.caller import Caller
from orgs_app.tests.factories import make_project

pytestmark = pytest.mark.django_db

TEXT = (Path(__file__).parent.parent / "docs" / "delivery.md").read_text()
EXPIRY = 2_000_000_000
PLAIN, ODD = "demo/2026/harbour_1-2.mp4", "été (1)/café & 'tea' #1?=100%.mp4"
PROGRAMS = {"python": sys.executable, "javascript": "node", "sh": "sh"}
EXTENSIONS = {"python": "py", "javascript": "cjs", "sh": "sh"}


def recipe(language: str) -> str:
    """The block of the language that signs by itself."""
    blocks = re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)
    (found,) = [block for block in blocks if "signature=" in block and "$API" not in block]
    return found


@pytest.mark.parametrize(
    ("language", "path"),
    [("python", PLAIN), ("python", ODD), ("javascript", PLAIN), ("javascript", ODD), ("sh", PLAIN)],
)
@pytest.mark.parametrize("method", ["get", "put"])
def test_a_recipe_signs_what_the_service_takes(language, path, method, settings, tmp_path):
    settings.PROBE_WAIT_SECONDS = 0
    program = PROGRAMS[language]
    if shutil.which(program) is None or (language == "sh" and shutil.which("openssl") is None):
        pytest.skip(f"{program} or what it needs is not installed.")
    caller = Caller(project=make_project(is_private=True))
    folder, _, filename = path.rpartition("/")
    script = tmp_path / f"sign.{EXTENSIONS[language]}"
    script.write_text(recipe(language))
    done = subprocess.run(
        [program, str(script), path, method, str(EXPIRY)],
        env={**os.environ, "KEY": caller.secret, "DELIVERY": caller.project.delivery_url},
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert done.returncode == 0, done.stderr
    url = done.stdout.strip()
    if language == "python" or path == PLAIN:  # JavaScript leaves !'()* as they are
        assert url == url_sign(key=caller.key, folder=folder, filename=filename, expiry=EXPIRY, method=method).url
    place = url.removeprefix("http://127.0.0.1:8000")
    if method == "put":
        assert caller.http.put(place, b"x", content_type="text/plain").status_code == 201
        assert (File.objects.get().folder, File.objects.get().filename) == (folder, filename)
    else:
        make_file(project=caller.project, folder=folder, filename=filename, content=b"x")
        assert b"".join(caller.http.get(place).streaming_content) == b"x"
