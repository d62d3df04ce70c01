"""Where manifests lie on the Hub: addresses, and paths in a repository."""

import pytest
from helpers.hub_desk import PARTS

from curate.errors import CurateError
from curate.hub import Remote, RemoteFile
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
    with pytest.raises(CurateError, match="is no place on the Hub"):
        parse(reference)
