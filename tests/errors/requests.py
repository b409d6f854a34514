"""Requests that are wrong in themselves: bodies, parameters, versions, keys, methods, paths."""

from typing import Any

from django.db import connection

from orgs_app.tests.factories import make_api_key
from tests.errors.base import Scene, provokes


@provokes(
    "request_invalid",
    400,
    cause="A field is missing, malformed or out of its bounds; `param` names it.",
    way_out="Change that field as the message says.",
)
def field_out_of_bounds(scene: Scene) -> Any:
    return scene.ask("POST", "/tasks", {"file_id": scene.file.public_id, "kind": "image", "width": 0})


@provokes(
    "request_invalid",
    400,
    cause="A field is not known here.",
    way_out="Leave it out, or check how it is spelled.",
)
def field_unknown(scene: Scene) -> Any:
    return scene.ask("POST", "/media", {"titel": "Harbour"})


@provokes(
    "request_invalid",
    400,
    cause="The kind cannot be made of this input.",
    way_out="Use another kind, or another input: docs/kinds.md says what each is made from.",
)
def kind_does_not_fit(scene: Scene) -> Any:
    return scene.ask("POST", "/tasks", {"file_id": scene.file.public_id, "kind": "audio"})


@provokes(
    "request_invalid",
    400,
    cause="A URL leads where the service does not go.",
    way_out="Give an http(s) URL of a public host, or ask the operator to allow the network (`OUTBOUND_ALLOW`).",
)
def url_not_allowed(scene: Scene) -> Any:
    return scene.ask("POST", "/files", {"url": "ftp://example.com/a.mp4"})


@provokes(
    "request_invalid",
    400,
    cause="A parameter of a list is not one of its values.",
    way_out="Use one of those that the message names.",
)
def page_out_of_bounds(scene: Scene) -> Any:
    return scene.ask("GET", "/tasks?limit=1000")


@provokes(
    "request_invalid",
    400,
    cause="The body is not JSON, or no JSON object.",
    way_out="Send one JSON object, in UTF-8.",
)
def body_is_no_json(scene: Scene) -> Any:
    return scene.ask("POST", "/tasks", b'{"kind": "image",}')


@provokes(
    "version_unknown",
    400,
    cause="`Accept-Version` names no version of this service.",
    way_out="Send one of those that the message names, or none.",
)
def version_unknown(scene: Scene) -> Any:
    return scene.ask("GET", "/tasks", headers={"Accept-Version": "2020-01-01"})


@provokes(
    "token_invalid",
    401,
    cause="There is no API key, or none that works: unknown, revoked, expired.",
    way_out="Send `Authorization: Bearer <API key>` with a key that works.",
)
def no_key(scene: Scene) -> Any:
    return scene.ask("GET", "/tasks", secret="")


@provokes(
    "scope_missing",
    403,
    cause="The API key may not do that.",
    way_out="Use a key that has the scope which the message names.",
)
def key_may_only_read(scene: Scene) -> Any:
    _, reader = make_api_key(project=scene.project, scopes=["read"])
    return scene.ask("DELETE", f"/files/{scene.file.public_id}", secret=reader)


@provokes(
    "path_unknown",
    404,
    cause="No resource has this path.",
    way_out="Check the path: `/openapi/<version>.json` lists all.",
)
def path_unknown(scene: Scene) -> Any:
    return scene.ask("GET", "/taks")


@provokes(
    "method_not_allowed",
    405,
    cause="The path does not have this method.",
    way_out="Use one that the header `Allow` names.",
)
def method_unknown(scene: Scene) -> Any:
    return scene.ask("DELETE", "/tasks")


@provokes(
    "length_required",
    411,
    cause="A file is sent without its number of bytes.",
    way_out="Send a `Content-Length`; most clients do when they are given a file and not a stream.",
)
def length_missing(scene: Scene) -> Any:
    return scene.ask("PUT", scene.delivery("demo/new.jpg"), b"", type="image/jpeg", CONTENT_LENGTH="")


@provokes(
    "media_type_unsupported",
    415,
    cause="The body of a request is not JSON.",
    way_out="Send `Content-Type: application/json`.",
)
def body_is_a_form(scene: Scene) -> Any:
    return scene.ask("POST", "/tasks", b"kind=image", type="application/x-www-form-urlencoded")


@provokes(
    "media_type_unsupported",
    415,
    cause="A file is sent in an encoding.",
    way_out="Send the file as it is, without `Content-Encoding`.",
)
def file_is_encoded(scene: Scene) -> Any:
    return scene.ask("PUT", scene.delivery("demo/new.jpg"), b"x", headers={"Content-Encoding": "gzip"})


@provokes(
    "idempotency_in_progress",
    409,
    cause="A request with the same `Idempotency-Key` is being done.",
    way_out="Send it again after `Retry-After` seconds: the answer is that of the first one.",
    by="It is sent while the first one is being done.",
)
def same_key_at_once(scene: Scene) -> Any:
    answers: list[Any] = []

    def ask() -> Any:
        return scene.ask("POST", "/media", {"title": "Harbour"}, headers={"Idempotency-Key": "9f3c"})

    def meanwhile(execute: Any, sql: str, *args: Any) -> Any:
        if sql.startswith('INSERT INTO "media_app_media"') and not answers:
            answers.append(None)  # what the second request writes is no third one
            answers.append(ask())
        return execute(sql, *args)

    with connection.execute_wrapper(meanwhile):
        ask()
    return answers[-1]


@provokes(
    "idempotency_key_reused",
    422,
    cause="The `Idempotency-Key` was used for another request.",
    way_out="Send each request with a key of its own; send the same bytes when you send it again.",
)
def key_of_another_request(scene: Scene) -> Any:
    scene.ask("POST", "/media", {"title": "Harbour"}, headers={"Idempotency-Key": "9f3c"})
    return scene.ask("POST", "/media", {"title": "Forest"}, headers={"Idempotency-Key": "9f3c"})


@provokes(
    "signature_invalid",
    403,
    cause="The signature of a URL has expired, is of another path or method, or of a key that may not do that.",
    way_out="Sign the URL anew, by `POST /signatures` or by the recipe in docs/delivery.md.",
)
def signature_expired(scene: Scene) -> Any:
    path = scene.delivery("demo/new.jpg?expiry=1700000000&method=put&signature=3q2-7w")
    return scene.ask("PUT", path, b"x" * 10, type="image/jpeg", secret="")
