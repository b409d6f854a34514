"""What services raise when they refuse: a message for people, the field at fault, and a code for programs.

A family says whose fault it is and nothing about HTTP; `ittyhost.api.errors` makes answers of them.
"""

from typing import ClassVar


class DomainError(Exception):
    """A refusal. `message` names the cause and the way out, `param` the field, `code` the case for programs."""

    default_code: ClassVar[str] = "refused"

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code or self.default_code


class Invalid(DomainError):
    """Something given is missing, malformed or does not fit."""

    default_code = "request_invalid"


class Unauthenticated(DomainError):
    """Nobody known is asking."""

    default_code = "token_invalid"


class Forbidden(DomainError):
    """Whoever asks is known and may not do this."""

    default_code = "forbidden"


class NotFound(DomainError):
    """Nothing of that name exists for whoever asks."""

    default_code = "not_found"


class Conflict(DomainError):
    """The request is right and the state of things does not allow it now."""

    default_code = "conflict"


class PayloadTooLarge(DomainError):
    """More bytes than are taken."""

    default_code = "body_too_large"


class LengthRequired(DomainError):
    """The number of bytes must be told beforehand."""

    default_code = "length_required"


class Unsupported(DomainError):
    """A form of data that is not read here."""

    default_code = "media_type_unsupported"


class LimitReached(DomainError):
    """A limit that is bought or granted, such as a storage quota, is used up."""

    default_code = "payment_required"


class Unprocessable(DomainError):
    """The request is well-formed, and contradicts one that was made before."""

    default_code = "unprocessable"


class HeadersTooLarge(DomainError):
    """More header fields, or longer ones, than are taken."""

    default_code = "headers_too_large"


class UriTooLong(DomainError):
    """A path or a query of more bytes than are taken."""

    default_code = "uri_too_long"


class Later(DomainError):
    """A refusal that passes: `retry_after` seconds from now the same may be tried again."""

    default_retry_after: ClassVar[int] = 1

    def __init__(
        self, message: str, *, retry_after: int | None = None, param: str | None = None, code: str | None = None
    ) -> None:
        super().__init__(message, param=param, code=code)
        self.retry_after = self.default_retry_after if retry_after is None else retry_after


class RateLimited(Later):
    """Too much in too short a time."""

    default_code = "rate_limited"


class InProgress(Later, Conflict):
    """The same is being done already, and has not ended."""

    default_code = "in_progress"


class Unavailable(Later):
    """A part of the service does not answer."""

    default_code = "unavailable"
    default_retry_after = 5
