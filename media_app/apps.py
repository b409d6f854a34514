from django.apps import AppConfig


class MediaConfig(AppConfig):
    name = "media_app"
    verbose_name = "Media"

    def ready(self) -> None:
        from ittyhost import health
        from media_app import checks, storage  # noqa: F401  # checks register themselves
        from media_app.api import shapes  # noqa: F401  # registers itself

        health.register("bucket", storage.check)
