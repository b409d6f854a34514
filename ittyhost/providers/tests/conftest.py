"""The server of models, and providers that ask it."""

from collections.abc import Callable, Iterator

import pytest

from ittyhost.providers import chat
from ittyhost.providers import endpoint as endpoints
from ittyhost.providers.chat import ChatLanguage
from ittyhost.providers.endpoint import Endpoint
from ittyhost.providers.tests.server import ModelServer


@pytest.fixture
def server() -> Iterator[ModelServer]:
    made = ModelServer()
    yield made
    made.close()


@pytest.fixture
def endpoint(server: ModelServer, monkeypatch) -> Callable[..., Endpoint]:
    """An endpoint of the server, in a hurry; what was learnt of servers is forgotten."""
    monkeypatch.setattr(chat, "_known", {})
    monkeypatch.setattr(endpoints, "FIRST_WAIT", 0.05)

    def made(**changes) -> Endpoint:
        usual = {"name": "language model", "setting": "LANGUAGE", "url": server.url, "model": "tiny"}
        return Endpoint(**usual | {"key": "s3cret", "timeout": 60.0, "tries": 3} | changes)

    return made


@pytest.fixture
def language(endpoint) -> Callable[..., ChatLanguage]:
    def made(sees: bool = False, tokens: int = 4096, **changes) -> ChatLanguage:
        return ChatLanguage(endpoint(**changes), sees=sees, tokens=tokens)

    return made
