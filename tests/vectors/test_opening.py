"""Embeddings from elsewhere: in every format that is read, tied to a dataset or standing for themselves."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import save_file

import curate
from curate.data.identity import uid_of
from curate.errors import CurateError
from curate.vectors.opening import open_embedding


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
