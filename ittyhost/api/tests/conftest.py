from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from orgs_app.models import ApiKey
from orgs_app.tests.factories import bearer_header, make_api_key


@pytest.fixture
def key_and_secret(db: None) -> tuple[ApiKey, str]:
    return make_api_key()


@pytest.fixture
def api(key_and_secret: tuple[ApiKey, str], settings: Any) -> Callable[..., Any]:
    """`api("get", "/things", version="2025-08-20", json={…})`, with a live key, on the tests' own paths."""
    settings.ROOT_URLCONF = "ittyhost.api.tests.thing_urls"
    settings.PUBLIC_URL = "https://api.example.test"
    client = Client(raise_request_exception=False)

    def call(method: str, path: str, *, version: str | None = None, headers: Any = None, json: Any = None, **more: Any):
        given = bearer_header(key_and_secret[1]) | ({"Accept-Version": version} if version else {}) | (headers or {})
        if json is not None:
            more |= {"data": json, "content_type": "application/json"}
        return getattr(client, method)(path, headers=given, **more)

    return call
