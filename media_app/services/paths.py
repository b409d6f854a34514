"""Which file is delivered at a path: the last one whose bytes came there."""

from django.db.models import Q
from django.utils import timezone

from media_app.models import File


def path_take(*, file: File) -> None:
    """Let a file that has its bytes now be the one at its path; those that were there are left with the URLs of ids.

    They do not come back when it is deleted. Files that are still to be fetched keep their claim, and take the path in
    their turn. To be called after `storage_reserve`, whose lock on the project keeps two files from taking one path.
    """
    if not file.filename:
        return
    there = File.objects.filter(
        project=file.project_id, folder=file.folder, filename=file.filename, holds_path=True
    ).exclude(pk=file.pk)
    to_be_fetched = Q(key="", status__in=[File.Status.WAITING, File.Status.PROCESSING])
    there.exclude(to_be_fetched).update(holds_path=False, updated=timezone.now())
