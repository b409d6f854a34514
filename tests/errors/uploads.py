"""Uploads in pieces, and sessions: pieces that do not fit, addresses that are used up."""

import io
from collections.abc import Callable
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

from django.db import connection

from ittyhost.leases import lease_end
from media_app.models import Upload
from media_app.storage import bucket
from tests.errors.base import Scene, provokes

LARGE = 100_000_000


def send(scene: Scene, span: str, body: bytes, **more: Any) -> Any:
    """A piece of the upload at one address, as `0-4/10`."""
    return scene.ask(
        "PUT",
        scene.delivery("demo/big.mp4"),
        body,
        type="video/mp4",
        headers={"Content-Range": f"bytes {span}"},
        **more,
    )


class Meanwhile(io.BytesIO):
    """A body in whose middle something else happens."""

    def __init__(self, body: bytes, happen: Callable[[], None]) -> None:
        super().__init__(body)
        self._happen: Callable[[], None] | None = happen

    def read(self, size: int | None = -1, /) -> bytes:
        if self._happen is not None:
            happen, self._happen = self._happen, None
            happen()
        return super().read(size)


@provokes(
    "piece_too_small",
    400,
    cause="A piece of a large file is smaller than stores take.",
    way_out="Send pieces of the size that the message names, but for the last one.",
)
def piece_too_small(scene: Scene) -> Any:
    return send(scene, f"0-4/{LARGE}", b"x" * 5)


@provokes(
    "piece_leaves_gap",
    400,
    cause="Between two pieces of a large file a gap would stay that no piece may be small enough for.",
    way_out="Send the bytes of the gap along with a piece beside it.",
)
def piece_leaves_gap(scene: Scene) -> Any:
    size = 6 * 1024 * 1024
    return send(scene, f"100-{size + 99}/{LARGE}", b"", **{"wsgi.input": io.BytesIO(), "CONTENT_LENGTH": str(size)})


@provokes(
    "session_invalid",
    403,
    cause="The address of an upload session is unknown, expired or used.",
    way_out="Create another by `POST /uploads`.",
)
def session_unknown(scene: Scene) -> Any:
    return scene.ask("POST", scene.delivery("store/single?key=used"), b"x" * 10, type="image/jpeg", secret="")


@provokes(
    "upload_not_found",
    404,
    cause="No upload is in progress at the address.",
    way_out="There is nothing to give up: send the file, or its pieces, if it is to be there.",
)
def nothing_to_give_up(scene: Scene) -> Any:
    return scene.ask("DELETE", scene.delivery("demo/big.mp4"))


@provokes(
    "alias_taken",
    409,
    cause="A session of the project, or a file, has the alias.",
    way_out="Choose another alias.",
)
def alias_taken(scene: Scene) -> Any:
    scene.ask("POST", "/uploads", {"alias": "harbour"})
    return scene.ask("POST", "/uploads", {"alias": "harbour"})


@provokes(
    "upload_in_progress",
    409,
    cause="An upload of another size is in progress at the address.",
    way_out="Go on with that one, or give it up by `DELETE` to the address.",
)
def upload_of_another_size(scene: Scene) -> Any:
    send(scene, "0-4/10", b"x" * 5)
    return send(scene, "0-4/20", b"x" * 5)


@provokes(
    "piece_overlaps",
    409,
    cause="A piece shares bytes with another one.",
    way_out="Send pieces that lie side by side; repeat one with the same bounds.",
)
def pieces_overlap(scene: Scene) -> Any:
    send(scene, "0-4/10", b"x" * 5)
    return send(scene, "2-6/10", b"x" * 5)


@provokes(
    "piece_differs",
    409,
    cause="A piece was sent again with other bytes.",
    way_out="If it is another file, give the upload up by `DELETE` to the address, and begin anew.",
)
def piece_differs(scene: Scene) -> Any:
    send(scene, "0-4/10", b"x" * 5)
    return send(scene, "0-4/10", b"y" * 5)


@provokes(
    "piece_in_progress",
    409,
    cause="Another request is sending the same piece.",
    way_out="Wait for its end, and send the piece again after `Retry-After` seconds if it failed.",
    by="It is sent while the first request with it is being received.",
)
def same_piece_at_once(scene: Scene) -> Any:
    answers: list[Any] = []
    body = Meanwhile(b"x" * 5, lambda: answers.append(send(scene, "0-4/10", b"x" * 5)))
    send(scene, "0-4/10", b"x" * 5, **{"wsgi.input": body})
    return answers[0]


@provokes(
    "piece_lost",
    409,
    cause="The upload ended while a piece was sent, another request took it over, or the bucket lost it.",
    way_out="Ask for the state with `Content-Range: bytes */<total>`, and send what is missing.",
    by="The upload is given up while the piece is being received.",
)
def upload_ends_meanwhile(scene: Scene) -> Any:
    body = Meanwhile(b"x" * 5, lambda: scene.ask("DELETE", scene.delivery("demo/big.mp4")))
    answer = send(scene, "0-4/10", b"x" * 5, **{"wsgi.input": body})
    scene.asked.reverse()
    return answer


@provokes(
    "pieces_missing",
    409,
    cause="An upload is to be completed, and not all of its pieces are there.",
    way_out="Send those that the message names.",
)
def pieces_missing(scene: Scene) -> Any:
    made = scene.ask("POST", "/uploads", {"resumable": True})
    address = urlsplit(made.json()["url"])
    answer = scene.ask("POST", f"{address.path}?{address.query}", b"", secret="")
    scene.asked[-1] = f"POST {scene.delivery('store/resumable?key=…')}"  # the key is another one each time
    return answer


@provokes(
    "too_many_pieces",
    409,
    cause="The upload has as many pieces as there may be.",
    way_out="Give it up by `DELETE` to the address, and begin anew with larger pieces.",
    by="The most there may be is set to 1.",
)
def too_many_pieces(scene: Scene) -> Any:
    with patch("media_app.services.pieces.MAX_JOINED", 1):
        send(scene, "0-4/10", b"x" * 5)
        return send(scene, "5-6/10", b"x" * 2)


@provokes(
    "upload_completing",
    409,
    cause="All pieces are there, and the file is being made of them.",
    way_out="Send the last piece again after a moment, to be shown the file.",
    by="Another request is completing the upload.",
)
def upload_is_completing(scene: Scene) -> Any:
    send(scene, "0-4/10", b"x" * 5)
    Upload.objects.filter(project=scene.project).update(status=Upload.Status.COMPLETING, lease_until=lease_end())
    return scene.ask("DELETE", scene.delivery("demo/big.mp4"))


@provokes(
    "upload_lost",
    409,
    cause="The bucket has lost the pieces of the upload.",
    way_out="Send all pieces again.",
    by="The draft of the file is removed from the bucket's folder when the last piece has come.",
)
def pieces_are_gone(scene: Scene) -> Any:
    send(scene, "0-4/10", b"x" * 5)
    handle = Upload.objects.get(project=scene.project).handle

    def before_it_is_completed(execute: Any, sql: str, *args: Any) -> Any:
        if sql.startswith('UPDATE "media_app_upload" SET "status"'):
            for draft in bucket().root.rglob(f"*{handle}*"):  # type: ignore[attr-defined]
                draft.unlink()
        return execute(sql, *args)

    with connection.execute_wrapper(before_it_is_completed):
        return send(scene, "5-9/10", b"x" * 5)


@provokes(
    "too_many_sessions",
    429,
    cause="As many upload sessions of the project wait to be used as may.",
    way_out="Use them, or wait until they expire.",
    by="The most there may be is set to 0.",
)
def too_many_sessions(scene: Scene) -> Any:
    with patch("media_app.services.sessions.MAX_UNUSED", 0):
        return scene.ask("POST", "/uploads", {"filename": "a.mp4"})


@provokes(
    "too_many_uploads",
    429,
    cause="As many uploads in pieces of the project are in progress as may be.",
    way_out="Complete some, or give them up by `DELETE`.",
    by="The most there may be is set to 0.",
)
def too_many_uploads(scene: Scene) -> Any:
    with patch("media_app.services.uploads.MAX_OPEN", 0):
        return send(scene, "0-4/10", b"x" * 5)
