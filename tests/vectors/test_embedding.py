"""Embeddings: files that know when they are damaged, and vectors from elsewhere."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import save_file

import curate
from curate.artifacts.header import DatasetReference, make_header
from curate.data.dataset import Dataset, Options
from curate.data.identity import uid_of
from curate.data.images import ResidentImages
from curate.errors import CurateError, DamagedError
from curate.vectors.embedding import open_embedding, write_embedding


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


class TestVectorsFromElsewhere:
    vectors = np.random.default_rng(1).normal(size=(30, 4)).astype(np.float32)

    def check(self, path):
        result = open_embedding(path)
        assert (result.read(0, 30) == self.vectors).all()
        assert result.uids[5] == uid_of(b"", self.vectors[5][None, None])
        assert len(set(result.uids.tolist())) == 30

    def test_npy(self, tmp_path):
        np.save(tmp_path / "v.npy", self.vectors)
        self.check(tmp_path / "v.npy")

    def test_float64_npy_becomes_float32(self, tmp_path):
        np.save(tmp_path / "v.npy", self.vectors.astype(np.float64))
        self.check(tmp_path / "v.npy")

    def test_safetensors(self, tmp_path):
        save_file({"features": self.vectors, "other": np.zeros(3)}, tmp_path / "v.safetensors")
        self.check(tmp_path / "v.safetensors")

    @pytest.mark.parametrize("fixed", [True, False])
    def test_parquet_vector_column(self, tmp_path, fixed):
        kind = pa.list_(pa.float32(), 4) if fixed else pa.list_(pa.float32())
        table = pa.table({"id": list(range(30)), "v": pa.array(self.vectors.tolist(), kind)})
        pq.write_table(table, tmp_path / "v.parquet")
        self.check(tmp_path / "v.parquet")

    def test_ragged_parquet_is_an_error(self, tmp_path):
        pq.write_table(pa.table({"v": [[1.0, 2.0], [3.0], [4.0, 5.0, 6.0]]}), tmp_path / "v.parquet")
        with pytest.raises(CurateError, match="differ in length"):
            open_embedding(tmp_path / "v.parquet")

    def test_nan_is_named_when_read(self, tmp_path):
        bad = self.vectors.copy()
        bad[17, 0] = np.inf
        np.save(tmp_path / "v.npy", bad)
        with pytest.raises(CurateError, match="sample 17 has NaN or infinity"):
            curate.cluster(tmp_path / "v.npy", 3, output=tmp_path / "c.parquet")
        assert not (tmp_path / "c.parquet").exists()

    def test_pickled_npy_is_refused(self, tmp_path):
        np.save(tmp_path / "v.npy", np.array([{"a": 1}], object))
        with pytest.raises(CurateError, match=r"not a readable .npy file"):
            open_embedding(tmp_path / "v.npy")

    def test_a_vector_is_no_matrix(self, tmp_path):
        np.save(tmp_path / "v.npy", np.zeros(5))
        with pytest.raises(CurateError, match=r"has shape \[5\]: store vectors as a matrix"):
            open_embedding(tmp_path / "v.npy")

    def test_they_can_be_tied_to_a_dataset(self, tmp_path):
        data = curate.open_dataset("digits").take(np.arange(30))
        np.save(tmp_path / "v.npy", self.vectors)
        table = curate.cluster(tmp_path / "v.npy", 3, data=data, output=tmp_path / "c.parquet")
        assert (table["uid"] == data.uids).all()
        assert (table.labels == data.labels).all()
        assert table.header.dataset.fingerprint == data.fingerprint

    def test_a_dataset_of_another_size_is_refused(self, tmp_path):
        np.save(tmp_path / "v.npy", self.vectors)
        with pytest.raises(CurateError, match=r"30 vectors, digits .* has 1,443 samples"):
            open_embedding(tmp_path / "v.npy", curate.open_dataset("digits"))
