"""npy: rows of 64 bits for `numpy.load`."""

import struct

import numpy as np
from helpers.manifests import two_samples

from curate import finder


def test_two_samples_are_their_rows(tmp_path):
    finder.make("exports", "npy").write(tmp_path / "f", two_samples())
    rows = np.load(tmp_path / "f")
    assert rows.dtype == np.int64
    assert rows.tolist() == [3, 7]
    assert (tmp_path / "f").read_bytes().endswith(struct.pack("<2q", 3, 7))
