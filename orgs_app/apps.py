from django.apps import AppConfig


class OrgsConfig(AppConfig):
    name = "orgs_app"
    verbose_name = "Organisations"

    def ready(self) -> None:
        from orgs_app import checks  # noqa: F401  # registers itself
