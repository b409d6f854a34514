"""Answers that many operations share: what each status means, and how it looks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ittyhost.api.idempotency import REPLAYED
from ittyhost.api.openapi import samples
from ittyhost.api.schemas import Schema
from ittyhost.api.tokens import CHALLENGE
from ittyhost.api.versions import Problem, Version


@dataclass(frozen=True)
class Refusal:
    """A refusal under the name it has among a document's responses. `headers` are those it has beside the common."""

    name: str
    meaning: str
    problem: Problem
    headers: tuple[str, ...] = ()


REFUSALS: Mapping[int, Refusal] = {
    refusal.problem.status: refusal
    for refusal in (
        Refusal(
            "BadRequest",
            "Something given is wrong; the message names it.",
            Problem(400, "request_invalid", "limit must be from 1 to 100, not 0.", "limit"),
        ),
        Refusal(
            "Unauthorized",
            "No valid API key.",
            Problem(
                401,
                "token_invalid",
                "A valid API key is required. Send it in the header Authorization: Bearer <API key>.",
            ),
            ("WWW-Authenticate",),
        ),
        Refusal(
            "QuotaUsedUp",
            "The project's storage quota has no room.",
            Problem(402, "payment_required", "The project's storage quota is used up."),
        ),
        Refusal(
            "Forbidden",
            "The API key lacks the scope.",
            Problem(403, "scope_missing", "This API key lacks the scope 'write'. Use a key that has it."),
        ),
        Refusal(
            "NotFound",
            "No such object in this project.",
            Problem(404, "task_not_found", "There is no task with this id.", "id"),
        ),
        Refusal(
            "Conflict",
            "The state of things does not allow it now, or a request with the same `Idempotency-Key` is being done: "
            "`Retry-After` then tells when to ask again.",
            Problem(409, "conflict", "The media was deleted meanwhile."),
        ),
        Refusal(
            "LengthRequired",
            "The number of bytes was not told.",
            Problem(411, "length_required", "Send the body with a Content-Length."),
        ),
        Refusal(
            "BodyTooLarge",
            "The body is too large.",
            Problem(413, "body_too_large", "The body must be at most 1048576 bytes."),
        ),
        Refusal(
            "UriTooLong",
            "The path or the query is too long.",
            Problem(414, "uri_too_long", "The query must have at most 8192 bytes."),
        ),
        Refusal(
            "NotJSON",
            "The body is not JSON.",
            Problem(
                415,
                "media_type_unsupported",
                "The body must be JSON. Send it with the header Content-Type: application/json.",
            ),
        ),
        Refusal(
            "KeyReused",
            "The Idempotency-Key was used for another request.",
            Problem(
                422,
                "idempotency_key_reused",
                "This Idempotency-Key was used for another request. Send each request with a key of its own.",
                "Idempotency-Key",
            ),
        ),
        Refusal(
            "TooManyRequests",
            "Too many requests with this key. `Retry-After` tells in how many seconds to try again.",
            Problem(429, "rate_limited", "Too many requests. Try again in 3 s.", headers={"Retry-After": "3"}),
            ("Retry-After",),
        ),
        Refusal(
            "HeadersTooLarge",
            "There are too many header fields, or too long ones.",
            Problem(431, "headers_too_large", "A request may have at most 100 header fields."),
        ),
        Refusal(
            "InternalError",
            "A fault of the service. `X-Request-Id` names the request to its operator.",
            Problem(
                500,
                "internal_error",
                "Something went wrong on our side. The X-Request-Id header names this request.",
            ),
        ),
        Refusal(
            "Unavailable",
            "A part of the service does not answer now. `Retry-After` tells in how many seconds to try again.",
            Problem(
                503,
                "unavailable",
                "The database does not answer just now. Try again in a moment.",
                headers={"Retry-After": "5"},
            ),
            ("Retry-After",),
        ),
    )
}
ALWAYS = (400, 401, 403, 414, 429, 431, 500, 503)
WITH_ID = (404,)
WITH_BODY = (411, 413, 415)
WITH_IDEMPOTENCY = (409, 422)


class Header(NamedTuple):
    meaning: str
    schema: Schema
    required: bool = True  # False: only sometimes there


HEADERS: Mapping[str, Header] = {
    "X-Request-Id": Header("This request's id.", {"type": "string", "pattern": "^req_[0-9A-Za-z]{12}$"}),
    "Retry-After": Header("Seconds to wait before trying again.", {"type": "integer", "minimum": 1}),
    "WWW-Authenticate": Header("How to authenticate.", {"type": "string", "examples": [CHALLENGE]}),
    "RateLimit": Header(
        "What is left of this key's requests (`r`), and in how many seconds all are there again (`t`).",
        {"type": "string", "examples": ['"key";r=499;t=1']},
        required=False,
    ),
    "RateLimit-Policy": Header(
        "How many requests a key may make at once (`q`), and in how many seconds they are there again (`w`).",
        {"type": "string", "examples": ['"key";q=500;w=5']},
        required=False,
    ),
    REPLAYED: Header(
        "`true` where this is the answer that the same `Idempotency-Key` got before.",
        {"type": "string", "const": "true"},
        required=False,
    ),
}
COMMON = ("X-Request-Id", "RateLimit", "RateLimit-Policy")


def answer(meaning: str, schema: Schema, *, headers: Mapping[str, Schema] | None = None) -> Schema:
    """One answer. `headers` are further ones, beside those of every answer."""
    return {
        "description": meaning,
        "headers": {**{name: header(name) for name in COMMON}, **(headers or {})},
        "content": {"application/json": {"schema": schema}},
    }


def refused(refusal: Refusal, error: Schema, version: Version, *, meaning: str | None = None) -> Schema:
    """A refusal written out, as the document's responses hold it; `error` is the schema of its body."""
    headers = {name: header(name) for name in refusal.headers}
    written = answer(meaning or refusal.meaning, error, headers=headers)
    example = version.error(samples.call("GET", "/tasks", None), refusal.problem).body
    written["content"]["application/json"]["example"] = example
    return written


def header(name: str) -> Schema:
    """A reference to a shared header."""
    return {"$ref": f"#/components/headers/{name}"}


def header_schemas() -> dict[str, Schema]:
    """The shared headers, as the document's components hold them."""
    return {
        name: {"description": one.meaning, "required": one.required, "schema": dict(one.schema)}
        for name, one in HEADERS.items()
    }


def shared(*statuses: int) -> dict[str, Schema]:
    """References to the shared refusals of these statuses."""
    return {str(status): {"$ref": f"#/components/responses/{REFUSALS[status].name}"} for status in statuses}
