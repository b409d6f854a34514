"""What is searched: rows of words beside media and files, written in the transaction that changes what they are of."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from django.db import connection, transaction
from django.db.models import Value
from django.db.models.expressions import RawSQL

from media_app.models import File, Media, SearchText
from media_app.services.locks import media_lock
from media_app.storage import ObjectMissing, StorageUnavailable, bucket
from media_app.terms import as_tsvector, passages
from workers.texts import text_of

Weight = SearchText.Weight
OF_MEDIA = "media"  # the kind of what a media is called
WEIGHTS = {
    **dict.fromkeys(("description", "summary", "tags", "objects"), Weight.DESCRIBED),
    **dict.fromkeys(("chapters", "outline"), Weight.HEADED),
}


def media_index(*, media: Media) -> None:
    """Have a media found by its title, its description and its original's name, as they are now."""
    about = Media.objects.filter(pk=media.pk).values_list("title", "alt").first()
    named = File.objects.filter(media=media, original=True).values_list("filename", flat=True).first()
    SearchText.objects.filter(media=media, file=None).delete()
    if about is not None:
        text_index(media=media, text="\n".join(filter(None, [*about, named])))


def text_index(*, media: Media, text: str) -> None:
    """Have a media that was not indexed found by what it is called."""
    passages_index(media=media, passages=passages(text))


def passages_index(*, media: Media, passages: Sequence[Sequence[str]], file: File | None = None) -> None:
    """Have a media found by the words that a file of it says, or by those it is called itself (no file)."""
    kind = file.kind if file else OF_MEDIA
    weight = WEIGHTS.get(kind, Weight.SAID) if file else Weight.NAMED
    SearchText.objects.bulk_create(
        SearchText(
            project_id=media.project_id,
            media_id=media.pk,
            file=file,
            kind=kind,
            weight=weight,
            words=written(words, media.project_id),
        )
        for words in passages
    )


def search_rebuild() -> tuple[int, int, int]:
    """Index every media and file anew: (media, files, files whose bytes could not be read). One media is locked at a
    time, and found by something at every moment."""
    media = files = lost = 0
    for one in Media.objects.order_by("pk").iterator():
        said = []
        made = File.objects.filter(media=one, status=File.Status.READY).exclude(object=File.Object.SOURCE)
        for file in made.exclude(key="").defer("probe"):
            try:
                said.append((file, passages(_said(file))))
            except (ObjectMissing, StorageUnavailable):
                lost += 1
        with transaction.atomic():
            if not media_lock(one.pk):
                continue
            media_index(media=one)
            for file, words in said:
                SearchText.objects.filter(file=file).delete()
                if File.objects.filter(pk=file.pk).exists():
                    passages_index(media=one, file=file, passages=words)
        media += 1
        files += len(said)
    return media, files, lost


def _said(file: File) -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        bucket().fetch_to(file.key, path, sha256=file.sha256)
        return text_of(file.kind, path, file.type)


def written(words: Sequence[str], project_id: str) -> Value | RawSQL:
    """The words of a passage as SearchText.words takes them."""
    if connection.vendor == "postgresql":
        return RawSQL("%s::tsvector", [as_tsvector(words, project_id)])
    return Value(" ".join(words))
