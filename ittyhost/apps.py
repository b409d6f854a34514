from importlib import import_module

from django.apps import AppConfig


class IttyhostConfig(AppConfig):
    name = "ittyhost"

    def ready(self) -> None:
        import_module("ittyhost.checks")
        import_module("ittyhost.celery")  # so that every process sends through our app, not Celery's own default
