"""`Authorization: Bearer <API key>`: which key, and so which project, a request speaks for."""

from typing import Any

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from ittyhost.api.tokens import CHALLENGE, TokenRefused
from orgs_app.models import ApiKey
from orgs_app.selectors import api_key_find
from orgs_app.services import api_key_touch


class ApiKeyAuthentication(BaseAuthentication):
    """`request.auth` is the ApiKey. Every failure is the same TokenRefused: nobody learns whether a key existed."""

    def authenticate(self, request: Request) -> tuple[Any, ApiKey]:
        key = api_key_find(bearer(request.META.get("HTTP_AUTHORIZATION", "")))
        if key is None:
            raise TokenRefused()
        api_key_touch(key=key)
        return None, key

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


def bearer(header: str) -> str:
    """The token in an Authorization header; "" when it has another form."""
    scheme, _, token = header.strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
