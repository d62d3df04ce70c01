"""Replacing a manifest: the earlier one stays, whole, until the run that replaces it is done."""

import pytest
from helpers.unfinished_runs import (
    UCB,
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
from curate.errors import CurateError
from curate.verbs import train_written

pytest_plugins = ["helpers.unfinished_runs"]


@pytest.mark.usefixtures("save_always")
@pytest.mark.parametrize("error", [PulledPlugError, KeyboardInterrupt])
def test_an_interrupted_replacement_leaves_the_earlier_manifest(error, small, tmp_path, monkeypatch):
    calm = calm_content(small, **UCB)
    run = tmp_path / "run"
    train(small, run, policy="infobatch")
    earlier = content(run)
    for stop_in in (0, 2, 4):
        interrupt(small, run, stop_in=stop_in, error=error, force=True, **UCB)
        assert_same(content(run), earlier)
        curate.open_manifest(run)
    with monkeypatch.context() as patch:
        patch.setattr(train_written, "write_metrics", pull_the_plug)
        with pytest.raises(PulledPlugError):
            train(small, run, force=True, **UCB)
    assert_same(content(run), earlier)
    with watched() as trained:
        train(small, run, force=True, **UCB)
    assert trained == []
    assert_same(content(run), calm)
    assert not unfinished(run).exists()


def test_a_damaged_manifest_is_no_obstacle_to_its_replacement(small, stopped):
    """As it stands beside an unfinished run, whether of this command or of another."""
    (stopped.run / "manifest.json").write_text("{")
    with pytest.raises(CurateError, match="unfinished run of another command"):
        train(small, stopped.run, force=True, **{**UCB, "seed": 1})
    train(small, stopped.run, force=True, **UCB)
    assert_same(content(stopped.run), stopped.calm)


def test_a_manifest_is_not_replaced_unasked_and_its_unfinished_run_stays(small, stopped):
    before = content(unfinished(stopped.run))
    with pytest.raises(CurateError, match="exists: use --force to replace it"):
        train(small, stopped.run, **UCB)
    assert_same(content(unfinished(stopped.run)), before)
    assert_same(content(stopped.run), stopped.earlier)
