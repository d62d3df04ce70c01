"""Files of tensors that come in chunks are those that safetensors reads."""

import numpy as np
import pytest
from safetensors import safe_open

from curate.artifacts.header import DatasetReference, make_header
from curate.artifacts.seal import check_seal
from curate.artifacts.tensors import write_tensors

HEADER = make_header("embedding", "embed", {}, seed=0, dataset=DatasetReference("x", "all", 5, [], "0" * 64))


@pytest.mark.parametrize(("kind", "shape"), [("float32", (5, 3)), ("uint8", (5, 2, 2, 3))])
def test_columns_and_the_large_tensor_are_read_back_and_sealed(here, kind, shape):
    large = (np.random.default_rng(0).random(shape) * 200).astype(kind)
    columns = {"uid": np.arange(5, dtype=np.uint64), "row": np.arange(5)[::-1]}
    write_tensors(here / "x", HEADER, columns, ("large", kind, shape), [large[:2], large[2:]], False)
    with safe_open(here / "x", framework="numpy") as file:
        assert np.array_equal(file.get_tensor("large"), large)
        assert all(np.array_equal(file.get_tensor(name), column) for name, column in columns.items())
    check_seal(here / "x")


def test_rows_that_are_missing_leave_nothing_behind(here):
    with pytest.raises(AssertionError, match="2 rows for 5 samples"):
        write_tensors(here / "x", HEADER, {}, ("large", "uint8", (5, 1)), [np.zeros((2, 1), np.uint8)], False)
    assert not list(here.iterdir())
