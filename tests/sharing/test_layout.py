"""Where manifests lie on the Hub: addresses, and paths in a repository."""

import pytest
from helpers.hub_desk import PARTS, made

from curate.errors import CurateError, DamagedError
from curate.hub import Remote, RemoteFile
from curate.manifests.card import about
from curate.manifests.manifest import open_manifest
from curate.manifests.origins import Origin
from curate.sharing.cache import fetched
from curate.sharing.layout import Address, names_in, parse


@pytest.mark.parametrize(
    "path", ["../evil", "/etc/evil", "mine/../../evil", "mine\\..\\evil", "a//b", "", "./a"]
)
def test_such_paths_are_an_error_whatever_else_is_there(path):
    files = {name: RemoteFile(1, "0", None) for name in (*(f"mine/{part}" for part in PARTS), path)}
    with pytest.raises(CurateError, match="has a path that leaves its folder"):
        names_in(Remote("ann/x", "0", False, files))
    del files[path]
    assert names_in(Remote("ann/x", "0", False, files)) == ["mine"]


@pytest.mark.parametrize(
    ("reference", "address"),
    [
        ("ann/x", Address("ann/x")),
        ("hf:ann/x@v1", Address("ann/x", None, "v1")),
        ("ann/x.y-z/hard_0.3@a/b", Address("ann/x.y-z", "hard_0.3", "a/b")),
    ],
)
def test_addresses_are_taken_apart(reference, address):
    assert parse(reference) == address
    assert parse(str(address)) == address


@pytest.mark.parametrize(
    "reference", ["", "ann", "hf:", "/x", "ann/", "ann/x/y/z", "ann/../x", "../ann/x", "a b/c"]
)
def test_what_is_no_address_is_refused(reference):
    with pytest.raises(CurateError, match="names no manifest on the Hub"):
        parse(reference)


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


def test_a_published_card_does_not_say_where_data_lay_on_the_machine(tmp_path):
    opened = open_manifest(made(tmp_path / "mine"))
    header = {
        **opened.header,
        "dataset": {**opened.header["dataset"], "reference": "/home/ann/secret/photos/"},
    }
    card = about("mine", header, opened.samples, origin=Origin(), address="hf:ann/x/mine")
    assert "secret" not in card
    assert "--data photos" in card
