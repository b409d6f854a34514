"""A server, and leave to reach it."""

from collections.abc import Iterator
from typing import Any

import pytest

from ittyhost.outbound.tests.site import LOOPBACK, Site


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.close()


@pytest.fixture
def allowed(settings) -> Any:
    """The loopback interface may be reached."""
    settings.OUTBOUND_ALLOW = LOOPBACK
    return settings
