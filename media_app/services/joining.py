"""Uploads that are to join a media, when that is deleted."""

from media_app.models import Upload, UploadSession

Status = Upload.Status


def joining_end(*, media_id: str) -> None:
    """End them, within the transaction that deletes the media and has locked it; the sweep deletes their pieces soon.

    They outlive their sessions for that. An upload is locked before its session and its pieces, wherever they are
    written, and while its session is locked none begins.
    """
    uploads = Upload.objects.filter(session__media=media_id)
    list(uploads.select_for_update(of=("self",)).order_by("pk").values_list("pk"))
    list(UploadSession.objects.select_for_update().filter(media=media_id).order_by("pk").values_list("pk"))
    uploads.filter(status__in=[Status.OPEN, Status.COMPLETING]).update(status=Status.ENDED)
    uploads.update(session=None)
