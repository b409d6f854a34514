from django.apps import AppConfig


class TasksConfig(AppConfig):
    name = "tasks_app"
    verbose_name = "Tasks"

    def ready(self) -> None:
        from events_app.services import subscribe
        from ittyhost import health
        from tasks_app import nodes

        for happening in ("file.ready", "file.failed", "file.deleted"):
            subscribe(happening, job="tasks_app.source_settled")
        health.register("workers", nodes.check_workers)
        health.register("scheduler", nodes.check_scheduler)
