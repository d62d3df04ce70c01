"""What is asked for together and does not go together is refused, or does what both say."""

import dataclasses

import numpy as np
import pytest
from sessions import QUICK, make, planned, run

from curate.artifact import make_header
from curate.errors import CurateError
from curate.manifest import Selected, write_manifest
from curate.training.observer import Observer

pytest_plugins = ["sessions"]
pytestmark = pytest.mark.usefixtures("one_thread")


def planned_or_refused(policy, n, n_epochs, **asked):
    try:
        return planned(policy, n, n_epochs, **asked)
    except CurateError:
        return None


def pretend_losses(monkeypatch, n):
    """Full passes find the same losses every time, so that a session which adapts asks only once."""
    losses = np.arange(n, dtype=np.float32) ** 4
    monkeypatch.setattr(Observer, "_full_pass", lambda self: losses)


@pytest.mark.parametrize("more", [{"adapt": 0.5}, {"trust": 0.8}])
def test_early_stop_spends_its_presentations_or_is_refused(few, monkeypatch, more):
    if "adapt" in more:
        pretend_losses(monkeypatch, 100)
    found = planned_or_refused("early-stop", 100, 6, keep=0.75, **more)
    if found is None:
        return
    session, n_epochs = found
    _, epochs = run(few, make("early-stop"), session, dataclasses.replace(QUICK, n_epochs=n_epochs))
    assert epochs[-1].samples_seen == session.n_presentations


@pytest.mark.parametrize("more", [{"adapt": 0.5, "observe": "evaluation"}, {"period": 5}])
def test_infobatch_anneals_at_the_end_or_is_refused(few, monkeypatch, more):
    if "adapt" in more:
        pretend_losses(monkeypatch, 100)
    found = planned_or_refused("infobatch", 100, 8, **more)
    if found is None:
        return
    _, epochs = run(few, make("infobatch"), found[0], dataclasses.replace(QUICK, n_epochs=8))
    assert len(epochs[-1].selected.indices) == 100


def recorded(path, data, selection):
    """A policy that replays this list of indices per epoch."""
    header = make_header("manifest", "train", {}, seed=0, dataset=data.header())
    samples = {"index": np.arange(len(data)), "uid": data.uids, "label": data.labels}
    chosen = [Selected(np.array(indices)) for indices in selection]
    return make("recorded", manifest=str(write_manifest(path, header, chosen, samples).path))


@pytest.mark.parametrize("more", [{"adapt": 0.5}, {"period": 2}])
def test_a_record_is_replayed_epoch_by_epoch_or_refused(few, monkeypatch, tmp_path, more):
    pretend_losses(monkeypatch, 100)
    selection = [[1, 2, 3], [4, 5, 6], [7, 8, 9], [10, 11, 12]]
    policy = recorded(tmp_path / "run", few, selection)
    found = planned_or_refused("recorded", 100, 4, **more)
    if found is None:
        return
    _, epochs = run(few, policy, found[0], dataclasses.replace(QUICK, n_epochs=4))
    assert [epoch.selected.indices.tolist() for epoch in epochs] == selection


def test_what_is_not_trusted_is_not_replayed_or_trust_is_refused(few, tmp_path):
    policy = recorded(tmp_path / "run", few, [range(100)])
    found = planned_or_refused("recorded", 100, 3, trust=0.5)
    if found is None:
        return
    _, epochs = run(few, policy, found[0], dataclasses.replace(QUICK, n_epochs=3))
    distrusted = np.flatnonzero(epochs[-1].state()["observer"]["distrusted"].numpy())
    assert len(distrusted) == 50
    assert not np.isin(epochs[-1].selected.indices, distrusted).any()


def test_a_budget_larger_than_what_is_trusted_is_kept_or_refused(few):
    """Keeping 0.9 of the samples and trusting 0.5 of them cannot both be."""
    found = planned_or_refused("random", 100, 4, keep=0.9, trust=0.5)
    if found is None:
        return
    _, epochs = run(few, make("random"), found[0], dataclasses.replace(QUICK, n_epochs=4))
    assert [len(epoch.selected.indices) for epoch in epochs] == [90] * 4
