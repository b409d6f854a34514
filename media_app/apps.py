import os
from importlib import import_module

from django.apps import AppConfig


class MediaConfig(AppConfig):
    name = "media_app"
    verbose_name = "Media"

    def ready(self) -> None:
        from django.conf import settings
        from django.core.signals import request_started

        from ittyhost import health
        from media_app import checks, storage  # noqa: F401  # checks register themselves
        from media_app.api import (
            shapes,  # noqa: F401  # registers itself
            visits,
        )
        from workers.engine import host

        host.confine(storage.engine_roots)
        request_started.connect(visits.mark_broken_path, dispatch_uid="media_app.path")
        health.register("bucket", storage.check)
        if settings.BUCKET_URL.startswith("s3:"):
            import_module("media_app.storage.s3_pieces")  # before a worker forks: its children share boto3
        if os.environ.get("ITTYHOST_ROLE") == "web":
            storage.warm()
