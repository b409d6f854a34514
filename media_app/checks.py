"""Start-up checks of the bucket."""

from typing import Any

from django.core.checks import CheckMessage, Error, register

from ittyhost.checks import PARTS
from media_app import storage


@register(PARTS, deploy=True)
def check_bucket(**_: Any) -> list[CheckMessage]:
    """The bucket must be there and open to us."""
    problem = storage.check()
    return [Error(f"BUCKET_URL: {problem}", id="media_app.E001")] if problem else []
