"""Manifests and tables: what is written is read, bytes repeat, damage is noticed, copies are followed."""

import dataclasses
import json
import shutil

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
import yaml
from helpers.tables import clusters_table
from hypothesis import given, settings
from hypothesis import strategies as st

import curate
from curate.artifacts.header import make_header
from curate.artifacts.tables import open_table
from curate.errors import CurateError, DamagedError, MismatchError
from curate.manifests.manifest import Selected, follow, open_manifest, write_manifest


def header_for(n, fingerprint="0" * 64):
    dataset = {"reference": "x", "split": "all", "n": n, "classes": [], "fingerprint": fingerprint}
    return make_header("manifest", "train", {}, seed=0, dataset=dataset)


def dynamic(folder, epochs, n, weights=False):
    chosen = [
        Selected(np.array(sorted(e), np.int64), np.full(len(e), 0.5, np.float32) if weights else None)
        for e in epochs
    ]
    samples = {"index": np.arange(n), "uid": np.arange(n, dtype=np.uint64)}
    return write_manifest(folder, header_for(n), chosen, samples)


@given(st.lists(st.sets(st.integers(0, 19), min_size=1), min_size=1, max_size=6), st.booleans())
@settings(max_examples=30, deadline=None)
def test_epochs_come_back_one_by_one(tmp_path_factory, epochs, weights):
    folder = tmp_path_factory.mktemp("m") / "manifest"
    dynamic(folder, epochs, 20, weights)
    found = open_manifest(folder)
    assert found.n_epochs == len(epochs)
    for number, expected in enumerate(epochs):
        selected = found.selected(number)
        assert selected.indices.tolist() == sorted(expected)
        assert (selected.weights is not None) == weights
    counts = [sum(index in epoch for epoch in epochs) for index in range(20)]
    assert found.samples["n_selected"].tolist() == counts


def test_selection_is_delta_packed_and_polars_reads_it(tmp_path):
    dynamic(tmp_path / "m", [{1, 2}, {0, 4}], 5)
    metadata = pq.ParquetFile(tmp_path / "m" / "selection.parquet").metadata
    assert metadata.num_row_groups == 2
    assert "DELTA_BINARY_PACKED" in metadata.row_group(0).column(1).encodings
    frame = pl.read_parquet(tmp_path / "m" / "selection.parquet")
    assert frame.schema == {"epoch": pl.Int32, "index": pl.Int64}
    assert frame.rows() == [(0, 1), (0, 2), (1, 0), (1, 4)]


def test_dynamic_manifests_are_small(tmp_path):
    chance = np.random.default_rng(0)
    epochs = [np.sort(chance.choice(50_000, 15_000, replace=False)) for _ in range(20)]
    dynamic(tmp_path / "m", epochs, 50_000)
    assert (tmp_path / "m" / "selection.parquet").stat().st_size < 20 * 15_000 * 8 / 15


def test_an_epoch_beyond_the_last_is_an_error(tmp_path):
    made = dynamic(tmp_path / "m", [{1}, {2}], 5)
    with pytest.raises(CurateError, match="has epochs 0 to 1, not 2"):
        made.selected(2)


def test_the_same_selection_gives_the_same_bytes(digits_round, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        curate.select(digits_round.table, "furthest", keep=0.3, output=tmp_path / name / "same")
    for file in sorted((tmp_path / "one" / "same").iterdir()):
        assert file.read_bytes() == (tmp_path / "two" / "same" / file.name).read_bytes(), file.name


def test_budgets_are_exact_and_nest(digits_round, tmp_path):
    sets = []
    for count in (20, 21, 300, 1443):
        made = curate.select(digits_round.table, "hybrid", keep=count, output=tmp_path / str(count))
        sets.append(set(made.selected(0).indices.tolist()))
        assert len(sets[-1]) == count
    assert sets[0] < sets[1] < sets[2] < sets[3]


def test_samples_say_why_each_is_in_or_out(digits_round, tmp_path):
    made = curate.select(digits_round.table, "top", keep=40, class_floor=0.9, output=tmp_path / "m")
    samples = made.samples
    kept = samples["n_selected"] > 0
    reasons = set(
        zip(samples["reason"].tolist(), kept.tolist(), (samples["rank"] < 40).tolist(), strict=True)
    )
    assert reasons == {
        ("ranked", True, True),
        ("class floor", True, False),
        ("gave way to the class floor", False, True),
        ("beyond the budget", False, False),
    }


def test_class_floor_holds_on_digits(digits_round, tmp_path):
    made = curate.select(digits_round.table, "top", keep=100, class_floor=0.5, output=tmp_path / "m")
    labels = made.samples["label"]
    kept = np.bincount(labels[made.samples["n_selected"] > 0], minlength=10)
    assert (kept >= np.floor(0.5 * 100 * np.bincount(labels) / len(labels))).all()


def test_class_floor_without_labels_is_an_error(tmp_path):
    table = clusters_table(tmp_path / "t.parquet", [0, 0, 1], [1.0, 2.0, 3.0], seal=True)
    with pytest.raises(CurateError, match=r"has no labels and class-floor=0.5 needs them"):
        curate.select(table, keep=2, class_floor=0.5, output=tmp_path / "m")


def test_the_card_is_a_valid_dataset_card(digits_round):
    head = (digits_round.manifest / "README.md").read_text().split("---")[1]
    card = yaml.safe_load(head)
    assert card["pretty_name"] == "digits-furthest"
    assert card["tags"] == ["curate", "data-pruning"]
    assert [c["config_name"] for c in card["configs"]] == ["selection", "samples"]
    for config in card["configs"]:
        assert (digits_round.manifest / config["data_files"]).is_file()


def test_the_header_names_parents_and_lineage(digits_round):
    header = open_manifest(digits_round.manifest).header
    table = open_table(digits_round.table)
    assert header["parents"]["clusters"] == table.header["sha256"]
    assert header["parents"]["embedding"] == table.header["parents"]["embedding"]
    assert [step["command"] for step in header["lineage"]] == ["embed", "cluster"]


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


def test_one_flipped_byte_anywhere_in_a_table_is_noticed(digits_round, tmp_path):
    good = digits_round.table.read_bytes()
    path = tmp_path / "t.parquet"
    for place in np.linspace(0, len(good) - 1, 200).astype(int):
        path.write_bytes(good[:place] + bytes([good[place] ^ 4]) + good[place + 1 :])
        with pytest.raises(CurateError):
            open_table(path)


def test_a_truncated_table_is_damaged(digits_round, tmp_path):
    (tmp_path / "t.parquet").write_bytes(digits_round.table.read_bytes()[:-100])
    with pytest.raises(DamagedError, match="not a readable table"):
        open_table(tmp_path / "t.parquet")


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
    from curate.artifacts.header import UNSEALED, seal_file

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


class TestFollowing:
    @pytest.fixture
    def digits(self):
        return curate.open_dataset("digits")

    @pytest.fixture
    def manifest(self, digits_round):
        return open_manifest(digits_round.manifest)

    def test_the_same_dataset_is_taken_as_it_is(self, manifest, digits):
        data, available, said = follow(manifest, digits)
        assert data is digits
        assert len(available) == 1443
        assert said == ""

    def test_a_reordered_copy_is_put_back_in_order(self, manifest, digits):
        shuffled = digits.take(np.random.default_rng(0).permutation(len(digits)))
        data, available, said = follow(manifest, shuffled)
        assert (data.uids == digits.uids).all()
        assert (data.images.read(np.arange(50)) == digits.images.read(np.arange(50))).all()
        assert (data.labels == digits.labels).all()
        assert len(available) == 1443
        assert "all 433 selected samples found by uid" in said

    def test_an_extended_copy_leaves_the_new_samples_aside(self, manifest, digits):
        extended = digits.take(np.r_[5, np.arange(len(digits)), 7, 7])
        data, available, said = follow(manifest, extended)
        assert (data.uids == digits.uids).all()
        assert len(available) == 1443
        assert "3 new ones left aside" in said

    def test_unselected_samples_may_be_gone(self, manifest, digits):
        left_out = int(np.flatnonzero(manifest.samples["n_selected"] == 0)[0])
        data, available, said = follow(manifest, digits.take(np.delete(np.arange(1443), left_out)))
        assert left_out not in available
        assert len(available) == 1442
        assert "1 not selected and gone" in said
        chosen = manifest.selected(0).indices
        assert (data.uids[chosen] == digits.uids[chosen]).all()

    def test_missing_selected_samples_are_named(self, manifest, digits):
        chosen = manifest.selected(0).indices[:2]
        with pytest.raises(
            MismatchError, match=rf"2 selected samples are not in it, such as {chosen[0]} \(uid"
        ):
            follow(manifest, digits.take(np.delete(np.arange(1443), chosen)))

    def test_relabelled_selected_samples_are_named(self, manifest, digits):
        first = int(manifest.selected(0).indices[0])
        labels = digits.labels.copy()
        before = labels[first]
        labels[first] = (before + 1) % 10
        changed = dataclasses.replace(digits, labels=labels)
        with pytest.raises(
            MismatchError,
            match=rf"labels 1 selected .* sample {first} .* is class {(before + 1) % 10} there and",
        ):
            follow(manifest, changed)

    def test_renumbered_classes_are_the_same_classes(self, manifest, digits):
        renumbered = dataclasses.replace(digits, labels=9 - digits.labels, classes=digits.classes[::-1])
        data, _, _ = follow(manifest, renumbered)
        assert data.classes[0] == "9"

    def test_classes_by_other_names_are_compared_by_number(self, manifest, digits):
        shuffled = digits.take(np.arange(1443)[::-1])
        named = dataclasses.replace(shuffled, classes=[f"{name} - digit" for name in digits.classes])
        data, _, _ = follow(manifest, named)
        assert (data.labels == digits.labels).all()

    def test_another_dataset_is_refused_with_both_names(self, manifest):
        other = curate.open_dataset("digits", curate.Options(split="test"))
        with pytest.raises(MismatchError, match=r"digits \(test, fingerprint .* is not the dataset of"):
            follow(manifest, other)


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


def test_a_table_names_the_nearest_column(digits_round):
    with pytest.raises(CurateError, match=r"no column 'distence': did you mean distance\?"):
        open_table(digits_round.table)["distence"]


def test_a_table_is_a_polars_frame(digits_round):
    frame = open_table(digits_round.table).frame()
    assert frame.columns == ["index", "uid", "label", "cluster", "distance"]
    assert frame.height == 1443
