"""Which rows are locked first, so that no two transactions wait for each other.

Everywhere: media → task, or upload → project → files. A project's row is locked by whatever counts its storage, and
before files, because a file that takes a path moves others off it, and only the project's lock says which those are.
"""

from media_app.models import Media
from orgs_app.models import Project


def media_lock(media_id: str, *, delete: bool = False) -> bool:
    """Lock a media until the transaction ends; False when it is gone.

    Rows that refer to it may still be written, unless it is to be deleted.
    """
    return bool(Media.objects.select_for_update(no_key=not delete).filter(pk=media_id).values_list("pk"))


def project_lock(project_id: str) -> bool:
    """Lock a project's counts until the transaction ends; False when it is gone."""
    return bool(Project.objects.select_for_update(no_key=True).filter(pk=project_id).values_list("pk"))
