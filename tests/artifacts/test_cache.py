"""Where what can be made again is kept."""

from pathlib import Path

from curate.artifacts.cache import cache_folder


def test_the_users_word_comes_first(monkeypatch):
    monkeypatch.setenv("CURATE_CACHE", "/a")
    monkeypatch.setenv("XDG_CACHE_HOME", "/b")
    assert cache_folder() == Path("/a")
    monkeypatch.delenv("CURATE_CACHE")
    assert cache_folder() == Path("/b/curate/hub")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/c")
    assert cache_folder() == Path("/c/.cache/curate/hub")
