"""Signed URLs over HTTP, the same in every version."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from ittyhost.api.openapi import documented
from ittyhost.api.permissions import READ, HasScope
from ittyhost.api.views import ProjectView
from media_app.api.shapes import SIGNATURE_SHAPES
from media_app.signatures import SCOPES, url_sign


class MaySign(HasScope):
    """A key may sign for what it may do itself."""

    def scope_of(self, request: Request, view: Any) -> str:
        body = request.data
        method = body.get("method") if isinstance(body, dict) else None
        return SCOPES.get(method.lower(), READ) if isinstance(method, str) else READ


class SignatureListView(ProjectView):
    shapes = SIGNATURE_SHAPES
    scope = READ  # and `write` to sign for writing
    permission_classes = (MaySign,)

    @documented(SIGNATURE_SHAPES, request="SignatureCreate", response="signature_schema")
    def post(self, request: Request) -> Response:
        """Sign a URL.

        Whoever has it may get, or put, the one file at its path until it expires; nothing need be there yet. It is
        signed with the key of the request, and holds as long as that key does. To sign for `put` the key needs the
        scope `write`, for `get` the scope `read`.
        """
        body = self.shape.SignatureCreate(data=request.data)
        body.is_valid(raise_exception=True)
        return self.created(self.shape.signature_show(url_sign(key=self.api_key, **body.validated_data)))
