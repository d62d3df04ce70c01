"""Arrays in JSON come back bit for bit, and what is no such array is refused."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from curate.errors import DamagedError
from curate.selection.packing import pack, unpack

KINDS = st.sampled_from(["<f4", "<f8", "<i8", "<i4", "i1", "<u8", "?"])


@given(arrays.arrays(KINDS, arrays.array_shapes(min_dims=1, max_dims=2, min_side=0, max_side=9)))
def test_arrays_come_back(values):
    back = unpack(json.loads(json.dumps(pack(values))))
    assert back.dtype == values.dtype
    assert back.shape == values.shape
    assert back.tobytes() == values.tobytes()
    back[...] = 0  # it is the reader's own


@pytest.mark.parametrize(
    "change",
    [{"dtype": "O"}, {"dtype": "<U3"}, {"dtype": 3.5}, {"shape": [2]}, {"shape": [4]}, {"shape": [-1]},
     {"shape": "x"}, {"zlib": "no"}, {"zlib": None}],
)  # fmt: skip
def test_others_are_refused(change):
    packed = {**pack(np.arange(3)), **change}
    with pytest.raises(DamagedError, match="the state is damaged"):
        unpack(packed)


def test_what_unpacks_to_more_than_it_says_is_not_unpacked():
    bomb = {**pack(np.zeros(10**7, np.int8)), "shape": [1]}
    with pytest.raises(DamagedError, match="the state is damaged"):
        unpack(bomb)
    for lacking in ("dtype", "shape", "zlib"):
        with pytest.raises(DamagedError):
            unpack({name: value for name, value in pack(np.arange(3)).items() if name != lacking})
