"""Embeddings of our own: what is written is read, and a file knows when it is damaged."""

import numpy as np
import pytest

from curate.artifacts.header import DatasetReference, make_header
from curate.data.dataset import Dataset, Options
from curate.data.images import ResidentImages
from curate.errors import CurateError, DamagedError
from curate.vectors.embedding import write_embedding
from curate.vectors.opening import open_embedding


def small_header(n):
    dataset = DatasetReference("x", "all", n, ["a"] * n, "f", n_rows=2 * n)
    return make_header("embedding", "embed", {}, seed=0, dataset=dataset)


def small_dataset(n, labels=True):
    """Samples that are rows 1, 3, 5, ... of their source."""
    uids = np.arange(2 * n, dtype=np.uint64) // np.uint64(2) + np.uint64(2**63)
    images = ResidentImages(np.zeros((2 * n, 1, 1, 1), np.uint8))
    known = np.arange(2 * n) // 2 if labels else None
    return Dataset("x", images, known, ["a"] * n, uids, Options("all")).take(2 * np.arange(n) + 1)


def written(path, n=7, dim=3, labels=True):
    vectors = np.random.default_rng(0).normal(size=(n, dim)).astype(np.float32)
    dataset = small_dataset(n, labels)
    write_embedding(path, small_header(n), [vectors[:4], vectors[4:]], dim, dataset)
    return vectors, dataset.uids


@pytest.mark.parametrize("labels", [True, False])
def test_what_is_written_is_read(tmp_path, labels):
    vectors, uids = written(tmp_path / "e.safetensors", labels=labels)
    result = open_embedding(tmp_path / "e.safetensors")
    assert (result.read(0, 7) == vectors).all()
    assert (result.read(2, 5) == vectors[2:5]).all()
    assert (result.uids == uids).all()
    assert result.rows.tolist() == [1, 3, 5, 7, 9, 11, 13]
    assert (result.labels is None) is not labels


def test_any_safetensors_reader_reads_the_file(tmp_path):
    from safetensors.numpy import load_file

    vectors, uids = written(tmp_path / "e.safetensors")
    tensors = load_file(tmp_path / "e.safetensors")
    assert (tensors["vectors"] == vectors).all()
    assert (tensors["uid"] == uids).all()
    assert tensors["row"].tolist() == [1, 3, 5, 7, 9, 11, 13]


def test_every_flipped_byte_is_noticed(tmp_path):
    path = tmp_path / "e.safetensors"
    written(path)
    good = path.read_bytes()
    for place in range(0, len(good), 5):
        path.write_bytes(good[:place] + bytes([good[place] ^ 0x10]) + good[place + 1 :])
        with pytest.raises(CurateError):
            open_embedding(path)


def test_a_truncated_file_is_damaged(tmp_path):
    path = tmp_path / "e.safetensors"
    written(path)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DamagedError, match="not a readable safetensors file"):
        open_embedding(path)


def test_nan_names_the_sample_and_leaves_no_file(tmp_path):
    vectors = np.zeros((5, 2), np.float32)
    vectors[3, 1] = np.nan
    dataset = small_dataset(5, labels=False)
    with pytest.raises(CurateError, match="the vector of sample 3 has NaN or infinity"):
        write_embedding(tmp_path / "e.safetensors", small_header(5), [vectors], 2, dataset)
    assert list(tmp_path.iterdir()) == []


def test_half_as_many_bits_are_read_as_float32_and_take_half_the_room(tmp_path):
    vectors = np.random.default_rng(2).normal(size=(400, 50)).astype(np.float32)
    dataset = small_dataset(400)
    for dtype in ("float32", "float16"):
        made = write_embedding(tmp_path / dtype, small_header(400), [vectors], 50, dataset, dtype=dtype)
        assert made.read(0, 400).dtype == np.float32
        assert (made.read(7, 9) == vectors[7:9].astype(dtype)).all()
    whole, half = ((tmp_path / dtype).stat().st_size for dtype in ("float32", "float16"))
    assert whole - half == 400 * 50 * 2


def test_a_number_that_float16_does_not_hold_is_named(tmp_path):
    vectors = np.zeros((5, 2), np.float32)
    vectors[4, 1] = 70_000
    with pytest.raises(CurateError, match=r"the vector of sample 4 has a number beyond 65,504, .*float32"):
        write_embedding(
            tmp_path / "e.safetensors", small_header(5), [vectors], 2, small_dataset(5), dtype="float16"
        )
    assert list(tmp_path.iterdir()) == []
