"""The cache of what was fetched: no commit and no revision leads out of it."""

import pytest
from helpers.hub_desk import PARTS

from curate.errors import CurateError, DamagedError
from curate.hub import Remote, RemoteFile
from curate.sharing.cache import fetched


@pytest.mark.parametrize("commit", ["../../elsewhere", "/etc", "", "main"])
def test_what_is_no_commit_names_no_folder(commit, tmp_path, monkeypatch):
    monkeypatch.setenv("CURATE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("curate.hub.is_offline", lambda: False)
    files = {f"mine/{part}": RemoteFile(1, "0", None) for part in PARTS}
    monkeypatch.setattr("curate.hub.look", lambda *given: Remote("ann/x", commit, False, files))
    with pytest.raises(DamagedError, match="as its commit: try again"):
        fetched("hf:ann/x")
    assert list(tmp_path.iterdir()) == []


def test_offline_a_revision_is_no_way_out_of_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CURATE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("curate.hub.is_offline", lambda: True)
    (tmp_path / "cache" / "ann--x").mkdir(parents=True)
    (tmp_path / "mine").mkdir()
    with pytest.raises(CurateError, match="was not fetched before and the Hub is out of reach"):
        fetched("hf:ann/x/mine@../..")
