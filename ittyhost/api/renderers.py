"""Writing JSON: compact, UTF-8, and without NaN, which is no JSON."""

import json
from typing import Any

from rest_framework.renderers import JSONRenderer
from rest_framework.utils.encoders import JSONEncoder


class StrictJSONRenderer(JSONRenderer):
    """The one form of every answer."""

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        return json.dumps(data, cls=JSONEncoder, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
