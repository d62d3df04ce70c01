"""pull and replay from a Hub on loopback, with the real client, in processes of their own."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from helpers.hub_desk import PARTS, Desk, forged, kept_in, line_of, made

import curate
from curate.manifests.manifest import open_manifest

pytest_plugins = ["helpers.hub_desk"]


def test_pull_takes_a_tag_a_commit_or_the_newest_and_works_offline(desk, hub, published, tmp_path):
    done = desk.curate("pull", "ann/subsets@v1", "-o", "old")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "old"
    assert "of mnist (train, 20 samples" in done.stderr
    assert kept_in(tmp_path / "old") == [0, 3, 5, 7]
    assert {file.name for file in (tmp_path / "old").iterdir()} == PARTS
    again = desk.curate("pull", "ann/subsets@v1", "-o", "old")
    assert again.returncode == 0, again.stderr
    assert "old is there already, made by this very command" in again.stderr
    hub.requests.clear()
    offline = desk.curate("pull", "ann/subsets@v1", "-o", "offline", HF_HUB_OFFLINE="1")
    assert offline.returncode == 0, offline.stderr
    assert kept_in(tmp_path / "offline") == [0, 3, 5, 7]
    assert not [line for line in hub.requests if "datasets" in line]
    assert "was not fetched before and the Hub is out of reach" in line_of(
        desk.curate("pull", "ann/subsets", "-o", "x", HF_HUB_OFFLINE="1")
    )
    assert kept_in(_pulled(desk, tmp_path, "ann/subsets", "new")) == [1, 2, 4]
    assert "old exists: use --force" in line_of(desk.curate("pull", "ann/subsets", "-o", "old"))
    assert kept_in(_pulled(desk, tmp_path, f"ann/subsets/mine@{published.tags['v1']}", "commit")) == [
        0,
        3,
        5,
        7,
    ]
    # Nobody there any more: what was fetched serves, and it is said.
    gone = Desk(desk.forks, tmp_path, "http://127.0.0.1:9")
    done = gone.curate("pull", "ann/subsets@v1", "-o", "gone")
    assert done.returncode == 0, done.stderr
    assert "using what was fetched before" in done.stderr
    # A part is never passed off as the whole.
    for file in (tmp_path / "cache").rglob("samples.parquet"):
        file.unlink()
    assert "is incomplete: samples.parquet is missing" in line_of(
        desk.curate("pull", "ann/subsets@v1", "-o", "part", HF_HUB_OFFLINE="1")
    )
    assert not (tmp_path / "part").exists()


def _pulled(desk, folder, reference, name):
    done = desk.curate("pull", reference, "-o", name)
    assert done.returncode == 0, done.stderr
    return folder / name


def test_a_slow_and_failing_hub_is_asked_again_and_it_is_said(desk, hub, published, tmp_path):
    hub.faults["GET /api/datasets/ann/subsets/tree"] = [429, 500, "slow"]
    done = desk.curate("pull", "ann/subsets@v1", "-o", "old")
    assert done.returncode == 0, done.stderr
    assert "Retrying in 1s [Retry 1/5]" in done.stderr
    assert "Retrying in 2s [Retry 2/5]" in done.stderr
    hub.faults = {"GET /api/datasets/ann/subsets": [429, 500]}
    done = desk.curate("pull", "ann/subsets", "-o", "newest")
    assert done.returncode == 0, done.stderr
    assert "the Hub answered 429: trying again" in done.stderr
    assert "the Hub answered 500: trying again" in done.stderr
    shutil.rmtree(tmp_path / "cache")
    hub.faults["GET /api/datasets/ann/subsets"] = [503] * 50
    done = desk.curate("pull", "ann/subsets@v1", "-o", "new")
    assert "was not fetched before and the Hub is out of reach" in line_of(done)
    assert done.stderr.count("trying again") == 3


def test_what_is_not_there(desk, hub, published):
    hub.made("ann/empty", {"data.parquet": b"x"})
    for reference, message in (
        ("ann/none", "hf:ann/none is not on the Hub, or not open to you: check the name, or set HF_TOKEN"),
        ("ann/subsets@v9", "hf:ann/subsets has no revision 'v9': leave out @v9"),
        ("ann/subsets/yours", "hf:ann/subsets has no manifest 'yours': it has mine"),
        ("ann/empty", "hf:ann/empty has no manifest of curate"),
        ("ann", "ann is no place on the Hub"),
        ("ann/subsets/../x", "is no place on the Hub"),
    ):
        assert message in line_of(desk.curate("pull", reference, "-o", "x"))


def with_part(repository, path, content):
    """The repository, with one file changed by someone."""
    repository.add({**repository.files, path: content})


def refused(desk, tmp_path) -> str:
    before = {path.name for path in tmp_path.iterdir()}
    line = line_of(desk.curate("pull", "ann/subsets", "-o", "out"))
    assert {path.name for path in tmp_path.iterdir()} - before <= {"hf", "cache"}
    assert not list((tmp_path / "cache").rglob("manifest.json"))
    return line


def test_tampered_files_are_noticed(desk, published, tmp_path):
    content = bytearray(published.files["mine/selection.parquet"])
    content[len(content) // 2] ^= 1
    with_part(published, "mine/selection.parquet", bytes(content))
    assert "hf:ann/subsets/mine/selection.parquet is damaged" in refused(desk, tmp_path)
    header = json.loads(published.files["mine/manifest.json"])
    header["summary"]["n_kept"] = 5
    with_part(published, "mine/manifest.json", json.dumps(header).encode())
    assert "is damaged: its content does not match its sha256" in refused(desk, tmp_path)


def test_paths_that_leave_the_folder_are_refused(desk, published, tmp_path):
    with_part(published, "mine/../../evil", b"evil")
    assert "has a path that leaves its folder" in refused(desk, tmp_path)
    assert not (tmp_path.parent / "evil").exists()


def test_a_forged_manifest_is_not_pulled(desk, published, tmp_path):
    folder = made(tmp_path / "mine")
    rows = {"epoch": pa.array(np.zeros(21, np.int32)), "index": pa.array(np.arange(21))}
    pq.write_table(pa.table(rows), folder / "selection.parquet")
    files = forged(folder)
    shutil.rmtree(folder)
    published.add({**published.files, **files})
    assert "hf:ann/subsets/mine/selection.parquet selects 21 samples" in refused(desk, tmp_path)


def test_push_pull_and_replay_end_in_the_same_weights(desk, hub, tmp_path):
    recipe = {"n_epochs": 3}
    run = curate.train(
        "digits",
        policy="ucb",
        keep=0.3,
        period=1,
        hyperparameters=recipe,
        options={"width": 4},
        output=tmp_path / "run",
    ).manifest
    done = desk.curate("push", run.path, "ann/digits", "--tag", "v1")
    assert done.returncode == 0, done.stderr
    assert not [path for path in hub.sent if "model" in path or "metrics" in path]
    words = ["--trials", "1", "--json"]
    there = desk.curate("replay", "hf:ann/digits@v1", "--data", "digits", *words)
    assert there.returncode == 0, there.stderr
    here = curate.replay(run, "digits", trials=1)
    (trial,) = json.loads(there.stdout)["runs"][0]["trials"]
    assert trial["weights_sha256"] == here.runs[0].trials[0].weights_sha256
    assert desk.curate("pull", "ann/digits@v1", "-o", "pulled").returncode == 0
    pulled = open_manifest(tmp_path / "pulled")
    assert pulled.header == run.header
    for epoch in range(3):
        assert (pulled.selected(epoch).indices == run.selected(epoch).indices).all()
    loaded = subprocess.run(
        [
            sys.executable,
            "-c",
            "import curate; print(curate.load_manifest('hf:ann/digits@v1').rows(1).sum())",
        ],
        env={**os.environ, "CURATE_CACHE": str(tmp_path / "cache"), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(loaded.stdout) == run.samples["row"][run.selected(1).indices].sum()
