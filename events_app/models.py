"""The outbox: what happened, one row each, written in the transaction that made it happen."""

from django.db import models

from ittyhost.records import Record
from orgs_app.models import Project


class Event(Record):
    """Something that happened to one record of a project. Never changed after it was written."""

    prefix = "evt"

    project = models.ForeignKey(Project, models.CASCADE, related_name="events")
    type = models.CharField(max_length=40, help_text="What happened to what: task.ready, file.failed.")
    subject = models.CharField(max_length=24, help_text="The id of the record it happened to.")

    class Meta:
        indexes = [
            models.Index(fields=["project", "-created"], name="event_project_recent"),
            models.Index(fields=["subject"], name="event_subject"),
        ]
