"""Media, their files with the named members of those made of many objects, uploads in progress, words to search."""

from typing import Any

from django.db import models
from django.db.models import Q

from ittyhost.leases import LeasedWork
from ittyhost.records import Record
from orgs_app.models import ApiKey, Project


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
    conditions = models.JSONField(default=dict, blank=True, help_text="What it must turn out to be, else it failed.")
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
    listed = models.BooleanField(
        default=True, help_text="Named in the file's own record; what a manifest names, in thousands, is not."
    )

    class Meta:
        ordering = ["id"]  # as they were made
        constraints = [models.UniqueConstraint(fields=["file", "name"], name="member_name_once")]
        indexes = [models.Index(fields=["file", "id"], condition=Q(listed=True), name="member_listed")]

    def __str__(self) -> str:
        return self.name


class WordsField(models.Field):
    """Words as the database's text search reads them: written by media_app.services.indexing, never read back."""

    def db_type(self, connection: Any) -> str:
        return "tsvector" if connection.vendor == "postgresql" else "text"


class SearchText(models.Model):
    """A passage of what is searched: of what a file says, or of what a media is called. Rows are made and deleted only.

    The index of `words` is made by a migration: GIN on PostgreSQL; on SQLite a table of FTS5 that triggers keep in
    step.
    """

    class Weight(models.IntegerChoices):
        SAID = 1  # and written in the picture
        HEADED = 2  # chapters and the like
        DESCRIBED = 3
        NAMED = 4

    # Its rows go with their media. An index of it a planner could take for that of the words.
    project = models.ForeignKey(Project, models.DO_NOTHING, db_index=False, db_constraint=False, related_name="+")
    media = models.ForeignKey(Media, models.CASCADE, related_name="search_texts")
    file = models.ForeignKey(
        File, models.CASCADE, null=True, blank=True, related_name="search_texts", help_text="None: the media itself."
    )
    kind = models.CharField(max_length=20, help_text="Of the file; media for what a media is called.")
    weight = models.PositiveSmallIntegerField(choices=Weight)
    words = WordsField()

    def __str__(self) -> str:
        return f"{self.kind} of {self.media_id}"


class UploadSession(Record):
    """A right to make one file by an upload, for whoever has its key; only the key's digest is kept."""

    prefix = "ups"

    project = models.ForeignKey(Project, models.CASCADE, related_name="upload_sessions")
    api_key = models.ForeignKey(
        ApiKey, models.CASCADE, related_name="+", help_text="What it was made with; it ends when that does."
    )
    digest = models.CharField(max_length=64, unique=True, editable=False)
    resumable = models.BooleanField(default=False)
    expires_at = models.DateTimeField(help_text="Not to be used after; each piece moves it.")
    file = models.OneToOneField(
        File, models.CASCADE, null=True, blank=True, related_name="upload_session", help_text="What it made."
    )

    media = models.ForeignKey(Media, models.CASCADE, null=True, blank=True, related_name="+")
    alias = models.CharField(max_length=100, blank=True)
    folder = models.CharField(max_length=1000, blank=True)
    filename = models.CharField(max_length=255, blank=True)
    title = models.CharField(max_length=500, blank=True)
    alt = models.CharField(max_length=2000, blank=True)
    label = models.CharField(max_length=200, blank=True)
    ref = models.CharField(max_length=100, blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    conditions = models.JSONField(default=dict, blank=True, help_text="What the file must turn out to be.")
    patience = models.FloatField(null=True, blank=True, help_text="Seconds that the answer waits for the probe.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "alias"], condition=~Q(alias=""), name="upload_session_alias_once"
            ),
        ]
        indexes = [
            models.Index(fields=["project", "-created", "-id"], name="upload_session_project"),
            models.Index(fields=["expires_at"], condition=Q(file=None), name="upload_session_unused"),
        ]


class Upload(LeasedWork):
    """A file that comes in pieces. Only media_app.services moves `status`; `attempt` counts who completed it."""

    prefix = "upl"

    class Status(models.TextChoices):
        OPEN = "open"  # for pieces
        COMPLETING = "completing"  # all are there: somebody makes the object and the file of them
        COMPLETE = "complete"  # kept for a while, to know a repeated piece by
        ENDED = "ended"  # given up or expired: to be cleaned up after

    project = models.ForeignKey(Project, models.CASCADE, related_name="uploads")
    status = models.CharField(max_length=10, choices=Status, default=Status.OPEN)
    place = models.CharField(max_length=64, help_text="Digest of its path or session: one upload at a time for each.")
    session = models.ForeignKey(UploadSession, models.CASCADE, null=True, blank=True, related_name="uploads")
    folder = models.CharField(max_length=1000, blank=True)
    filename = models.CharField(max_length=255, blank=True)
    total = models.PositiveBigIntegerField(help_text="Bytes of the whole file.")
    received = models.PositiveBigIntegerField(default=0, help_text="Bytes of the pieces that are stored.")
    created_by = models.CharField(max_length=24, blank=True, help_text="The id of the key that began it.")
    expires_at = models.DateTimeField(help_text="When it is given up unless another piece comes.")
    reserved_id = models.CharField(max_length=16, help_text="The id that its file will have.")
    handle = models.TextField(help_text="How the bucket knows it.")
    repeats = models.ForeignKey(
        "self",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="A completed upload of which all its pieces are repetitions, so far.",
    )
    last_start = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="Where the piece starts that came last."
    )
    completed_at = models.DateTimeField(null=True, blank=True)
    file = models.ForeignKey(
        File, models.SET_NULL, null=True, blank=True, related_name="+", help_text="What it became."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "place"],
                condition=Q(status__in=["open", "completing"]),
                name="upload_one_at_a_place",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["open", "completing", "complete", "ended"]), name="upload_status"
            ),
        ]
        indexes = [
            models.Index(fields=["project", "-created", "-id"], name="upload_project_created"),
            models.Index(fields=["status", "expires_at"], name="upload_expires"),
            models.Index(fields=["project", "place", "-completed_at"], name="upload_place"),
        ]


class UploadPiece(models.Model):
    """Bytes `start` to `end - 1` of an upload: stored, or claimed by the one connection that brings them."""

    upload = models.ForeignKey(Upload, models.CASCADE, related_name="pieces")
    start = models.PositiveBigIntegerField()
    end = models.PositiveBigIntegerField()
    token = models.CharField(max_length=16, help_text="Of the connection that brings it; fences its writes.")
    lease_until = models.DateTimeField(null=True, blank=True, help_text="When that is given up; empty once it ended.")
    stored = models.BooleanField(default=False)
    sha256 = models.CharField(max_length=64, blank=True)
    parts = models.JSONField(default=list, blank=True, help_text="What the bucket made of it.")

    class Meta:
        ordering = ["start"]
        constraints = [
            models.UniqueConstraint(fields=["upload", "start"], name="upload_piece_once"),
            models.CheckConstraint(condition=Q(end__gt=models.F("start")), name="upload_piece_length"),
        ]

    def __str__(self) -> str:
        return f"{self.start}-{self.end - 1}"


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
