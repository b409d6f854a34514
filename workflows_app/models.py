"""Automations: saved chains of steps, and what starts them."""

from django.db import models
from django.db.models import Q

from ittyhost.records import Record
from orgs_app.models import Project

MEDIA_CREATED = "media.created"


class Automation(Record):
    """A chain of steps that is to run whenever something happens in its project."""

    prefix = "auto"

    class Status(models.TextChoices):
        ACTIVE = "active"
        PAUSED = "paused"  # kept, and started by nothing

    project = models.ForeignKey(Project, models.CASCADE, related_name="automations")
    name = models.CharField(max_length=200, blank=True)
    description = models.CharField(max_length=2000, blank=True)
    status = models.CharField(max_length=10, choices=Status, default=Status.ACTIVE)
    event = models.CharField(max_length=40, default=MEDIA_CREATED, help_text="What starts it.")
    conditions = models.JSONField(
        default=list, blank=True, help_text="What must hold before any step runs: [{prop, value}]; empty: nothing."
    )
    workflow = models.JSONField(help_text="The steps, checked: [{kind, …options, next: [steps that follow]}].")
    metadata = models.JSONField(default=dict, blank=True)
    created_by = models.CharField(max_length=24, blank=True, help_text="The id of the key that made it.")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(status__in=["active", "paused"]), name="automation_status"),
        ]
        indexes = [
            models.Index(fields=["project", "-created", "-id"], name="automation_created"),
            models.Index(fields=["project", "-updated", "-id"], name="automation_updated"),
            models.Index(fields=["project", "status", "-created", "-id"], name="automation_of_status"),
            models.Index(fields=["project", "status", "event"], name="automation_started_by"),
        ]
