from typing import Any

import pytest

OLD_KEY = "b25seS1mb3ItdGVzdHMtb25seS1mb3ItdGVzdHMtISE="
NEW_KEY = "YW5vdGhlciBrZXkgZm9yIHRlc3RzIGFuZCBubyBvdGg="


@pytest.fixture
def key_rings(settings: Any) -> dict[str, tuple[str, ...]]:
    """Rings for a rotation; the old one is in use."""
    settings.KEY_RING = (OLD_KEY,)
    return {"old": (OLD_KEY,), "both": (NEW_KEY, OLD_KEY), "new": (NEW_KEY,)}
