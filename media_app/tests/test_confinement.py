"""The service confines its helper to the bucket and the work folder: nothing else of the data folder is read."""

import sys
from pathlib import Path

import pytest

from media_app.storage import bucket, engine_roots
from workers.engine import sandbox
from workers.engine.confinement import Roots
from workers.engine.errors import EngineUnavailable
from workers.engine.host import Host
from workers.tests.media import make_image

pytestmark = [
    pytest.mark.django_db,  # a new bucket asks the database whether files were ever stored
    pytest.mark.skipif(sys.platform != "linux" or not sandbox.landlock_abi(), reason="Landlock is Linux's"),
]


def test_the_helper_of_the_service_reads_the_bucket_and_no_secrets(settings, tmp_path: Path):
    settings.BUCKET_URL, settings.WORK_DIR = f"file://{tmp_path}/data/bucket", tmp_path / "data" / "work"
    picture = make_image(tmp_path / "picture.png")
    bucket().put_file("p/f/1/source", picture)
    secrets = tmp_path / "data" / "secrets.json"
    secrets.write_text("{}")
    assert engine_roots() == Roots(read=(f"{tmp_path}/data/bucket",), write=(f"{tmp_path}/data/work",))
    assert settings.WORK_DIR.is_dir()
    held = Host()
    held.roots = engine_roots
    try:
        assert held.call("probe", {"path": str(bucket().local_path("p/f/1/source"))})["media_type"] == "image"
        with pytest.raises(EngineUnavailable):
            held.call("probe", {"path": str(secrets)})
    finally:
        held.end()


def test_with_a_bucket_elsewhere_only_the_work_folder_is_open(settings, tmp_path: Path):
    settings.BUCKET_URL, settings.WORK_DIR = "s3://elsewhere", tmp_path / "work"
    assert engine_roots() == Roots(write=(str(tmp_path / "work"),))
