"""What Python shows of curate's things is one line."""

import logging
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.utils.data import TensorDataset

import curate
from curate.errors import CurateError


def test_each_thing_says_in_one_line_what_it_is(digits_round, digits_session, here):
    digits = curate.open_dataset("digits")
    assert repr(digits) == "<Dataset digits: 1,443 samples (train split), 8 x 8 grey, 10 classes>"
    bare = replace(digits, labels=None, options=curate.Options())
    assert repr(bare) == "<Dataset digits: 1,443 samples (train split), 8 x 8 grey, no labels>"
    embedding = curate.open_embedding(digits_round.embedding)
    assert repr(embedding) == f"<Embedding {digits_round.embedding}: 1,443 vectors of 16 numbers>"
    table = curate.open_table(digits_round.table)
    named = "index, row, uid, label, cluster, distance>"
    assert repr(table) == f"<Table of clusters {digits_round.table}: 1,443 samples, {named}"
    static, dynamic = map(curate.open_manifest, (digits_round.manifest, digits_session))
    assert repr(static) == f"<Manifest {static.path}: 433 of 1,443 samples of digits in every epoch>"
    assert repr(dynamic).endswith(" of 1,443 samples of digits in each of 10 epochs>")
    how = {"n_epochs": 1, "batch_size": 200}
    result = curate.replay(static, trials=2, hyperparameters=how, output="r.parquet")
    accuracy = result.runs[0].summary("accuracy")
    assert repr(result) == (
        f"<ReplayResult r.parquet: test accuracy in %, manifest {100 * accuracy.mean:.2f} ± "
        f"{100 * accuracy.std:.2f}>"
    )


def test_a_table_is_a_frame_of_polars(digits_round):
    table = curate.open_table(digits_round.table)
    frame = table.to_polars()
    assert frame.columns == list(table.columns)
    assert len(frame) == len(table)
    for name, column in table.columns.items():
        assert (frame[name].to_numpy() == column).all()


def test_what_is_no_dataset_or_file_is_said_to_be_none():
    for verb in (curate.open_dataset, curate.embed, curate.train, curate.score):
        with pytest.raises(CurateError, match=r"a dict is no dataset: .*from_arrays"):
            verb({"a": 1})
    for verb, kind in ((curate.cluster, "embedding"), (curate.select, "table"), (curate.open_table, "table")):
        with pytest.raises(CurateError, match=f"a dict is no {kind}: name its file"):
            verb({"a": 1})


def test_verbs_take_what_verbs_made_and_what_lies_in_memory(here):
    chance = np.random.default_rng(0)
    images, labels = chance.integers(0, 256, (60, 8, 8), dtype=np.uint8), np.arange(60) % 3
    torch_data = TensorDataset(torch.from_numpy(images[:, None]), torch.from_numpy(labels))
    for data in (images, (images, labels), torch_data, curate.Dataset.from_arrays(images, labels)):
        assert len(curate.embed(data, dim=2, output="e.safetensors", force=True)) == 60
    table = curate.cluster(chance.normal(size=(60, 2)).astype(np.float32), 3, labels=labels)
    assert table.path.name == "vectors-k3-labels-given.parquet"
    kept = curate.select(table)
    made = curate.train((images, labels), test=curate.Dataset.from_arrays(images, labels), epochs=1)
    assert made.manifest.n == 60
    for thing in (kept, table, made, curate.open_embedding("e.safetensors"), "digits"):
        assert curate.inspect(thing).facts
    assert curate.compare(kept, table)
    assert curate.export(kept).path.name == "vectors-k3-labels-given-furthest-0.5.txt"
    scored = curate.score(curate.open_embedding("e.safetensors"))
    assert "prototypicality" in scored.columns


def test_in_python_notes_are_warnings_of_a_logger(caplog):
    curate.open_dataset("digits")
    assert caplog.record_tuples == [
        ("curate", logging.WARNING, caplog.messages[0]),
    ]
    assert caplog.messages[0].startswith("digits has no splits: one sample in 5")
