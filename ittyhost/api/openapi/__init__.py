"""OpenAPI 3.1, one document per version, made from the views, their shapes and the kinds' own schemas."""

from ittyhost.api.openapi.components import Components
from ittyhost.api.openapi.document import document
from ittyhost.api.openapi.operations import Operation, documented
from ittyhost.api.openapi.schema import VersionedSchema

__all__ = ["Components", "Operation", "VersionedSchema", "document", "documented"]
