"""What a run keeps on the disk while it goes on: its finished epochs and one state."""

import hashlib
import json
from dataclasses import asdict

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from helpers.unfinished_runs import interrupt, train, unfinished, watched

from curate.manifests.manifest import read_epoch

pytest_plugins = ["helpers.unfinished_runs"]


@pytest.mark.usefixtures("save_always")
def test_finished_epochs_are_safe_while_the_run_goes_on(small, tmp_path):
    seen, kept = [], []

    def look(epoch):
        if epoch == 0:
            return
        folder = unfinished(tmp_path / "run")
        run = json.loads((folder / "run.json").read_text())
        assert [record["epoch"] for record in run["records"]] == list(range(epoch))
        assert hashlib.sha256((folder / run["state"]).read_bytes()).hexdigest() == run["state_sha256"]
        checkpoints = sorted({record["checkpoint"] for record in run["records"]})
        assert [file.name for file in sorted(folder.glob("epoch-*.parquet"))] == [
            f"epoch-{checkpoint:06d}.parquet" for checkpoint in checkpoints
        ]
        assert {file.name for file in folder.glob("state-*")} == {run["state"]}
        last = folder / f"epoch-{checkpoints[-1]:06d}.parquet"
        table = pq.read_table(last)
        assert set(table.column("epoch").to_pylist()) == {checkpoints[-1]}
        assert table.column_names == ["epoch", "index", "weight"]
        seen.append((epoch - 1, read_epoch(last)))
        kept.append(run["records"])

    with watched(look=look):
        made = train(small, tmp_path / "run", policy="infobatch")
    assert [epoch for epoch, _ in seen] == [0, 1, 2, 3, 4]
    assert kept[-1] == [asdict(record) for record in made.epochs[:-1]]
    for epoch, selected in seen:
        final = made.manifest.selected(epoch)
        assert np.array_equal(selected.indices, final.indices)
        assert np.array_equal(selected.weights, final.weights)


@pytest.mark.usefixtures("save_always")
def test_one_file_per_selection_that_is_new(small, tmp_path):
    interrupt(small, tmp_path / "run", stop_in=5, policy="random", keep=0.3, period=2)
    names = {file.name for file in unfinished(tmp_path / "run").iterdir()}
    assert names == {
        "run.json",
        "state-000004.pt",
        "epoch-000000.parquet",
        "epoch-000002.parquet",
        "epoch-000004.parquet",
    }


@pytest.mark.usefixtures("save_always")
def test_the_state_is_tensors_and_numbers_only(small, tmp_path):
    interrupt(small, tmp_path / "run", policy="ucb", keep=0.3, trust=0.9, adapt=0.9)
    (file,) = unfinished(tmp_path / "run").glob("state-*.pt")
    state = torch.load(file, weights_only=True)
    assert state["epoch"] == 2
    assert state["samples_seen"] == 3 * 90
