"""Seals: the hash of a file with zeros in the place of the seal, worked by hand with hashlib."""

import hashlib

import pytest

from curate.artifacts.seal import check_seal, file_sha256, seal_file
from curate.errors import DamagedError

ZEROS = b"0" * 64
FOOTER = rb"{\"sha256\": \"" + ZEROS + rb"\"}"
FILES = {
    "a header at the start": b'{"kind": "x", "sha256": "' + ZEROS + b'"}\nand the rest',
    "without a space, and a field that looks like it later": b'{"sha256":"%b"} {"sha256":"%b"}'
    % (ZEROS, b"a" * 64),
    "a footer of Parquet, and rows that look like it": (
        b'PAR1"sha256": "' + b"b" * 64 + b'"' + FOOTER + len(FOOTER).to_bytes(4, "little") + b"PAR1"
    ),
}


@pytest.fixture(params=FILES)
def sealed(request, tmp_path):
    """A file, what was written to it, and the seal that was put into it."""
    path, content = tmp_path / "f", FILES[request.param]
    path.write_bytes(content)
    return path, content, seal_file(path)


def test_a_seal_is_the_hash_of_the_file_with_zeros_in_its_place(sealed):
    path, content, seal = sealed
    assert seal == hashlib.sha256(content).hexdigest()
    assert path.read_bytes() == content.replace(ZEROS, seal.encode())
    check_seal(path)


def test_no_byte_can_be_changed_unnoticed(sealed):
    path, _, _ = sealed
    good = path.read_bytes()
    for place in range(len(good)):
        path.write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
        with pytest.raises(
            DamagedError, match=r"f is damaged: (its content does not match|it has lost its seal)"
        ):
            check_seal(path)


def test_a_file_without_a_seal_has_lost_it(tmp_path):
    (tmp_path / "f").write_bytes(b'{"sha256": "short"}')
    with pytest.raises(DamagedError, match="f is damaged: it has lost its seal"):
        check_seal(tmp_path / "f")


def test_the_hash_of_a_file_is_of_its_bytes(tmp_path):
    (tmp_path / "f").write_bytes(b"abc")  # the example of FIPS 180
    assert file_sha256(tmp_path / "f") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
