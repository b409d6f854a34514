"""Every error is provoked, and every code that the source knows is among them."""

import pytest

from tests.errors import ELSEWHERE, Provocation, provocations
from tests.errors.codes import codes
from tests.pages.errors import provoke, said

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("one", provocations(), ids=str)
def test_it_comes_about_as_the_page_says(one: Provocation) -> None:
    _, answer = provoke(one)
    assert (answer.status_code, said(answer)["code"]) == (one.status, one.code), answer.content
    assert said(answer)["message"].endswith((".", "…")), "a message is a sentence"
    passes = one.status in (429, 503) or one.code in ("idempotency_in_progress", "piece_in_progress")
    assert ("Retry-After" in answer.headers) == passes


def test_every_code_of_the_source_has_a_provocation() -> None:
    known = {one.code for one in provocations()} | set(ELSEWHERE)
    missing = {code: places for code, places in codes().items() if code not in known}
    assert not missing, "\n".join(
        f"{code} (raised at {', '.join(places)}): add a function with @provokes({code!r}, …) to tests/errors/, "
        "or a line to ELSEWHERE there when no request can meet it; then run `make docs`."
        for code, places in missing.items()
    )


def test_no_provocation_is_of_a_code_that_is_gone() -> None:
    assert {one.code for one in provocations()} | set(ELSEWHERE) <= set(codes())
