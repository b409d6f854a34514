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


class InProgress(Conflict):
    """The same is being done by another request at the moment; `retry_after` seconds from now it may be tried again."""

    default_code = "in_progress"

    def __init__(
        self, message: str, *, retry_after: int = 1, param: str | None = None, code: str | None = None
    ) -> None:
        super().__init__(message, param=param, code=code)
        self.retry_after = retry_after


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


class RateLimited(DomainError):
    """Too much in too short a time; `retry_after` seconds from now it may be tried again."""

    default_code = "rate_limited"

    def __init__(
        self, message: str, *, retry_after: int = 1, param: str | None = None, code: str | None = None
    ) -> None:
        super().__init__(message, param=param, code=code)
        self.retry_after = retry_after


class Unavailable(DomainError):
    """A part of the service does not answer; `retry_after` seconds from now it may be tried again."""

    default_code = "unavailable"

    def __init__(
        self, message: str, *, retry_after: int = 5, param: str | None = None, code: str | None = None
    ) -> None:
        super().__init__(message, param=param, code=code)
        self.retry_after = retry_after
