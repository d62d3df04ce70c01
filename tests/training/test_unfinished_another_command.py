"""Another command over an unfinished run is refused and told what differs; --fresh drops the run."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from helpers.unfinished_runs import (
    N_EPOCHS,
    UCB,
    assert_one_line,
    assert_same,
    calm_content,
    content,
    interrupt,
    train,
    unfinished,
    watched,
)

from curate.errors import CurateError

pytest_plugins = ["helpers.unfinished_runs"]

OTHERS = {
    "lr was 0.01, is now 0.02": {"hyperparameters": {"lr": 0.02}},
    "n_epochs was 6, is now 7": {"hyperparameters": {"lr": 0.01, "n_epochs": 7}},
    "batch_size was 64, is now 32": {"hyperparameters": {"lr": 0.01, "batch_size": 32}},
    "seed was 0, is now 1": {"seed": 1},
    "keep was 0.3, is now 0.4": {"keep": "0.4"},
    "period was 1, is now 2": {"period": 2},
    "trust was None, is now 0.9": {"trust": 0.9},
    "width was 2, is now 3": {"options": {"width": "3"}},
    "alpha was 0.8, is now 0.5": {"options": {"alpha": "0.5"}},
    "policy was ucb, is now ema": {"policy": "ema"},
    "evaluate_every was 1, is now 3": {"evaluate_every": 3},
    "model was basic-cnn, is now lenet5": {"model": "lenet5", "options": None},
}


@pytest.mark.usefixtures("save_always")
def test_another_command_is_refused_and_told_what_differs(small, tmp_path):
    calm = calm_content(small, **UCB)
    run = tmp_path / "run"
    interrupt(small, run, **UCB)
    before = content(unfinished(run))
    for difference, other in OTHERS.items():
        with watched() as trained, pytest.raises(CurateError) as problem:
            train(small, run, **{**UCB, **other})
        assert f"holds an unfinished run of another command ({difference})" in str(problem.value)
        assert "\n" not in str(problem.value)
        assert trained == []
        assert_same(content(unfinished(run)), before)
        assert not run.exists()
    with watched() as trained:
        train(small, run, **UCB)
    assert trained == [3, 4, 5]
    assert_same(content(run), calm)


@pytest.mark.usefixtures("save_always")
def test_the_refusal_is_one_line_with_both_remedies(cli, small, here):
    words = ("train", small, "--set", "width=2", "--epochs", N_EPOCHS, "--device", "cpu", "-o", "run")
    with watched(stop_in=2):
        cli(*words, "--lr", 0.01)
    result = cli(*words, "--lr", 0.02)
    assert_one_line(
        result,
        "run.unfinished holds an unfinished run of another command (lr was 0.01, is now 0.02): "
        "run that command again to finish it, or use --fresh to drop it",
    )
    assert result.out == ""


@pytest.mark.usefixtures("save_always")
def test_a_difference_of_spelling_alone_is_not_shown_as_none(cli, small, here):
    """0.3 from Python is "0.3" on the command line: either it goes on, or it says what differs."""
    interrupt(small, Path("run"), policy="random", keep=0.3, options={"width": 2})
    words = ("train", small, "--policy", "random", "--keep", 0.3, "--epochs", N_EPOCHS)
    result = cli(*words, "--set", "width=2", "--device", "cpu", "-o", "run")
    assert "was 0.3, is now 0.3" not in result.err
    assert "was 2, is now 2" not in result.err


@pytest.mark.usefixtures("save_always")
def test_a_refusal_is_short_also_where_what_it_builds_on_differs(small, session, weighted_session, tmp_path):
    interrupt(small, tmp_path / "run", policy="recorded", from_=session)
    with pytest.raises(CurateError, match="unfinished run of another command") as problem:
        train(small, tmp_path / "run", policy="recorded", from_=weighted_session)
    result = str(problem.value).removeprefix(str(tmp_path))
    assert len(result) < 400, result


@pytest.mark.usefixtures("save_always")
def test_another_test_set_under_the_same_name_is_refused(small, tmp_path):
    path = tmp_path / "data.npz"
    shutil.copy(small, path)
    interrupt(path, tmp_path / "run", policy="full")
    arrays = dict(np.load(small))
    arrays["x_test"][0, 0, 0] ^= 1
    np.savez(path, **arrays)
    with pytest.raises(CurateError, match=r"unfinished run of another command \(test_fingerprint was"):
        train(path, tmp_path / "run", policy="full")


def test_a_folder_that_is_no_manifest_is_refused_before_any_work(small, tmp_path):
    (tmp_path / "run").mkdir()
    with watched() as trained, pytest.raises(CurateError, match="is not a manifest folder"):
        train(small, tmp_path / "run", policy="full", force=True)
    assert trained == []


@pytest.mark.usefixtures("save_always")
def test_other_data_under_the_same_name_are_refused(small, tmp_path):
    path = tmp_path / "data.npz"
    shutil.copy(small, path)
    interrupt(path, tmp_path / "run", policy="full")
    arrays = dict(np.load(small))
    arrays["x_train"][0, 0, 0] ^= 1
    np.savez(path, **arrays)
    with pytest.raises(CurateError, match=r"unfinished run of another command \(fingerprint was"):
        train(path, tmp_path / "run", policy="full")


@pytest.mark.usefixtures("save_always")
@pytest.mark.parametrize("lr", [0.01, 0.02], ids=["the same command", "another"])
def test_fresh_drops_it_and_starts_anew(lr, small, tmp_path):
    now = {**UCB, "hyperparameters": {"lr": lr}}
    calm = calm_content(small, **now)
    run = tmp_path / "run"
    interrupt(small, run, **UCB)
    with watched() as trained:
        train(small, run, fresh=True, **now)
    assert trained == [0, 1, 2, 3, 4, 5]
    assert_same(content(run), calm)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run"]


@pytest.mark.usefixtures("save_always")
def test_fresh_and_interrupted_it_goes_on_from_the_new_run(small, tmp_path):
    now = {**UCB, "hyperparameters": {"lr": 0.02}}
    calm = calm_content(small, **now)
    run = tmp_path / "run"
    interrupt(small, run, stop_in=4, **UCB)
    interrupt(small, run, stop_in=2, fresh=True, **now)
    with watched() as trained:
        train(small, run, **now)
    assert trained == [2, 3, 4, 5]
    assert_same(content(run), calm)


def test_fresh_without_anything_to_drop_is_an_ordinary_run(small, tmp_path):
    calm = calm_content(small, **UCB)
    train(small, tmp_path / "run", fresh=True, **UCB)
    assert_same(content(tmp_path / "run"), calm)
