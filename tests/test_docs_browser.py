"""The reference page in a real browser: every version is listed and can be tried, and nothing is asked from outside."""

import os
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ittyhost.api.versions import all_versions
from orgs_app.tests.factories import make_api_key
from tasks_app.tests.factories import make_task
from tests.browser import chromium
from tests.documents import document

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("browser"), pytest.mark.timeout(400)]
VERSIONS = [version.name for version in all_versions()]
OPERATION = ".opblock-summary-path"


def test_every_version_can_be_read_and_tried_offline(live_server, monkeypatch):
    task = make_task()
    _, secret = make_api_key(project=task.project)
    with chromium(monkeypatch) as browser:
        page = browser.new_page(base_url=live_server.url, viewport={"width": 1200, "height": 1400})
        asked: list[str] = []
        wrong: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        answered = page.goto("/docs")
        assert "'unsafe-eval'" not in answered.headers["content-security-policy"]
        assert page.locator("#docs-version option").all_inner_texts() == VERSIONS[::-1]
        for version in VERSIONS[::-1]:  # the newest is shown first; each of the others replaces the one before
            page.select_option("#docs-version", version)
            page.wait_for_selector(f".info .version:has-text('{version}')")
            wanted = sum(
                name in {"get", "post", "put", "patch", "delete", "head"}
                for item in document(next(one for one in all_versions() if one.name == version))["paths"].values()
                for name in item
            )
            page.wait_for_function(f"document.querySelectorAll('{OPERATION}').length === {wanted}")
            picture(page, f"{version}.png")
            try_list(page, secret, task.pk)
            picture(page, f"{version}-tried.png")
        browser_hosts = {urlsplit(url).netloc for url in asked if not url.startswith(("data:", "blob:"))}
        assert browser_hosts == {urlsplit(live_server.url).netloc}
        assert wrong == []


def try_list(page, secret: str, task_id: str) -> None:
    """Ask for the list of tasks, with the key, as a reader would."""
    page.fill("#docs-key", secret)
    block = page.locator(".opblock-get", has=page.locator("[data-path='/tasks']")).first
    block.locator(".opblock-summary-control").click()
    block.locator(".try-out__btn").click()
    block.locator(".execute").click()
    live = block.locator(".live-responses-table")
    live.locator(".response-col_status:has-text('200')").wait_for()
    assert task_id in live.inner_text()


def picture(page, name: str) -> None:
    """A picture of the page for people, in the folder that the environment names."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder) / name, full_page=True)
