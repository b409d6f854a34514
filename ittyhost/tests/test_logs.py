"""One JSON object a line, from structlog and from libraries alike, with what is bound to the request."""

import io
import json
import logging

import pytest
import structlog

from ittyhost import logs


@pytest.fixture
def lines():
    """What is logged as JSON from here on; the test run's own set-up is put back afterwards."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    structlog.contextvars.clear_contextvars()
    logs.configure(level="INFO", form="json")
    stream = io.StringIO()
    (handler,) = root.handlers
    handler.setStream(stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    structlog.contextvars.clear_contextvars()
    root.handlers[:] = before
    root.setLevel(level)


def test_our_lines_carry_what_is_bound(lines):
    structlog.contextvars.bind_contextvars(request_id="req_1")
    structlog.get_logger("tasks").info("claimed", task="tsk_1")
    (line,) = lines()
    stamp = line.pop("timestamp")
    assert stamp.endswith("Z")
    assert line == {"event": "claimed", "task": "tsk_1", "request_id": "req_1", "level": "info", "logger": "tasks"}


def test_libraries_lines_have_the_same_form(lines):
    structlog.contextvars.bind_contextvars(request_id="req_1")
    logging.getLogger("library").warning("took %s s", 3, extra={"host": "a"})
    (line,) = lines()
    line.pop("timestamp")
    assert line == {"event": "took 3 s", "host": "a", "request_id": "req_1", "level": "warning", "logger": "library"}


def test_an_exception_is_one_line(lines):
    try:
        raise ValueError("no\nway")
    except ValueError:
        structlog.get_logger("tasks").exception("failed")
        logging.getLogger("library").exception("failed too")
    ours, theirs = lines()
    assert ours["exception"].endswith("ValueError: no\nway")
    assert theirs["exception"].endswith("ValueError: no\nway")


def test_lines_below_the_level_are_left_out(lines):
    structlog.get_logger("tasks").debug("quiet")
    logging.getLogger("library").debug("quiet")
    assert lines() == []


def test_text_shows_no_local_variables(lines):
    logs.configure(level="INFO", form="text")
    stream = io.StringIO()
    logging.getLogger().handlers[0].setStream(stream)

    def fail():
        password = "hunter" + "2"
        raise ValueError(len(password))

    try:
        fail()
    except ValueError:
        structlog.get_logger("tasks").exception("failed")
    assert "ValueError: 7" in stream.getvalue()
    assert "hunter2" not in stream.getvalue()
