"""The refusal of a caller who is not known: one, whatever is wrong with the key."""

from ittyhost.errors import Unauthenticated

CHALLENGE = 'Bearer realm="api"'


class TokenRefused(Unauthenticated):
    """No key, or one that is malformed, unknown, expired or revoked: which of these, nobody learns."""

    def __init__(self) -> None:
        super().__init__("A valid API key is required. Send it in the header Authorization: Bearer <API key>.")
