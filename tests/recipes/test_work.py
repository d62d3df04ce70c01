"""The work of a task is its verb, called with the options of the recipe: the same bytes as by hand."""

import numpy as np
import pytest

import curate
from curate.data.dataset import Options
from curate.recipes import work
from curate.recipes.graph import tasks_of
from curate.recipes.reading import read_text
from curate.recipes.schema import check
from curate.recipes.store import Store
from curate.recipes.work import carry_out, known_of, opening_of

EVERYTHING = """
controls = []
[vectors]
embed = "digits"
dim = 4
seed = 3
[clusters]
cluster = "vectors"
k = 5
seed = 4
[selected]
select = "clusters"
strategy = "hybrid"
set = { closest-share = 0.25 }
keep = 0.2
[static]
replay = "selected"
epochs = 1
set = { width = 1 }
seed = 6
[prototypes]
score = "clusters"
method = "prototypicality"
[session]
train = "digits"
policy = "ema"
keep = 0.3
warm-up = 0
epochs = 2
lr = 0.01
set = { width = 1, alpha = 0.5 }
seed = 9
[watched]
train = "digits"
trace = true
epochs = 2
set = { width = 1 }
seed = 8
[traced]
score = "watched"
method = "aum"
[trained]
score = "digits"
method = "el2n"
models = 1
epochs = 1
set = { width = 1 }
[built]
train = "digits"
policy = "static-epsilon"
from = "traced"
keep = 0.3
epochs = 1
set = { width = 1 }
trials = 1
"""


@pytest.fixture
def done(written):
    """Every task of the recipe above, carried out; the store, and the tasks by their step."""
    tasks = tasks_of(
        check(read_text(written(EVERYTHING, "r.toml"))),
        lambda reference, _: known_of(reference, Options())[0],
    )
    store = Store(work.Path("store"))
    for task in tasks.values():
        parents = {option: tasks[parent] for option, parent in task.parents.items()}
        assert carry_out("store", task, parents, None) > 0
    return store, {task.step: task for task in tasks.values()}


def test_steps_write_what_the_commands_write(done):
    store, tasks = done
    width = {"width": 1}
    embedding = curate.embed("digits", dim=4, seed=3, output="e.safetensors")
    clusters = curate.cluster(embedding, 5, seed=4, output="c.parquet")
    selected = curate.select(clusters, "hybrid", keep=0.2, options={"closest_share": 0.25}, output="m")
    session = curate.train(
        "digits", policy="ema", keep=0.3, warm_up=0, options={**width, "alpha": 0.5}, seed=9,
        hyperparameters={"n_epochs": 2, "lr": 0.01}, output="s",
    )  # fmt: skip
    watched = curate.train(
        "digits", trace=True, options=width, seed=8, hyperparameters={"n_epochs": 2}, output="w"
    )
    by_hand = {
        "vectors": embedding,
        "clusters": clusters,
        "selected": selected,
        "prototypes": curate.score(clusters.path, "prototypicality", output="p.parquet"),
        "session": session.manifest,
        "traced": curate.score(trace=watched.manifest.path, method="aum", output="t.parquet"),
        "trained": curate.score("digits", "el2n", models=1, epochs=1, options=width, output="l.parquet"),
    }
    for step, ours in by_hand.items():
        path = store.output(tasks[step])
        theirs = curate.open_embedding(path) if step == "vectors" else None
        theirs = theirs or (curate.open_manifest(path) if path.is_dir() else curate.open_table(path))
        assert {**theirs.header.options, "test": None} == {**ours.header.options, "test": None}, step
        if step not in (
            "prototypes",
            "traced",
            "trained",
            "session",
        ):  # those note seconds, or name a test set
            assert theirs.header.sha256 == ours.header.sha256, step
        for name, column in (getattr(ours, "columns", None) or {}).items():
            assert np.array_equal(theirs[name], column, equal_nan=column.dtype.kind == "f"), (step, name)
    replayed = curate.replay(selected, trials=1, seed=6, hyperparameters={"n_epochs": 1}, options=width)
    (row,) = [store.done(tasks["static"]).outcome]
    assert row.weights_sha256 == replayed.runs[0].trials[0].weights_sha256
    assert row.accuracy == replayed.runs[0].trials[0].accuracy
    built = store.done(tasks["built"]).outcome
    assert (built.command, built.seed) == ("train", 0)
    assert curate.open_manifest(store.output(tasks["built"])).header.parents["scores"]


def test_what_is_done_is_not_done_again(done, monkeypatch):
    store, tasks = done
    monkeypatch.setattr(work, "_VERBS", {})
    monkeypatch.setattr(work, "verb_of", None)
    seconds = store.done(tasks["clusters"]).seconds
    assert carry_out("store", tasks["clusters"], {"": tasks["vectors"]}, None) == seconds


def test_a_dataset_is_opened_once(monkeypatch):
    opened = []
    real = work.open_dataset
    monkeypatch.setattr(work, "open_dataset", lambda *words: opened.append(words) or real(*words))
    work.opened.cache_clear()
    known_of.cache_clear()
    for _ in range(3):
        assert known_of("digits", Options())[1] == 1443
        assert len(work.opened("digits", Options())) == 1443
    assert len(opened) == 1


def test_options_of_a_step_say_how_its_data_are_opened():
    assert opening_of({"image-size": 12, "skip-corrupt": True, "keep": 0.3}) == Options(
        image_size=12, skip_corrupt=True
    )


def test_threads_are_those_that_are_asked_for(written, set_threads):
    import torch

    set_threads(1)
    tasks = tasks_of(check(read_text(written(EVERYTHING, "r.toml"))), lambda *_: "d", ["vectors"])
    (task,) = tasks.values()
    carry_out("store", task, {}, 2)
    assert torch.get_num_threads() == 2
