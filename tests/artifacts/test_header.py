"""What every artifact shares: what its header says, and how it is written, whole or not at all."""

import json

import numpy as np
import pytest
from helpers.manifests import header_for

import curate
from curate.errors import CurateError
from curate.manifests.manifest import Selected, open_manifest, write_manifest
from curate.vectors.embedding import open_embedding


class TestAtomicWrites:
    def test_an_output_that_exists_is_kept(self, digits_round, tmp_path):
        (tmp_path / "m").mkdir()
        with pytest.raises(
            CurateError, match=r"m exists: use --force to replace it, or -o to write elsewhere"
        ):
            curate.select(digits_round.table, keep=5, output=tmp_path / "m")
        assert list((tmp_path / "m").iterdir()) == []

    def test_force_never_replaces_a_folder_that_is_no_manifest(self, digits_round, tmp_path):
        (tmp_path / "m").mkdir()
        (tmp_path / "m" / "thesis.tex").write_text("ten years")
        with pytest.raises(CurateError, match="is not a manifest folder: it is not replaced"):
            curate.select(digits_round.table, keep=5, output=tmp_path / "m", force=True)
        assert (tmp_path / "m" / "thesis.tex").read_text() == "ten years"

    def test_force_replaces_the_whole_folder(self, digits_round, tmp_path):
        curate.select(digits_round.table, keep=5, output=tmp_path / "m")
        (tmp_path / "m" / "extra").write_text("old")
        made = curate.select(digits_round.table, keep=6, output=tmp_path / "m", force=True)
        assert len(open_manifest(made.path).selected(0).indices) == 6
        assert not (tmp_path / "m" / "extra").exists()
        assert [path.name for path in tmp_path.iterdir()] == ["m"]

    def test_an_error_in_mid_write_leaves_nothing(self, tmp_path):
        def fail(folder):
            raise RuntimeError("boom")

        samples = {"index": np.arange(3), "uid": np.arange(3, dtype=np.uint64)}
        with pytest.raises(RuntimeError):
            write_manifest(tmp_path / "m", header_for(3), [Selected(np.arange(2))], samples, extras=fail)
        assert list(tmp_path.iterdir()) == []

    def test_a_missing_parent_folder_is_named(self, digits_round, tmp_path):
        with pytest.raises(CurateError, match=r"the folder .*nowhere does not exist"):
            curate.select(digits_round.table, keep=5, output=tmp_path / "nowhere" / "m")


def test_the_header_has_the_whole_command_and_no_time(digits_round):
    header = open_embedding(digits_round.embedding).header
    assert header.command == "embed"
    assert header.options["method"] == "pca"
    assert header.options["dim"] == 16
    assert set(header.versions) >= {"curate", "torch", "faiss", "polars"}
    assert not [word for word in ("time", "date") if f'"{word}' in json.dumps(header.to_json())]
