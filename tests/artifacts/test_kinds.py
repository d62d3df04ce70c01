"""What lies at a path, told from its header alone."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers.pictures import png
from safetensors.numpy import save_file

from curate.artifacts.kinds import header_at, kind_of
from curate.errors import CurateError, DamagedError


def test_every_artifact_says_its_kind(digits_round, digits_session, tmp_path):
    assert kind_of(digits_round.embedding) == "embedding"
    assert kind_of(digits_round.table) == "clusters"
    assert kind_of(digits_round.manifest) == kind_of(digits_session) == "manifest"
    assert kind_of(digits_session / "model.safetensors") == "model"


def test_the_trace_of_a_run(traced_run):
    assert kind_of(traced_run.path / "trace.parquet") == "trace"


def test_vectors_from_elsewhere(tmp_path):
    vectors = np.zeros((3, 2), np.float32)
    np.save(tmp_path / "v.npy", vectors)
    save_file({"features": vectors}, tmp_path / "v.safetensors")
    pq.write_table(pa.table({"v": [[0.5, 1.0]] * 3}), tmp_path / "v.parquet")
    assert [kind_of(tmp_path / f"v.{end}") for end in ("npy", "safetensors", "parquet")] == ["vectors"] * 3


def test_what_is_no_artifact(tmp_path):
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "1.png").write_bytes(png(4, 4))
    pq.write_table(pa.table({"image": pa.array([b"x"], pa.binary()), "label": [1]}), tmp_path / "i.parquet")
    assert kind_of(tmp_path) is kind_of(tmp_path / "cat" / "1.png") is kind_of(tmp_path / "i.parquet") is None
    assert kind_of(tmp_path / "nothing") is kind_of("digits") is None


def test_what_only_ends_like_one(tmp_path):
    (tmp_path / "a.parquet").write_text("rubbish")
    with pytest.raises(CurateError, match="is not a readable Parquet file"):
        kind_of(tmp_path / "a.parquet")
    (tmp_path / "a.safetensors").write_bytes(b"\xff" * 9)
    assert kind_of(tmp_path / "a.safetensors") == "vectors"  # to be refused by whoever opens it
    pq.write_table(
        pa.table({"a": [1]}).replace_schema_metadata({"curate": "no JSON"}), tmp_path / "b.parquet"
    )
    with pytest.raises(DamagedError, match="its header is not readable"):
        kind_of(tmp_path / "b.parquet")


def test_the_header_at_a_path_is_plain(digits_round, tmp_path):
    assert header_at(digits_round.manifest)["kind"] == "manifest"
    assert header_at(digits_round.table)["options"]["k"] == 12
    assert header_at(tmp_path) is None
