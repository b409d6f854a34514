"""What is searched: rows of words beside media and files, written in the transaction that changes what they are of."""

from collections.abc import Sequence

from django.db import connection
from django.db.models import Value
from django.db.models.expressions import RawSQL

from media_app.models import File, Media, SearchText
from media_app.terms import as_tsvector, passages

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


def written(words: Sequence[str], project_id: str) -> Value | RawSQL:
    """The words of a passage as SearchText.words takes them."""
    if connection.vendor == "postgresql":
        return RawSQL("%s::tsvector", [as_tsvector(words, project_id)])
    return Value(" ".join(words))
