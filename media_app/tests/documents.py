"""Files of tracks and documents with real bytes in the bucket, as their kinds make them."""

import io
import json
from typing import Any

from media_app.models import File, FileMember, Media
from media_app.storage import bucket
from media_app.tests.factories import make_file


def speech(count: int = 3, *, seconds: float = 2.0, **fields: Any) -> dict[str, Any]:
    """A transcript of so many sentences."""
    timeline = [
        {
            "index": number,
            "start": number * seconds,
            "end": (number + 1) * seconds,
            "detected": True,
            "speaker": number % 2,
            "text": f"Sentence number {number}.",
            "confidence": 0.91,
        }
        for number in range(count)
    ]
    return {
        "object": "intelligence",
        "kind": "speech",
        "detected": True,
        "speakers": 2,
        "language": "en",
        "text": [each["text"] for each in timeline],
        "confidence": 0.91,
        "timeline": timeline,
        "model": "whisper-tiny.en",
        "model_version": "d01c3014",
        **fields,
    }


def nsfw(count: int = 12, *, seconds: float = 1.0) -> dict[str, Any]:
    """Scores of a video in which something is seen towards the end."""
    timeline = [
        {
            "index": number,
            "start": number * seconds,
            "end": (number + 1) * seconds,
            "nudity": round(0.05 + (0.7 if number >= count * 0.7 else 0.02 * (number % 4)), 3),
            "sexual": round(0.3 * number / count, 3),
            "violence": None,
            "gore": None,
            "detected": number >= count * 0.7,
            "confidence": 0.5,
        }
        for number in range(count)
    ]
    return {
        "object": "intelligence",
        "kind": "nsfw",
        "detected": True,
        "nudity": 0.75,
        "sexual": 0.28,
        "violence": None,
        "gore": None,
        "confidence": 0.75,
        "categories_checked": ["nudity", "sexual"],
        "thresholds": {"nudity": 0.5, "sexual": 0.6},
        "frames": count,
        "timeline": timeline,
        "model": "NudeNet + open_nsfw",
        "model_version": "3.4.2 + 0.1.0",
    }


def make_document(media: Media, kind: str, content: dict[str, Any] | bytes) -> File:
    """A ready document of a media: an object, or whatever bytes."""
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    return make_file(media=media, object="intelligence", kind=kind, type="application/json", content=data)


def make_track(
    media: Media, kind: str, text: str, *, type: str = "text/vtt", sheets: dict[str, bytes] | None = None
) -> File:
    """A ready track of a media, with its sheets of sprites."""
    file = make_file(media=media, object="track", kind=kind, type=type, content=text.encode())
    for name, data in (sheets or {}).items():
        key = f"{file.project_id}/{file.pk}/1/{name}"
        stored = bucket().put(key, io.BytesIO(data), length=len(data), type="image/jpeg")
        FileMember.objects.create(
            file=file, name=name, key=key, type="image/jpeg", size=stored.size, sha256=stored.sha256, etag=stored.etag
        )
    return file
