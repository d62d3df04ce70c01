"""Manifests for those who train with torch, datasets or WebDataset, against the real libraries."""

import csv
import io
import json
import tarfile

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch.utils.data import DataLoader, Subset, TensorDataset

import curate
from curate.artifacts.header import make_header
from curate.errors import CurateError
from curate.manifests.manifest import Selected, write_manifest
from curate.manifests.order import order_of
from curate.verbs.export import ENDINGS

N = 20
EPOCHS = [[0, 3, 5, 7, 11], [1, 3, 19], [2, 4, 6, 8, 10, 12, 14]]


def made(folder, epochs=EPOCHS, weights=None, n=N):
    """A manifest written by hand."""
    dataset = {
        "reference": "hand",
        "split": "all",
        "n": n,
        "classes": ["cat", "dog"],
        "fingerprint": "0" * 64,
    }
    header = make_header("manifest", "train", {}, seed=0, dataset=dataset)
    header["summary"] = {"policy": "hand", "checkpoints": list(range(len(epochs)))}
    uids = np.arange(n, dtype=np.uint64)[::-1] * np.uint64(2**59)
    samples = {"index": np.arange(n), "uid": uids, "label": np.arange(n) % 2}
    selection = [
        Selected(np.array(kept), None if weights is None else np.full(len(kept), weights, np.float32))
        for kept in epochs
    ]
    return write_manifest(folder, header, selection, samples).path


@pytest.fixture
def dynamic(tmp_path):
    return curate.load_manifest(made(tmp_path / "dynamic"))


@pytest.fixture
def static(tmp_path):
    return curate.load_manifest(made(tmp_path / "static", EPOCHS[:1]))


def test_indices_mask_and_weights(dynamic, static, tmp_path):
    for epoch, kept in enumerate(EPOCHS):
        assert dynamic.indices(epoch).tolist() == kept
        assert np.flatnonzero(dynamic.mask(epoch)).tolist() == kept
        assert dynamic.weights(epoch).tolist() == dynamic.mask(epoch).tolist()
    assert (dynamic.n, dynamic.n_epochs, static.n_epochs) == (N, 3, 1)
    assert static.indices(5).tolist() == EPOCHS[0]
    weighted = curate.load_manifest(made(tmp_path / "weighted", weights=2.5))
    assert weighted.weights(1).tolist() == (2.5 * weighted.mask(1)).tolist()
    with pytest.raises(CurateError, match="has epochs 0 to 2, not 3"):
        dynamic.indices(3)


def test_what_is_given_can_be_changed_without_harm(dynamic):
    dynamic.indices()[:] = 0
    assert dynamic.indices().tolist() == EPOCHS[0]


# ------------------------------------------------------------------------------------------------ torch


def test_a_torch_subset_and_a_loader(dynamic):
    dataset = TensorDataset(torch.arange(N))
    assert [int(x) for (x,) in Subset(dataset, dynamic.indices(1))] == EPOCHS[1]
    sampler = dynamic.sampler(seed=3)
    loader = DataLoader(dataset, batch_size=2, sampler=sampler)
    for epoch, kept in enumerate(EPOCHS):
        sampler.set_epoch(epoch)
        seen = torch.cat([batch for (batch,) in loader]).tolist()
        assert sorted(seen) == kept
        assert seen == order_of(np.array(kept), N, 3, epoch).tolist()
        assert len(sampler) == len(kept)
        assert len(loader) == -(-len(kept) // 2)


def test_the_order_is_that_in_which_curate_itself_trains(tmp_path):
    """A sampler in the loader of a plain loop presents what the loop of curate presents."""
    from curate.training import loop

    data = curate.open_dataset("digits").take(np.arange(100))
    orders = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "order_of", lambda *given: orders.append(order_of(*given)) or orders[-1])
        run = curate.train(
            data,
            policy="random",
            keep=0.3,
            recipe={"n_epochs": 3},
            test=data,
            seed=4,
            output=tmp_path / "run",
        )
    sampler = curate.load_manifest(run.manifest.path).sampler(seed=4)
    for epoch, order in enumerate(orders):
        sampler.set_epoch(epoch)
        assert list(sampler) == order.tolist()


def test_without_shuffling_indices_ascend(dynamic):
    assert list(dynamic.sampler(shuffle=False)) == EPOCHS[0]


def test_a_static_selection_has_another_order_in_every_epoch(static):
    sampler = static.sampler(seed=1)
    first = list(sampler)
    sampler.set_epoch(7)
    assert sorted(sampler) == sorted(first) == EPOCHS[0]
    assert list(sampler) != first


def test_iterating_again_is_the_same_epoch_from_its_start(dynamic):
    sampler = dynamic.sampler()
    begun = iter(sampler)
    next(begun), next(begun)
    assert sorted(sampler) == EPOCHS[0]
    assert list(sampler) == list(sampler)


@settings(deadline=None, max_examples=30)
@given(world=st.integers(1, 6), epoch=st.integers(0, 2), seed=st.integers(0, 9), drop=st.booleans())
def test_ranks_share_an_epoch_alike(world, epoch, seed, drop, tmp_path_factory):
    loaded = curate.load_manifest(_shared(tmp_path_factory))
    shares = []
    for rank in range(world):
        sampler = loaded.sampler(seed=seed, rank=rank, world_size=world, drop_last=drop)
        sampler.set_epoch(epoch)
        shares.append(list(sampler))
    assert len({len(share) for share in shares}) == 1
    together = [index for turn in zip(*shares, strict=True) for index in turn]
    order = order_of(np.array(EPOCHS[epoch]), N, seed, epoch).tolist()
    if drop:
        assert together == order[: len(order) // world * world]
    else:
        assert together[: len(order)] == order
        assert together == (order * world)[: len(together)]
        assert len(together) - len(order) < world


_SHARED = []


def _shared(tmp_path_factory):
    if not _SHARED:
        _SHARED.append(made(tmp_path_factory.mktemp("shared") / "m"))
    return _SHARED[0]


@pytest.mark.parametrize("stop", range(8))
def test_a_sampler_goes_on_in_mid_epoch(dynamic, stop):
    calm = dynamic.sampler(seed=2)
    calm.set_epoch(2)
    whole = list(calm)
    killed = dynamic.sampler(seed=2)
    killed.set_epoch(2)
    begun = iter(killed)
    before = [next(begun) for _ in range(stop % len(whole))]
    state = json.loads(json.dumps(killed.state_dict()))
    again = dynamic.sampler(seed=2)
    again.load_state_dict(state)
    again.set_epoch(2)
    assert before + list(again) == whole
    assert list(again) == whole  # and the next pass is a whole one
    again.set_epoch(0)
    assert sorted(again) == EPOCHS[0]


def test_a_state_of_another_sampler_is_refused(dynamic, static):
    state = dynamic.sampler(seed=2).state_dict()
    for other in (
        dynamic.sampler(seed=3),
        dynamic.sampler(seed=2, rank=1, world_size=2),
        static.sampler(seed=2),
    ):
        with pytest.raises(CurateError, match="the state is of another sampler"):
            other.load_state_dict(state)
    with pytest.raises(CurateError, match="rank=2 of world_size=2 is out of range"):
        dynamic.sampler(rank=2, world_size=2)


# ------------------------------------------------------------------------------- datasets and WebDataset


def test_datasets_select(dynamic):
    datasets = pytest.importorskip("datasets")
    dataset = datasets.Dataset.from_dict({"x": list(range(100, 100 + N))})
    assert dataset.select(dynamic.indices(2))["x"][:] == [100 + index for index in EPOCHS[2]]


def test_webdataset_by_key(dynamic, tmp_path):
    webdataset = pytest.importorskip("webdataset")
    keys = [f"sample{index:03d}" for index in range(N)]
    with tarfile.open(tmp_path / "shard.tar", "w") as tar:
        for index, key in enumerate(keys):
            content = str(index).encode()
            entry = tarfile.TarInfo(f"{key}.txt")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    shard = str(tmp_path / "shard.tar")
    found = webdataset.WebDataset(shard, shardshuffle=False).select(dynamic.has_key(keys, 1))
    assert [int(sample["txt"]) for sample in found] == EPOCHS[1]
    assert dynamic.keys(keys, 1) == [keys[index] for index in EPOCHS[1]]
    with pytest.raises(CurateError, match="19 keys for 20 samples: give one per sample, in order of index"):
        dynamic.keys(keys[:-1])


# ------------------------------------------------------------------------------------------------ export


def exported(folder, to, **options):
    return curate.export(folder, to, output=folder.parent / f"{to}.out", force=True, **options).path


def test_every_format_of_a_dynamic_manifest(dynamic):
    folder = dynamic.manifest.path
    assert np.load(exported(folder, "npy", epoch=1)).tolist() == EPOCHS[1]
    assert exported(folder, "txt", epoch=-1).read_text().split() == [str(index) for index in EPOCHS[2]]
    rows = list(csv.DictReader(exported(folder, "csv", epoch=1).open()))
    assert [int(row["index"]) for row in rows] == EPOCHS[1]
    assert [row["label"] for row in rows] == ["dog", "dog", "dog"]
    assert [int(row["uid"], 16) for row in rows] == [(N - 1 - index) * 2**59 for index in EPOCHS[1]]
    assert {row["weight"] for row in rows} == {"1"}
    assert exported(folder, "webdataset", epoch=1).read_text().split() == [
        "000000001",
        "000000003",
        "000000019",
    ]


def test_datacomp_finds_its_subset_by_binary_search(dynamic):
    """As the tools of DataComp look samples up: uids of 128 bits, as two unsigned halves, sorted."""
    subset = np.load(exported(dynamic.manifest.path, "datacomp", epoch=2))
    assert subset.dtype == np.dtype("u8,u8")
    assert (np.sort(subset) == subset).all()
    uids = dynamic.manifest.samples["uid"]
    for index in range(N):
        wanted = np.array([(0, uids[index])], np.dtype("u8,u8"))[0]
        place = np.searchsorted(subset, wanted)
        assert (place < len(subset) and subset[place] == wanted) == (index in EPOCHS[2])


def test_keys_of_webdataset_come_from_a_file(dynamic, tmp_path):
    (tmp_path / "keys").write_text("\n".join(f"k{index}" for index in range(N)))
    found = exported(dynamic.manifest.path, "webdataset", epoch=1, keys=tmp_path / "keys")
    assert found.read_text().split() == ["k1", "k3", "k19"]


def test_a_list_of_files_of_a_folder(tmp_path, cli):
    chance = np.random.default_rng(0)
    for label in ("cat", "dog"):
        (tmp_path / "photos" / label).mkdir(parents=True)
        for number in range(20):
            pixels = chance.integers(0, 256, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / label / f"{number}.png")
    photos = str(tmp_path / "photos")
    data = curate.open_dataset(photos)
    embedding = curate.embed(data, dim=4, output=tmp_path / "e.safetensors")
    table = curate.cluster(embedding, 3, output=tmp_path / "c.parquet")
    manifest = curate.select(table, "random", keep=10, output=tmp_path / "m")
    said = cli("export", manifest.path, "--to", "imagefolder-list", "-o", tmp_path / "files.txt")
    assert said.code == 0
    files = (tmp_path / "files.txt").read_text().splitlines()
    kept = data.take(manifest.selected(0).indices)
    assert len(files) == 10
    for index, file in enumerate(files):
        with Image.open(file) as image:
            assert (np.asarray(image) == kept.images.read(np.array([index]))[0]).all()
    assert [files[index] for index in range(10)] == [kept.name(index) for index in range(10)]


def test_the_command_writes_a_default_name_and_says_how_many(dynamic, cli, here):
    said = cli("export", dynamic.manifest.path, "--to", "npy", "--epoch", 0)
    assert (said.code, said.last) == (0, "dynamic.npy")
    assert "5 of 20 samples" in said.err
    assert json.loads(
        cli("export", dynamic.manifest.path, "--to", "npy", "--epoch", 0, "--force", "--json").out
    ) == {
        "n": 20,
        "n_selected": 5,
        "path": "dynamic.npy",
    }


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--to", "nyp"], "there is no format 'nyp': did you mean npy?"),
        (
            ["--to", "npy"],
            "has 3 epochs, each with a selection of its own: say which with --epoch",
        ),
        (["--to", "npy", "--epoch", "7"], "has epochs 0 to 2, not 7"),
        (["--to", "npy", "--epoch", "0", "--keys", "x"], "--keys is for webdataset: leave it out"),
        (["--to", "txt", "--epoch", "0", "--data", "x"], "--data is for imagefolder-list: leave it out"),
        (["--to", "webdataset", "--epoch", "0", "--keys", "none"], "there is no file of keys none"),
        (["--to", "imagefolder-list", "--epoch", "0"], "there is no dataset 'hand'"),
        (["--to", "imagefolder-list", "--epoch", "0", "--data", "digits"], "digits is no folder of images"),
    ],
)
def test_wrong_input_is_answered_in_one_line(dynamic, cli, here, words, message):
    said = cli("export", dynamic.manifest.path, *words)
    assert said.code == 2
    assert message in said.err
    assert not [path for path in here.iterdir() if path.is_file()]


def test_the_help_names_every_format(cli):
    assert all(name in cli("export", "--help").out for name in ENDINGS)


def test_a_static_manifest_has_no_epoch_to_choose(static):
    assert np.load(exported(static.manifest.path, "npy")).tolist() == EPOCHS[0]
    with pytest.raises(CurateError, match="is static: leave out --epoch 2"):
        exported(static.manifest.path, "npy", epoch=2)
