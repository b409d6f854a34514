"""The thread by which a worker says that it is alive, beside a pool that forks."""

import os
import threading

import pytest

from tasks_app import nodes
from tasks_app.nodes import Presence


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # the process has threads: that is what it is about
def test_no_slot_is_forked_while_the_worker_is_in_the_database(monkeypatch):
    inside, go_on, forked = threading.Event(), threading.Event(), threading.Event()

    def seen(**_):
        inside.set()
        assert go_on.wait(60)

    def fork():
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
        forked.set()

    monkeypatch.setattr(nodes, "node_seen", seen)
    monkeypatch.setattr(nodes, "node_gone", lambda **_: None)
    monkeypatch.setattr(nodes, "remove_abandoned", lambda: None)
    presence, forking = Presence(name="a", lanes=[], slots=1), threading.Thread(target=fork, daemon=True)
    presence.start()
    assert inside.wait(60)
    forking.start()
    assert not forked.wait(0.3)
    go_on.set()
    assert forked.wait(60)
    presence.stop()
