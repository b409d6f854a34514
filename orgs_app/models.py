"""Who uses the service: organisations, the people in them, their projects, and the keys that speak for a project."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from ittyhost.records import Record
from workers.engine.limits import check_changes
from workers.kinds import all_kinds

# Two labels at least, the last no number: neither an address nor a name that means something in one network only.
DOMAIN = r"^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]([a-z0-9-]*[a-z0-9])?(:[0-9]{1,5})?\Z"


def scope_list() -> list[str]:
    return list(ApiKey.SCOPES)


def validate_limits(value: Any) -> None:
    """Limits of work as workers.engine.limits knows them, and kinds that there are."""
    try:
        check_changes(value, kinds=all_kinds())
    except ValueError as exc:
        raise ValidationError(str(exc)) from None


class Organisation(Record):
    """A company, a team or a person."""

    prefix = "org"

    name = models.CharField(max_length=100)

    class Meta:
        ordering = ["created"]

    def __str__(self) -> str:
        return self.name


class Member(Record):
    """A user of this service in an organisation."""

    prefix = "mbr"

    class Role(models.TextChoices):
        OWNER = "owner"
        ADMIN = "admin"
        MEMBER = "member"

    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="members")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role, default=Role.MEMBER)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organisation", "user"], name="member_once")]

    def __str__(self) -> str:
        return f"{self.user} ({self.role})"


class Project(Record):
    """What keys, media, files and tasks belong to. Projects see nothing of each other."""

    prefix = "prj"

    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="projects")
    name = models.CharField(max_length=100)
    api_version = models.CharField(
        "API version",
        max_length=20,
        null=True,
        blank=True,
        validators=[RegexValidator(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}\Z", "A date, as 2025-08-20.")],
        help_text="What requests that name no version are answered in. Empty or unknown: the service's default.",
    )
    is_private = models.BooleanField(default=False, help_text="Delivery answers signed URLs and API keys only.")
    delivery_domain = models.CharField(
        max_length=253,
        null=True,
        blank=True,
        unique=True,
        validators=[RegexValidator(DOMAIN, "A full host name in lower case, as media.example.com, without a path.")],
        help_text="The host name that files are delivered under, as media.example.com. Empty: the service's own.",
    )
    storage_quota = models.BigIntegerField(
        null=True, blank=True, validators=[MinValueValidator(0)], help_text="Bytes. Empty: without limit."
    )
    limits = models.JSONField(
        default=dict,
        blank=True,
        validators=[validate_limits],
        help_text=(
            'What its work may use where that differs from the installation\'s limits: {"source": {"duration": 3600}, '
            '"kinds": {"video": {"run": {"wall": 600}}}}. The names are in docs/limits.md.'
        ),
    )
    storage_used = models.BigIntegerField(default=0, editable=False, help_text="Bytes. Kept by orgs_app.services.")

    class Meta:
        ordering = ["created"]
        constraints = [
            models.CheckConstraint(condition=Q(storage_used__gte=0), name="project_storage_used_positive"),
            models.CheckConstraint(
                condition=Q(storage_quota__isnull=True) | Q(storage_quota__gte=0), name="project_storage_quota_positive"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def delivery_url(self) -> str:
        """Where this project's files are, without a trailing slash."""
        if self.delivery_domain:
            scheme = settings.DELIVERY_URL.partition("://")[0]
            return f"{scheme}://{self.delivery_domain}"
        return f"{settings.DELIVERY_URL.rstrip('/')}/{self.public_id}"


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def active(self) -> "ApiKeyQuerySet":
        """Neither revoked nor expired."""
        return self.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=timezone.now()), revoked_at__isnull=True)


class ApiKey(Record):
    """A secret that speaks for a project. Found by its digest; kept sealed, as URL signatures are made with it."""

    prefix = "key"

    SCOPES = ("read", "write")

    project = models.ForeignKey(Project, models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=100)
    live_mode = models.BooleanField("live", default=True, help_text="Live or test; only shown in answers.")
    scopes = models.JSONField(default=scope_list, help_text="What the key may do: read, write.")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    ciphertext = models.TextField(editable=False)
    last_four = models.CharField(max_length=4, editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False, help_text="To the minute.")
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, editable=False)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = "API key"
        indexes = [models.Index(fields=["project", "-created"], name="apikey_project_recent")]

    def __str__(self) -> str:
        return f"{self.name} ({self.hint})"

    @property
    def hint(self) -> str:
        """What may be shown of the secret: `sk_live_…ab12`."""
        return f"{'sk_live' if self.live_mode else 'sk_test'}_…{self.last_four}"

    @property
    def is_active(self) -> bool:
        """Neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > timezone.now())


class IdempotentRequest(Record):
    """A POST with an Idempotency-Key: being done while it has no `status`, else the answer that was given.

    It holds its key until `expires_at`. A holder that died lets go at `lease_until`; `token` tells it from whoever
    takes over then.
    """

    prefix = "idr"

    project = models.ForeignKey(Project, models.CASCADE, related_name="idempotent_requests")
    key = models.CharField(max_length=255, help_text="As the client sent it.")
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of what was asked for.")
    token = models.CharField(max_length=32)
    lease_until = models.DateTimeField()
    expires_at = models.DateTimeField()
    status = models.PositiveSmallIntegerField(null=True)
    headers = models.JSONField(default=dict)
    body = models.BinaryField(default=b"")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "key"], name="idempotentrequest_key_once")]
        indexes = [models.Index(fields=["expires_at"], name="idempotentrequest_expiry")]
