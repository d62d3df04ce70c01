"""Interrupted and called again: a run goes on from its last saved state, to the same bytes."""

import json
from pathlib import Path

import pytest
from helpers.unfinished_runs import (
    N_EPOCHS,
    PulledPlugError,
    assert_same,
    calm_content,
    content,
    interrupt,
    pull_the_plug,
    train,
    unfinished,
    watched,
)

import curate
from curate.progress import Progress
from curate.training import unfinished as unfinished_module
from curate.verbs import train_session as verb
from curate.verbs import train_written

pytest_plugins = ["helpers.unfinished_runs"]

CASES = {
    "full": {},
    "sgd, crop and flip": {"hyperparameters": {"optimizer": "sgd", "momentum": 0.9, "augment": "crop-flip"}},
    "random": {"policy": "random", "keep": "0.3"},
    "random-partition": {"policy": "random-partition", "keep": "0.4"},
    "early-stop": {"policy": "early-stop", "keep": "0.75"},
    "epsilon-greedy": {"policy": "epsilon-greedy", "keep": "0.3"},
    "ucb": {"policy": "ucb", "keep": "0.3", "period": 1},
    "ucb, more and more": {"policy": "ucb", "keep": "0.2:0.6", "period": 1},
    "ucb, as published": {"policy": "ucb", "keep": "0.3", "period": 1, "warm_up": "0"},
    "ucb, long warm-up": {"policy": "ucb", "keep": "0.3", "period": 1, "warm_up": "4", "class_floor": 0.5},
    "ema, warm-up with all": {"policy": "ema", "keep": "0.3", "observe": "training", "warm_up": "4:full"},
    "ucb, bf16": {"policy": "ucb", "keep": "0.3", "period": 1, "hyperparameters": {"precision": "bf16"}},
    "ucb, from training": {"policy": "ucb", "keep": "0.3", "observe": "training"},
    "ucb, guarded": {"policy": "ucb", "keep": "0.3", "trust": 0.9},
    "ema, adapting": {"policy": "ema", "keep": "0.3", "adapt": 0.9},
    "ema, all at once": {
        "policy": "ema",
        "keep": "0.2:0.6",
        "period": 1,
        "observe": "training",
        "trust": 0.9,
        "adapt": 0.9,
    },
    "random, guarded": {"policy": "random", "keep": "0.5", "trust": 0.8, "observe": "training"},
    "infobatch": {"policy": "infobatch"},
    "infobatch, soon over": {"policy": "infobatch", "options": {"delta": "0.3"}},
    "infobatch, guarded": {"policy": "infobatch", "trust": 0.9},
    "ucb, a budget of samples": {"policy": "ucb", "keep": "0.6", "period": 3, "budget": "samples"},
    "static-ucb": {"policy": "static-ucb", "keep": "0.3", "from_": "scores"},
    "always-random": {"policy": "always-random", "keep": "0.9", "from_": "session"},
    "recorded": {"policy": "recorded", "from_": "session"},
    "recorded, with weights": {"policy": "recorded", "from_": "weighted_session"},
}


@pytest.fixture(scope="module")
def scores(small, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("scores")
    embedding = curate.embed(str(small), dim=8, output=folder / "small.safetensors")
    return curate.cluster(embedding, 5, output=folder / "small.parquet").path


@pytest.mark.usefixtures("save_always")
@pytest.mark.parametrize("name", CASES)
def test_two_interrupts_later_the_result_is_the_same_to_the_byte(name, small, tmp_path, request):
    case = dict(CASES[name])
    if "from_" in case:
        case["from_"] = request.getfixturevalue(case["from_"])
    calm = calm_content(small, **case)
    n = json.loads(calm["manifest.json"])["options"]["recipe"]["n_epochs"]
    run = tmp_path / "run"
    assert interrupt(small, run, stop_in=1, **case) == [0, 1]
    assert interrupt(small, run, stop_in=3, error=KeyboardInterrupt, **case) == [1, 2, 3]
    assert not run.exists()
    with watched() as trained:
        made = train(small, run, **case)
    assert trained == list(range(3, n))
    assert_same(content(run), calm)
    assert [record.epoch for record in made.epochs] == list(range(n))
    assert curate.open_manifest(run).header == made.manifest.header
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run"]


def test_epochs_since_the_last_saved_state_are_trained_again(small, tmp_path, monkeypatch):
    monkeypatch.setattr(unfinished_module, "_SHARE", 1e-9)
    case = {"policy": "ucb", "keep": "0.3", "period": 1, "trust": 0.9}
    calm = calm_content(small, **case)
    run = tmp_path / "run"
    assert interrupt(small, run, stop_in=4, **case) == [0, 1, 2, 3, 4]
    saved = json.loads((unfinished(run) / "run.json").read_text())
    assert [record["epoch"] for record in saved["records"]] == [0]
    assert len(list(unfinished(run).glob("epoch-*.parquet"))) > 1
    with watched() as trained:
        train(small, run, **case)
    assert trained == [1, 2, 3, 4, 5]
    assert_same(content(run), calm)
    assert not unfinished(run).exists()


@pytest.mark.usefixtures("save_always")
@pytest.mark.parametrize("where", ["evaluate", "observe"])
def test_it_does_not_matter_where_in_an_epoch_it_ends(where, small, tmp_path, monkeypatch):
    case = {"policy": "ucb", "keep": "0.3", "period": 1, "trust": 0.9, "warm_up": "0"}
    calm = calm_content(small, **case)
    calls = []

    def stop(real):
        def stopping(*words, **names):
            calls.append(words)
            if len(calls) == 3:
                raise PulledPlugError
            return real(*words, **names)

        return stopping

    with monkeypatch.context() as patch:
        if where == "evaluate":
            patch.setattr(verb, "evaluate", stop(verb.evaluate))
        else:
            from curate.training.sight import NetworkSight

            patch.setattr(NetworkSight, "full_pass", stop(NetworkSight.full_pass))
        with pytest.raises(PulledPlugError):
            train(small, tmp_path / "run", **case)
    with watched() as trained:
        train(small, tmp_path / "run", **case)
    assert trained == [2, 3, 4, 5]
    assert_same(content(tmp_path / "run"), calm)


@pytest.mark.usefixtures("save_always")
def test_ended_while_the_manifest_is_written_nothing_is_trained_again(small, tmp_path, monkeypatch):
    case = {"policy": "infobatch", "trust": 0.9}
    calm = calm_content(small, **case)
    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(train_written, "write_metrics", pull_the_plug)
        with pytest.raises(PulledPlugError):
            train(small, run, **case)
    assert not run.exists()
    assert unfinished(run).exists()
    with watched() as trained:
        made = train(small, run, **case)
    assert trained == []
    assert len(made.epochs) == N_EPOCHS
    assert_same(content(run), calm)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run"]


@pytest.mark.usefixtures("save_always")
def test_an_interrupt_before_the_first_epoch_is_done_leaves_nothing(small, tmp_path):
    assert interrupt(small, tmp_path / "run", stop_in=0) == [0]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("save_always")
def test_the_progress_counts_what_was_seen_before(small, tmp_path):
    class Counted(Progress):
        steps = 0
        notes: tuple[str, ...] = ()

        def advance(self, steps=1, **live):
            self.steps += steps

        def note(self, text):
            self.notes += (text,)

    interrupt(small, tmp_path / "run", policy="random", keep=0.3)
    counted = Counted()
    made = train(small, tmp_path / "run", policy="random", keep=0.3, progress=counted)
    assert counted.notes == (f"going on after epoch 3 of {N_EPOCHS}",)
    assert counted.steps == made.epochs[-1].samples_seen == N_EPOCHS * 90


@pytest.mark.usefixtures("save_always")
def test_the_command_says_that_it_goes_on(cli, small, here):
    words = ("train", small, "--set", "width=2", "--epochs", N_EPOCHS, "--device", "cpu", "-o", "run")
    with watched(stop_in=2):
        assert cli(*words).code == 1
    assert unfinished(Path("run")).is_dir()
    result = cli(*words)
    assert result.code == 0
    assert result.err.splitlines()[0] == "going on after epoch 2 of 6"
    assert result.last == "run"
    assert [path.name for path in here.iterdir()] == ["run"]
