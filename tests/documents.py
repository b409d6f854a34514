"""The OpenAPI document of each version, as the code writes it: half a second of work, done once for all tests."""

from functools import cache

from ittyhost.api import openapi
from ittyhost.api.schemas import Schema
from ittyhost.api.versions import Version


@cache
def document(version: Version) -> Schema:
    """The whole document. Tests share it: who changes it makes a copy first."""
    return openapi.document(version)
