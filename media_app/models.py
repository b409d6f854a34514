"""Media, their files, and the named members of files that are made of many objects."""

from django.db import models
from django.db.models import Q

from ittyhost.leases import LeasedWork
from ittyhost.records import Record
from orgs_app.models import Project


class Media(Record):
    """One piece of content: the file it came with, and whatever was made of it."""

    prefix = "med"

    project = models.ForeignKey(Project, models.CASCADE, related_name="media")
    kind = models.CharField(
        max_length=10, blank=True, help_text="video, image or audio; empty until the original is known."
    )
    title = models.CharField(max_length=500, blank=True)
    alt = models.CharField(max_length=2000, blank=True)
    width = models.PositiveIntegerField(null=True, blank=True)
    height = models.PositiveIntegerField(null=True, blank=True)
    duration = models.FloatField(null=True, blank=True)
    metadata = models.JSONField(default=dict, blank=True)

    class Meta:
        verbose_name_plural = "media"
        indexes = [
            models.Index(fields=["project", "-created", "-id"], name="media_project_created"),
            models.Index(fields=["project", "-updated", "-id"], name="media_project_updated"),
            models.Index(fields=["project", "kind", "-created", "-id"], name="media_project_kind"),
        ]


class File(LeasedWork):
    """One file of a media. Only media_app.services moves `status`.

    The bytes are objects in the bucket under `prefix_key`, which no later attempt writes to: one entry object, and for
    HLS or sprites any number of named members beside it.
    """

    prefix = "file"

    class Object(models.TextChoices):
        SOURCE = "source"
        TRACK = "track"
        INTELLIGENCE = "intelligence"

    class Status(models.TextChoices):
        WAITING = "waiting"  # to be fetched from its URL, or to be probed
        PROCESSING = "processing"  # a worker fetches or probes it
        READY = "ready"
        FAILED = "failed"

    project = models.ForeignKey(Project, models.CASCADE, related_name="files")
    media = models.ForeignKey(Media, models.CASCADE, related_name="files")
    object = models.CharField(max_length=12, choices=Object, default=Object.SOURCE)
    kind = models.CharField(max_length=20, blank=True, help_text="video, image, audio, subtitles …; empty until known.")
    type = models.CharField(max_length=100, default="application/octet-stream", help_text="MIME type, by content.")
    original = models.BooleanField(default=False, help_text="The file its media came with.")
    status = models.CharField(max_length=10, choices=Status, default=Status.WAITING)
    error = models.CharField(max_length=500, blank=True)
    lane = models.CharField(max_length=12, blank=True, help_text="The queue of its next step, while there is one.")

    folder = models.CharField(max_length=1000, blank=True)
    filename = models.CharField(max_length=255, blank=True)
    holds_path = models.BooleanField(
        default=True, help_text="Delivered at its folder and filename; once another file is, only its id leads to it."
    )
    ref = models.CharField(max_length=100, blank=True)
    label = models.CharField(max_length=200, blank=True)
    language = models.CharField(max_length=20, blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    created_by = models.CharField(max_length=24, blank=True, help_text="The id of the key or task that made it.")
    source_url = models.TextField(blank=True, help_text="Where it is fetched from; emptied when it was.")

    key = models.CharField(max_length=300, blank=True, help_text="The entry object's key in the bucket.")
    etag = models.CharField(max_length=64, blank=True)
    sha256 = models.CharField(max_length=64, blank=True, help_text="Of the entry object.")
    entry_size = models.PositiveBigIntegerField(default=0, help_text="Bytes of the entry object.")
    filesize = models.PositiveBigIntegerField(default=0, help_text="Bytes of all its objects.")

    format = models.CharField(max_length=20, blank=True)
    container = models.CharField(max_length=40, blank=True)
    codec = models.CharField(max_length=40, blank=True)
    width = models.PositiveIntegerField(null=True, blank=True, help_text="Pixels as displayed.")
    height = models.PositiveIntegerField(null=True, blank=True, help_text="Pixels as displayed.")
    duration = models.FloatField(null=True, blank=True, help_text="Seconds.")
    fps = models.FloatField(null=True, blank=True)
    frames = models.PositiveBigIntegerField(null=True, blank=True)
    bitrate = models.PositiveBigIntegerField(null=True, blank=True, help_text="Bits per second.")
    orientation = models.CharField(max_length=10, blank=True)
    rotation = models.IntegerField(null=True, blank=True, help_text="Degrees the stored picture is turned when shown.")
    transparency = models.BooleanField(null=True, blank=True)
    animated = models.BooleanField(null=True, blank=True)
    placeholder = models.TextField(blank=True, help_text="A tiny blurred picture of it, as a data URI.")
    background = models.CharField(max_length=7, blank=True, help_text="Its dominant colour: #rrggbb.")
    probe = models.JSONField(null=True, blank=True, help_text="Everything the probe found.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["media"], condition=Q(original=True), name="file_one_original"),
            models.CheckConstraint(
                condition=Q(status__in=["waiting", "processing", "ready", "failed"]), name="file_status"
            ),
        ]
        indexes = [
            models.Index(fields=["project", "-created", "-id"], name="file_project_created"),
            models.Index(fields=["project", "-updated", "-id"], name="file_project_updated"),
            models.Index(fields=["project", "-filesize", "-id"], name="file_project_filesize"),
            models.Index(fields=["project", "object", "-created", "-id"], name="file_project_object"),
            models.Index(fields=["project", "kind", "-created", "-id"], name="file_project_kind"),
            models.Index(fields=["project", "status", "-created", "-id"], name="file_project_status"),
            models.Index(fields=["project", "ref", "-created", "-id"], name="file_project_ref"),
            models.Index(
                fields=["project", "folder", "filename"], condition=Q(holds_path=True), name="file_project_path"
            ),
            models.Index(fields=["lane", "due_at", "id"], condition=Q(status="waiting"), name="file_due"),
            models.Index(fields=["lease_until"], condition=Q(status="processing"), name="file_lease"),
        ]


class FileMember(models.Model):
    """A further object of a file, beside its entry: a segment of HLS, a sheet of sprites."""

    file = models.ForeignKey(File, models.CASCADE, related_name="members")
    name = models.CharField(max_length=255, help_text="Relative to the entry: 720p/segment-1.ts.")
    key = models.CharField(max_length=600)
    type = models.CharField(max_length=100)
    size = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64, blank=True)
    etag = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ["id"]  # as they were made
        constraints = [models.UniqueConstraint(fields=["file", "name"], name="member_name_once")]

    def __str__(self) -> str:
        return self.name


class DeadObject(models.Model):
    """An object no row needs: written down when it was let go, or before it was written; a job deletes it when due.

    A prefix ends in a slash and stands for all objects under it.
    """

    key = models.CharField(max_length=600, unique=True)
    due_at = models.DateTimeField(help_text="Not to be deleted before: downloads that run may end.")
    pending = models.BooleanField(
        default=False, help_text="An attempt still writes it, and takes this row away when it publishes."
    )

    class Meta:
        indexes = [models.Index(fields=["due_at"], name="dead_object_due")]

    def __str__(self) -> str:
        return self.key
