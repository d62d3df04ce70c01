"""npy: indices of 64 bits for `numpy.load`."""

import struct

import numpy as np
from helpers.manifests import two_samples

from curate import finder


def test_two_samples_are_their_indices(tmp_path):
    finder.make("exports", "npy").write(tmp_path / "f", two_samples())
    indices = np.load(tmp_path / "f")
    assert indices.dtype == np.int64
    assert indices.tolist() == [3, 7]
    assert (tmp_path / "f").read_bytes().endswith(struct.pack("<2q", 3, 7))
