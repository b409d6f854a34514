"""A real browser, where this machine has one."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync "
    "--no-first-run --disable-quic --autoplay-policy=no-user-gesture-required"
)

PATIENCE = 120_000  # ms; of a busy machine that starts it, or draws a page


@contextlib.contextmanager
def chromium(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Playwright's Browser. Where there is none the test is skipped, or fails if REQUIRE_SERVICES is set."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed.")
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        missing = "No chromium is on PATH (Debian package chromium)."
        if os.environ.get("REQUIRE_SERVICES"):
            pytest.fail(missing)
        pytest.skip(missing)
    # Playwright keeps an event loop in this thread; nothing of Django is awaited in it.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=found, args=ARGUMENTS.split(), timeout=PATIENCE)
        make = browser.new_page

        def new_page(**options: Any) -> Any:
            page = make(**options)
            page.set_default_timeout(PATIENCE)
            return page

        browser.new_page = new_page
        yield browser
        browser.close()
        connections.close_all()  # the loop has a connection of its own, which nobody else could close
