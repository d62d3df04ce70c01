"""The Hub out of reach: a host that takes no connection is given up before its client is asked.

What goes through to it is tested by what uses it: test_push.py and test_pull.py, data/sources/test_hf.py.
"""

import socket
import threading
from urllib.request import getproxies

import pytest

from curate import hub


@pytest.fixture(autouse=True)
def nowhere(monkeypatch):
    """A Hub of which nobody has heard, that is asked for without waiting; its client fails the test."""
    waits: list[int] = []
    monkeypatch.setattr(hub, "pause", waits.append)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://hub.invalid:81")
    monkeypatch.setattr("huggingface_hub.HfApi.list_datasets", lambda *_, **__: pytest.fail("it was asked"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    for name in getproxies():
        monkeypatch.delenv(f"{name}_proxy", raising=False)
        monkeypatch.delenv(f"{name.upper()}_PROXY", raising=False)
    return waits


def test_a_host_that_refuses_is_tried_again_and_given_up(monkeypatch, nowhere):
    tried = []

    def refuse(where, timeout):
        tried.append(where)
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(socket, "create_connection", refuse)
    refused = r"hf:ann: hub.invalid is out of reach \(\[Errno 111\] Connection refused\): connect, and try"
    with pytest.raises(hub.UnreachableError, match=refused):
        hub.search("ann")
    assert tried == [("hub.invalid", 81)] * 3
    assert nowhere == [0, 1], "seconds double from one to the next"


def test_a_host_that_never_answers_is_not_waited_for(monkeypatch):
    never = threading.Event()

    def silent(where, timeout):
        never.wait()
        raise TimeoutError

    monkeypatch.setattr(hub, "_KNOCK", 0.01)
    monkeypatch.setattr(socket, "create_connection", silent)
    with pytest.raises(hub.UnreachableError, match=r"out of reach \(no answer\)"):
        hub.search("ann")
    never.set()


def test_a_host_that_took_a_connection_is_not_knocked_at_again(monkeypatch):
    monkeypatch.setattr(hub, "_let_in", set())
    monkeypatch.setattr("huggingface_hub.HfApi.list_datasets", lambda *_, **__: [])
    tried = []

    def answer(where, timeout):
        tried.append(where)
        return socket.socket()

    monkeypatch.setattr(socket, "create_connection", answer)
    assert hub.search("ann") == hub.search("ann") == []
    assert len(tried) == 1
