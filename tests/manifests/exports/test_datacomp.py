"""datacomp: pairs of uint64, sorted by uid."""

import struct

import numpy as np
from helpers.manifests import two_samples

from curate import finder


def test_two_samples_are_pairs_of_zero_and_uid_in_order_of_uid(tmp_path):
    finder.make("exports", "datacomp").write(tmp_path / "f", two_samples())
    pairs = np.load(tmp_path / "f")
    assert pairs.dtype == np.dtype("u8,u8")
    assert pairs.tolist() == [(0, 0xAB), (0, 2**63 + 1)]
    assert (tmp_path / "f").read_bytes().endswith(struct.pack("<4Q", 0, 0xAB, 0, 2**63 + 1))
