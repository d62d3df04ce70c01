"""Images by row group: only a few groups in memory, and no group read twice for an epoch."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers.pictures import encoded, noise

import curate
from curate.data import row_groups
from curate.data.dataset import Options, open_dataset
from curate.data.images import Locality
from curate.errors import CurateError

EACH, GROUPS = 8, 12


@pytest.fixture
def images() -> list[bytes]:
    return [encoded(noise(12, 12, 3, seed=number)) for number in range(EACH * GROUPS)]


@pytest.fixture
def shards(here, images, monkeypatch):
    """Two files of six groups each; some four groups fit into memory."""
    (here / "data").mkdir()
    for number, part in enumerate((images[: EACH * 6], images[EACH * 6 :])):
        labels = [number * row % 3 for row in range(len(part))]
        table = pa.table({"image": part, "label": labels})
        pq.write_table(table, here / "data" / f"train-{number}.parquet", row_group_size=EACH)
    about = pq.read_metadata(here / "data" / "train-0.parquet")
    largest = max(about.row_group(group).column(0).total_uncompressed_size for group in range(6))
    monkeypatch.setattr(row_groups, "KEPT_BYTES", 5 * largest)
    time.sleep(0.05)  # so that the index believes them
    return here / "data"


@pytest.fixture
def read(monkeypatch) -> list[int]:
    """The groups that were read, in order."""
    seen: list[int] = []
    whole = row_groups.RowGroups._unpacked

    def counted(self, group):
        seen.append(group)
        return whole(self, group)

    monkeypatch.setattr(row_groups.RowGroups, "_unpacked", counted)
    return seen


def streamed(**how):
    return open_dataset("data", Options("train", stream=True, **how))


def test_any_image_is_found_and_no_more_than_a_few_groups_are_kept(shards, images, read):
    opened = streamed()
    assert sorted(read) == list(range(12))
    held = opened.images._read_content.__self__
    chance = np.random.default_rng(0)
    for row in chance.integers(0, len(images), 60).tolist():
        assert held.read(row) == images[row]
        assert len(held._kept) <= 8
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(held.read, range(len(images)))) == images


def test_a_pass_in_blocks_reads_every_group_once(shards, images, read, caplog):
    opened = streamed()
    assert "images are read by row group, 2 at once: in training" in caplog.text
    where, order = opened.images.locality, np.random.default_rng(1).permutation(len(images))
    changed = where.blocks(order, np.random.default_rng(2))
    assert sorted(changed.tolist()) == list(range(len(images)))
    assert not np.array_equal(changed, order)
    read.clear()
    for start in range(0, len(changed), 16):
        opened.images.read(changed[start : start + 16])
    assert max(Counter(read).values()) == 1


def test_training_reads_every_group_once_an_epoch_and_is_the_same_again(shards, read, here):
    np.savez("t.npz", x=noise(6, 12, 12, 3), y=np.arange(6) % 3)
    how = {"hyperparameters": {"n_epochs": 2, "batch_size": 16}, "options": {"width": 2}}
    opening = Options(stream=True)
    first = curate.train("data", opening=opening, output="one", test="t.npz", **how)
    read.clear()
    second = curate.train("data", opening=opening, output="two", test="t.npz", **how)
    assert first.epochs[-1].train_loss == second.epochs[-1].train_loss
    # Means and spreads, a forecast, and two epochs; a group that is kept from before is not read.
    assert set(read) == set(range(12))
    assert max(Counter(read).values()) <= 4


def test_blocks_keep_the_order_within_and_take_groups_at_random():
    groups = np.repeat(np.arange(4, dtype=np.int32), 3)
    order = np.array([11, 0, 5, 3, 8, 1, 10, 4, 2, 6, 7, 9])
    blocks = Locality(groups, 2).blocks(order, np.random.default_rng(0))
    first, second = blocks[:6], blocks[6:]
    assert len(set(groups[first])) == len(set(groups[second])) == 2
    for part in (first, second):
        places = [order.tolist().index(row) for row in part]
        assert places == sorted(places)
    starts = {
        tuple(sorted(set(groups[Locality(groups, 2).blocks(order, np.random.default_rng(s))[:6]].tolist())))
        for s in range(40)
    }
    assert len(starts) == 6  # every pair comes first some time


def test_views_know_what_is_read_together(shards):
    opened = streamed()
    part = opened.take(np.array([EACH * 7, 0, 1]))
    assert part.images.locality.groups.tolist() == [7, 0, 0]
    gone = opened.placed(np.array([0, -1]), np.arange(2, dtype=np.uint64), None)
    assert gone.images.locality.groups.tolist() == [0, -1]


def test_small_files_are_kept_whole_and_in_the_usual_order(shards, monkeypatch, caplog):
    monkeypatch.setattr(row_groups, "KEPT_BYTES", 2**20)
    assert not streamed().images.locality.changes_order
    assert "read by row group" not in caplog.text


def test_a_second_opening_reads_no_group(shards, read):
    first = streamed()
    read.clear()
    second = streamed()
    assert read == []
    assert (second.fingerprint, second.looked.n_looked) == (first.fingerprint, 0)


def test_another_column_of_images_is_another_dataset(here, read):
    one, other = ([encoded(noise(4, 4, seed=seed + row)) for row in range(6)] for seed in (0, 50))
    pq.write_table(pa.table({"image": one, "mask": other, "label": [0, 1] * 3}), "a.parquet")
    fingerprints = {
        open_dataset("a.parquet", Options("all", image_column=name)).fingerprint
        for name in ("image", "mask", "image")
    }
    assert len(fingerprints) == 2


def test_a_file_that_changes_after_it_was_opened_is_refused(shards):
    opened = streamed()
    table = pq.read_table(shards / "train-0.parquet")
    pq.write_table(table.slice(1), shards / "train-0.parquet", row_group_size=EACH)
    with pytest.raises(CurateError, match=r"train-0\.parquet has changed since the dataset was opened"):
        opened.images.read(np.arange(EACH * 6))


def test_a_shard_that_is_cut_in_the_middle_is_one_line(shards, cli):
    path = shards / "train-1.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole[:1000] + bytes(1000) + whole[2000:])
    done = cli("index", "data")
    assert done.code == 2
    assert done.err.strip().splitlines()[-1].startswith("error: ")
