"""Damaged manifests: one byte, a missing file, a hostile name, another format."""

import json
import shutil

import numpy as np
import pytest

from curate.errors import CurateError, DamagedError
from curate.manifests.manifest import open_manifest


@pytest.mark.parametrize("name", ["manifest.json", "selection.parquet", "samples.parquet"])
def test_one_flipped_byte_anywhere_is_noticed(digits_round, tmp_path, name):
    folder = tmp_path / "m"
    shutil.copytree(digits_round.manifest, folder)
    good = (folder / name).read_bytes()
    for place in np.linspace(0, len(good) - 1, 40).astype(int):
        (folder / name).write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
        with pytest.raises(CurateError):
            open_manifest(folder)
    (folder / name).write_bytes(good)
    open_manifest(folder)


def test_a_missing_file_and_a_link_are_damage(digits_round, tmp_path):
    shutil.copytree(digits_round.manifest, tmp_path / "m")
    file = tmp_path / "m" / "samples.parquet"
    file.rename(tmp_path / "elsewhere")
    with pytest.raises(DamagedError, match=r"samples.parquet is missing"):
        open_manifest(tmp_path / "m")
    file.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DamagedError, match=r"names a file that is not its own \(samples.parquet\)"):
        open_manifest(tmp_path / "m")


def test_a_hostile_file_name_does_not_leave_the_folder(digits_round, tmp_path):
    from curate.artifacts.seal import UNSEALED, seal_file

    shutil.copytree(digits_round.manifest, tmp_path / "m")
    path = tmp_path / "m" / "manifest.json"
    header = json.loads(path.read_text())
    header["files"]["../manifest.json"] = "0" * 64
    path.write_text(json.dumps({**header, "sha256": UNSEALED}))
    seal_file(path)
    with pytest.raises(DamagedError, match="names a file that is not its own"):
        open_manifest(tmp_path / "m")


def test_an_edited_card_is_no_damage(digits_round, tmp_path):
    shutil.copytree(digits_round.manifest, tmp_path / "m")
    (tmp_path / "m" / "README.md").write_text("my own words")
    open_manifest(tmp_path / "m")


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        ("format", 99, "has format 99, this curate reads 1: update curate"),
        ("kind", "sausage", "holds sausage, not manifest"),
    ],
)
def test_other_formats_and_kinds_are_refused(digits_round, tmp_path, kind, change, message):
    shutil.copytree(digits_round.manifest, tmp_path / "m")
    path = tmp_path / "m" / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), kind: change}))
    with pytest.raises(CurateError, match=message):
        open_manifest(tmp_path / "m")
