"""The words of the API: what a field means, and how a value looks, wherever a schema does not say it itself."""

from typing import Any, NamedTuple


class Word(NamedTuple):
    meaning: str
    example: Any = None


BASE_URL = "https://media.example.com"
DELIVERY_URL = "https://media.example.com/delivery/prj_q1w2e3r4t5y6u7i8"

WORDS: dict[str, Word] = {
    # --- who and when ---
    "id": Word("Its id."),
    "object": Word("What it is."),
    "media_id": Word("The media it belongs to.", "med_z8y7x6w5v4u3t2s1"),
    "file_id": Word("The id of a file.", "file_q7w8e9r0t1y2u3i4"),
    "task_id": Word("The id of a task, `tsk_…` or `task_…`.", "task_c4v5b6n7m8a9s0d1"),
    "source_id": Word("The id of a source.", "file_q7w8e9r0t1y2u3i4"),
    "automation_id": Word("The id of an automation.", "auto_a1u2t3o4m5a6t7e8"),
    "parent_id": Word("The task that made this one."),
    "created_by": Word("The API key or the task that made it.", "key_h6j7k8l9z0x1c2v3"),
    "created": Word("When it was made.", "2025-09-01T08:00:00Z"),
    "updated": Word("When it last changed.", "2025-09-01T08:00:02Z"),
    # --- states ---
    "status": Word("Its state."),
    "progress": Word("Percent, 0 to 100.", 100),
    "error": Word("Why it failed, in a sentence."),
    # --- what is known of a file ---
    "kind": Word("What kind it is.", "image"),
    "type": Word("Its media type.", "image/jpeg"),
    "format": Word("Its format.", "jpeg"),
    "container": Word("The container, as ffmpeg names it.", "jpeg"),
    "codec": Word("The codec of its first video, or audio, stream."),
    "width": Word("Pixels, as displayed.", 800),
    "height": Word("Pixels, as displayed.", 450),
    "orientation": Word("`landscape`, `portrait` or `square`.", "landscape"),
    "rotation": Word("Degrees that the stored picture is turned by for display."),
    "transparency": Word("Whether it has an alpha channel.", False),
    "animated": Word("Whether the picture moves.", False),
    "frames": Word("How many pictures it has."),
    "duration": Word("Seconds."),
    "fps": Word("Frames per second."),
    "filesize": Word("Bytes; 0 while unknown.", 48211),
    "bitrate": Word("Bits per second."),
    "original": Word("Whether its media came with it."),
    "language": Word("BCP 47 tag of its language."),
    "members": Word("Further objects of the file: the later pictures of a series, the playlists of a package."),
    # --- what its owner says of it ---
    "title": Word("A title.", "Harbour"),
    "alt": Word("What the picture shows, in words.", "Boats in a harbour"),
    "label": Word("A label of the owner's."),
    "ref": Word("Its name among the `urls` of its media.", "cover"),
    "folder": Word("Where it is delivered.", "demo"),
    "filename": Word("What it is delivered as.", "cover.jpg"),
    "metadata": Word("Anything of the owner's, kept as it is.", {"user_id": "42"}),
    "description": Word("A description."),
    "name": Word("A name.", "Every upload"),
    # --- where it is ---
    "url": Word("Where it is delivered.", f"{DELIVERY_URL}/demo/cover.jpg"),
    "src": Word("Where it is delivered.", f"{DELIVERY_URL}/demo/cover.jpg"),
    "urls": Word("The address of each file that has a `ref`.", {"original": f"{DELIVERY_URL}/demo/harbour.mp4"}),
    "placeholder": Word("A tiny picture as a data URI."),
    "background": Word("The dominant colour, hex."),
    "domain": Word("Where the project's files are, without the scheme.", DELIVERY_URL.removeprefix("https://")),
    "expiry": Word("Until when it holds, unix seconds.", 1767225600),
    "method": Word("What it allows: `get` or `put`.", "get"),
    "signature": Word("HMAC-SHA256 under the API key, URL-safe base64.", "3q2-7wAbCdEfGhIjKlMnOpQrStUvWxYz0123456789A"),
    # --- messages ---
    "message": Word("What happened, in a sentence.", "file_q7w8e9r0t1y2u3i4 deleted"),
    "code": Word("The case, for programs: docs/errors.md lists them."),
    "param": Word("The field at fault."),
}
OWN_WORDS = frozenset({"Error"})  # schemas whose fields mean something else

TAGS: dict[str, str] = {
    "tasks": "A task takes one input and makes one output of it. It runs in the background: look at it again until it "
    "has ended.",
    "tasks-config": "The kinds of task and their options, as older SDKs ask for them.",
    "media": "A media holds the files of one piece of content: its original, and what tasks made of it.",
    "files": "A file is a source (video, image, audio), a track (subtitles, chapters, thumbnails) or intelligence "
    "(what a model found), and is delivered under an address.",
    "sources": "The files of a media under their name of 2024.",
    "uploads": "Upload sessions of 2024: an address that takes one file without the API key.",
    "signatures": "Addresses that are good for one file and a limited time, for those who have no API key.",
    "automations": "Steps that are saved for each new media.",
    "delivery": "Where files are put and fetched. These paths have a server of their own, see their `servers`.",
}
