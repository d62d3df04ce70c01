"""export: the selection of an epoch as other tools read it, and what is refused."""

import csv
import json

import numpy as np
import pytest
from helpers.manifests import EPOCHS, N_ROWS, ROWS, N
from PIL import Image

import curate
from curate import finder
from curate.errors import CurateError

pytest_plugins = ["helpers.manifests"]


def exported(folder, to, **options):
    return curate.export(folder, to, output=folder.parent / f"{to}.out", force=True, **options).path


def test_every_format_of_a_dynamic_manifest(dynamic):
    folder = dynamic.manifest.path
    assert np.load(exported(folder, "npy", epoch=1)).tolist() == ROWS[1]
    assert exported(folder, "txt", epoch=-1).read_text().split() == [str(row) for row in ROWS[2]]
    rows = list(csv.DictReader(exported(folder, "csv", epoch=1).open()))
    assert [int(row["row"]) for row in rows] == ROWS[1]
    assert [row["label"] for row in rows] == ["dog", "dog", "dog"]
    assert [int(row["uid"], 16) for row in rows] == [(N - 1 - index) * 2**59 for index in EPOCHS[1]]
    assert {row["weight"] for row in rows} == {"1"}
    assert exported(folder, "webdataset", epoch=1).read_text().split() == [
        "000000003",
        "000000007",
        "000000039",
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
    (tmp_path / "keys").write_text("\n".join(f"k{row}" for row in range(N_ROWS)))
    outcome = exported(dynamic.manifest.path, "webdataset", epoch=1, keys=tmp_path / "keys")
    assert outcome.read_text().split() == ["k3", "k7", "k39"]


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
    result = cli("export", manifest.path, "--to", "imagefolder-list", "-o", tmp_path / "files.txt")
    assert result.code == 0
    files = (tmp_path / "files.txt").read_text().splitlines()
    kept = data.take(manifest.selected(0).indices)
    assert len(files) == 10
    for index, file in enumerate(files):
        with Image.open(tmp_path / "photos" / file) as image:
            assert (np.asarray(image) == kept.images.read(np.array([index]))[0]).all()
    assert [f"{photos}/{file}" for file in files] == [kept.name(index) for index in range(10)]


def test_the_command_writes_a_default_name_and_says_how_many(dynamic, cli, here):
    result = cli("export", dynamic.manifest.path, "--to", "npy", "--epoch", 0)
    assert (result.code, result.last) == (0, "dynamic.npy")
    assert "5 of 20 samples" in result.err
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
        (["--to", "nyp"], "there is no export format called 'nyp': did you mean npy?"),
        (["--to", "npy", "--epoch", "7"], "has epochs 0 to 2, not 7"),
        (["--to", "npy", "--epoch", "0", "--keys", "x"], "--keys is for webdataset: leave it out"),
        (["--to", "txt", "--epoch", "0", "--data", "x"], "--data is for imagefolder-list: leave it out"),
        (["--to", "webdataset", "--epoch", "0", "--keys", "none"], "there is no file of keys none"),
        (
            ["--to", "imagefolder-list", "--epoch", "0"],
            "names its dataset 'hand', which was never opened here",
        ),
        (["--to", "imagefolder-list", "--epoch", "0", "--data", "digits"], "digits is no folder of images"),
    ],
)
def test_wrong_input_is_answered_in_one_line(dynamic, cli, here, words, message):
    result = cli("export", dynamic.manifest.path, *words)
    assert result.code == 2
    assert message in result.err
    assert not [path for path in here.iterdir() if path.is_file()]


def test_the_last_epoch_is_taken_where_none_is_named_and_it_is_said(dynamic, cli, here):
    result = cli("export", dynamic.manifest.path, "--to", "npy")
    assert (result.code, result.out) == (0, "dynamic.npy\n")
    assert "epoch 2, the last of 3, each with a selection of its own; --epoch takes another" in result.err
    assert np.load("dynamic.npy").tolist() == ROWS[2]
    named = cli("export", dynamic.manifest.path, "--to", "npy", "--epoch", 1, "-o", "named.npy")
    assert "each with a selection" not in named.err


def test_the_help_names_every_format(cli):
    assert all(name in cli("export", "--help").out for name in finder.names("exports"))


def test_a_static_manifest_has_no_epoch_to_choose(static):
    assert np.load(exported(static.manifest.path, "npy")).tolist() == ROWS[0]
    with pytest.raises(CurateError, match="is static: leave out --epoch 2"):
        exported(static.manifest.path, "npy", epoch=2)


def test_a_list_goes_to_standard_output_for_a_pipe(dynamic, process, here):
    piped = process("export", dynamic.manifest.path, "--epoch", 1, "-o", "-")
    assert piped.code == 0, piped.err
    assert [int(line) for line in piped.out.split()] == ROWS[1]
    assert sorted(path.name for path in here.iterdir()) == ["dynamic"]
