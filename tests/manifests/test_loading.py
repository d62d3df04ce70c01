"""Manifests for those who do not train with curate, against the real datasets and WebDataset."""

import io
import tarfile

import numpy as np
import pytest
from helpers.manifests import EPOCHS, N_ROWS, ROWS, N, made
from PIL import Image

import curate
from curate.errors import CurateError

pytest_plugins = ["helpers.manifests"]


def test_rows_mask_and_weights(dynamic, static, tmp_path):
    for epoch, kept in enumerate(ROWS):
        assert dynamic.rows(epoch).tolist() == kept
        assert dynamic.rows(epoch).dtype == np.int64
        assert dynamic.mask(epoch).shape == dynamic.weights(epoch).shape == (N_ROWS,)
        assert np.flatnonzero(dynamic.mask(epoch)).tolist() == kept
        assert dynamic.weights(epoch).tolist() == dynamic.mask(epoch).tolist()
    assert (dynamic.n_rows, dynamic.n_epochs, static.n_epochs) == (N_ROWS, 3, 1)
    assert static.rows(5).tolist() == ROWS[0]
    weighted = curate.load_manifest(made(tmp_path / "weighted", weights=2.5))
    assert weighted.weights(1).tolist() == (2.5 * weighted.mask(1)).tolist()
    with pytest.raises(CurateError, match="has epochs 0 to 2, not 3"):
        dynamic.rows(3)


def test_what_is_given_can_be_changed_without_harm(dynamic):
    dynamic.rows()[:] = 0
    assert dynamic.rows().tolist() == ROWS[0]


def test_datasets_select(dynamic):
    datasets = pytest.importorskip("datasets")
    dataset = datasets.Dataset.from_dict({"x": list(range(100, 100 + N_ROWS))})
    assert dataset.select(dynamic.rows(2))["x"][:] == [100 + row for row in ROWS[2]]


def test_webdataset_by_key(dynamic, tmp_path):
    webdataset = pytest.importorskip("webdataset")
    keys = [f"sample{row:03d}" for row in range(N_ROWS)]
    with tarfile.open(tmp_path / "shard.tar", "w") as tar:
        for row, key in enumerate(keys):
            content = str(row).encode()
            entry = tarfile.TarInfo(f"{key}.txt")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    shard = str(tmp_path / "shard.tar")
    result = webdataset.WebDataset(shard, shardshuffle=False).select(dynamic.has_key(keys, 1))
    assert [int(sample["txt"]) for sample in result] == ROWS[1]
    assert dynamic.keys(keys, 1) == [keys[row] for row in ROWS[1]]
    message = "40 keys for 41 samples: give one per sample of the source, in order"
    with pytest.raises(CurateError, match=message):
        dynamic.keys(keys[:-1])


@pytest.mark.slow
def test_an_image_folder_for_the_loader_of_timm(static, tmp_path):
    data = pytest.importorskip("timm.data")
    from torchvision.datasets import ImageFolder

    for row in range(N_ROWS):
        folder = tmp_path / "photos" / ("ant", "bee")[row >= N_ROWS // 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 8, 3), row, np.uint8)).save(folder / f"{row:02}.png")
    folder = ImageFolder(tmp_path / "photos")
    labels = [label for _, label in folder.samples]
    folder.samples = static.keys(folder.samples)
    loader = data.create_loader(folder, (3, 8, 8), 2, use_prefetcher=False, num_workers=0)
    presented = [label for _, batch in loader for label in batch.tolist()]
    assert presented == [labels[row] for row in ROWS[0]]


def test_rows_ascend_where_the_source_has_another_order_than_curate(tmp_path):
    """Weights stay with their samples: sample i is row 19 - i here."""
    reverse = np.arange(N)[::-1]
    loaded = curate.load_manifest(made(tmp_path / "m", rows=reverse, n_rows=N, weights=3))
    assert loaded.rows(1).tolist() == [0, 16, 18]
    assert np.flatnonzero(loaded.weights(1)).tolist() == [0, 16, 18]
    assert loaded.keys([f"k{row}" for row in range(N)], 1) == ["k0", "k16", "k18"]


def test_a_selected_sample_that_other_libraries_leave_out_has_no_row(tmp_path):
    """Sample 3 has none: epochs 0 and 1 select it, epoch 2 does not."""
    rows = np.arange(N)
    rows[3] = -1
    loaded = curate.load_manifest(made(tmp_path / "m", rows=rows, n_rows=N))
    message = "1 selected samples of .*m, such as sample 3, are files that torchvision's ImageFolder does not"
    for refused in (
        loaded.rows,
        loaded.mask,
        loaded.weights,
        lambda epoch: loaded.keys([""] * N, epoch),
        lambda epoch: loaded.sampler().set_epoch(epoch),
    ):
        with pytest.raises(CurateError, match=message):
            refused(1)
    assert loaded.rows(2).tolist() == EPOCHS[2]
