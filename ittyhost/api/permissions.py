"""What a key's scopes allow."""

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from ittyhost.errors import Forbidden

READ = "read"
WRITE = "write"
SAFE_METHODS = frozenset({"GET", "HEAD"})


class HasScope(BasePermission):
    """GET and HEAD need `read`, everything else `write`; a view that differs says so in `scope`."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """True, or Forbidden is raised, naming the scope."""
        credential: Any = request.auth
        needed = self.scope_of(request, view)
        if needed not in credential.scopes:
            raise Forbidden(
                f"This API key lacks the scope {needed!r}. Use a key that has it.", param=None, code="scope_missing"
            )
        return True

    def scope_of(self, request: Request, view: Any) -> str:
        """The scope that this request needs."""
        return getattr(view, "scope", None) or (READ if request.method in SAFE_METHODS else WRITE)
