"""Seals: the hash of a file with zeros in the place of the seal, worked by hand with hashlib."""

import hashlib
import json
import struct

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate.artifacts.seal import UNSEALED, check_seal, file_sha256, seal_file
from curate.errors import DamagedError

# Fields that look like the seal: within others, within text, and within the name of a class.
DECOY = 'sha256":"' + "a" * 64
HEADER = {
    "dataset": {"classes": [f'"{DECOY}"', "cät", "\\"], "sha256": "b" * 64},
    "kind": "x",
    "sha256": UNSEALED,
    "zebra": {"sha256": "c" * 64},
}


def json_file(path, header):
    path.write_text(header)


def parquet_file(path, header):
    table = pa.table({"a": [f'"{DECOY}"', "b"]})
    pq.write_table(table.replace_schema_metadata({"curate": header, "other": f'{{"{DECOY}"}}'}), path)


def safetensors_file(path, header):
    tensor = {"dtype": "U8", "shape": [3], "data_offsets": [0, 3]}
    text = json.dumps(
        {"__metadata__": {"aaa": DECOY, "curate": header}, "t": tensor}, ensure_ascii=False
    ).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"123")


FILES = {"json": json_file, "parquet": parquet_file, "safetensors": safetensors_file}


@pytest.fixture(params=FILES)
def sealed(request, tmp_path):
    """A file, what was written to it, and the seal that was put into it."""
    path = tmp_path / "f"
    FILES[request.param](path, json.dumps(HEADER, indent=1, sort_keys=True))
    content = path.read_bytes()
    return path, content, seal_file(path)


def test_a_seal_is_the_hash_of_the_file_with_zeros_in_its_place(sealed):
    path, content, seal = sealed
    assert seal == hashlib.sha256(content).hexdigest()
    assert path.read_bytes() == content.replace(UNSEALED.encode(), seal.encode())
    check_seal(path)


def test_no_byte_can_be_changed_unnoticed(sealed):
    path, _, _ = sealed
    good = path.read_bytes()
    for place in range(len(good)) if len(good) < 1500 else range(0, len(good), 3):
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


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize(
    "header",
    [
        '{"sha256": "short"}',
        '{"kind": "x"}',
        '{"a": {"sha256": "ZEROS"}}',
        '["sha256", "ZEROS"]',
        '{"sha256": "ZEROS", "sha256": "ZEROS"}',
        '{"sha256": "ZEROS", "sh\\u0061256": "ONES"}',
        '{"kind": "\\"sha256\\": \\"ZEROS\\""}',
        "[" * 100_000,
        "{" * 1000 + '"sha256": "ZEROS"',
        "",
    ],
    ids=range(10),
)
def test_a_header_without_a_field_of_its_own_is_not_sealed(kind, header, tmp_path):
    FILES[kind](tmp_path / "f", header.replace("ZEROS", UNSEALED).replace("ONES", "1" * 64))
    content = (tmp_path / "f").read_bytes()
    for refuses in (seal_file, check_seal):
        with pytest.raises(DamagedError, match="f is damaged: it has lost its seal"):
            refuses(tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == content
