"""recorded: an earlier session or a static manifest, epoch by epoch."""

import numpy as np
import pytest
from helpers.policy_examples import ask, make, selections, session_folder

from curate.errors import CurateError, MismatchError
from curate.manifests.manifest import Selected


def test_recorded_replays_epoch_by_epoch_with_weights(tmp_path):
    weights = np.array([2.0, 1.0], np.float32)
    epochs = [Selected(np.array(pair), weights) for pair in ([0, 1], [1, 4], [3, 5])]
    folder = session_folder(tmp_path / "three", epochs)
    plans = list(ask(make("recorded", manifest=str(folder))))
    assert selections(plans) == [[0, 1], [1, 4], [3, 5]]
    assert all(plan.selected.weights.tolist() == [2.0, 1.0] for plan in plans)
    frozen = list(ask(make("recorded", manifest=str(folder), freeze="last"), n_checkpoints=5))
    assert selections(frozen) == [[3, 5]] * 5
    assert all(plan.selected.weights.tolist() == [2.0, 1.0] for plan in frozen)


def test_recorded_repeats_a_static_manifest_for_any_number_of_epochs(tmp_path):
    folder = session_folder(tmp_path / "static", [[2, 3]])
    assert selections(ask(make("recorded", manifest=str(folder)), n_checkpoints=7)) == [[2, 3]] * 7


def test_recorded_refuses_more_epochs_than_were_recorded(tmp_path):
    folder = session_folder(tmp_path / "three", [[0], [1], [2]])
    with pytest.raises(CurateError, match=r"three records 3 epochs, this run has 5: use --epochs 3 or fewer"):
        list(ask(make("recorded", manifest=str(folder)), n_checkpoints=5))


def test_recorded_without_a_manifest_says_what_it_needs():
    with pytest.raises(CurateError, match="policy recorded needs a manifest: use --from FOLDER"):
        next(ask(make("recorded")))


def test_recorded_refuses_a_manifest_of_another_dataset(tmp_path):
    """Nothing is joined by position across two datasets."""
    folder = session_folder(tmp_path / "three", [[0], [1], [2]])
    with pytest.raises(MismatchError):
        list(ask(make("recorded", manifest=str(folder)), uids=[1, 2, 3, 4, 5, 6]))


def test_a_run_longer_than_the_record_is_refused_at_its_first_checkpoint(tmp_path):
    folder = session_folder(tmp_path / "three", [[0, 1], [1, 4], [3, 5]])
    with pytest.raises(CurateError, match="records 3 epochs, this run has 4: use --epochs 3 or fewer"):
        next(ask(make("recorded", manifest=str(folder)), n_checkpoints=4))
