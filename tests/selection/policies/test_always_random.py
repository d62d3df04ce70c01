"""Policies that build on an earlier session: always-random and recorded."""

import numpy as np
import pytest
from helpers.policy_examples import UIDS, ask, make, selections

from curate.artifacts.header import make_header
from curate.errors import CurateError, MismatchError
from curate.manifests.manifest import Selected, write_manifest
from curate.selection.precomputed import always_group


def session_folder(path, selection, *, uids=UIDS, group=None):
    """A manifest of a training session: a list of indices per epoch, and the group of each sample."""
    n = len(uids)
    dataset = {"reference": "hand", "split": "all", "n": n, "classes": [], "fingerprint": "0" * 64}
    header = make_header("manifest", "train", {"policy": "ucb"}, seed=0, dataset=dataset)
    samples = {"index": np.arange(n), "uid": np.array(uids, np.uint64)}
    if group is not None:
        samples["group"] = np.array(group)
    chosen = [one if isinstance(one, Selected) else Selected(np.array(one)) for one in selection]
    return write_manifest(path, header, chosen, samples).path


@pytest.fixture
def session(tmp_path):
    """An earlier session on eight samples: 1 and 4 are in its always group."""
    group = ["never", "always", "sometimes", "never", "always", "sometimes", "never", "sometimes"]
    selection = [[1, 2, 4], [1, 4, 5], [1, 4, 7]]
    return session_folder(tmp_path / "earlier", selection, uids=range(100, 108), group=group)


def test_always_random_fills_the_budget_at_random_at_every_checkpoint(session):
    drawn, differ = set(), 0
    for seed in range(40):
        plans = list(ask(make("always-random", manifest=str(session)), k=4, uids=range(100, 108), seed=seed))
        chosen = [set(one) for one in selections(plans)]
        assert all(len(one) == 4 and {1, 4} < one for one in chosen)
        drawn |= set.union(*chosen) - {1, 4}
        differ += chosen[0] != chosen[1]
        always = [False, True, False, False, True, False, False, False]
        assert all(plan.memory["always"].tolist() == always for plan in plans)
    assert drawn == {0, 2, 3, 5, 6, 7}
    assert differ > 30


def test_always_random_may_keep_just_its_group(session):
    assert (
        selections(ask(make("always-random", manifest=str(session)), k=2, uids=range(100, 108)))
        == [[1, 4]] * 3
    )


def test_always_random_finds_its_group_in_a_reordered_copy(session):
    uids = [104, 107, 999, 101, 100, 102, 103, 105, 106]  # one new, the others moved
    plans = ask(make("always-random", manifest=str(session)), k=3, uids=uids)
    assert all({0, 3} < set(one) for one in selections(plans))


def test_an_always_group_larger_than_the_budget_is_refused_with_both_numbers(session):
    with pytest.raises(
        CurateError, match=r"earlier has 2 samples, more than the 1 to keep: use a larger --k"
    ):
        next(ask(make("always-random", manifest=str(session)), k=1, uids=range(100, 108)))


def test_an_always_group_of_another_dataset_is_refused(session):
    text = (
        r"earlier is of another dataset \(hand\): 1 of its 2 always samples are not among those to train on"
    )
    with pytest.raises(MismatchError, match=text):
        next(ask(make("always-random", manifest=str(session)), k=4, uids=[101, 2, 3, 4, 5, 6, 7, 8]))


def test_a_static_manifest_has_no_always_group(tmp_path):
    static = session_folder(tmp_path / "static", [[1, 2, 3]])
    with pytest.raises(CurateError, match="static has no always group: it is static; name the folder of a "):
        next(ask(make("always-random", manifest=str(static))))


def test_always_random_without_a_manifest_says_what_it_needs():
    with pytest.raises(CurateError, match="policy always-random needs an earlier session: use --from FOLDER"):
        next(ask(make("always-random")))


def test_equal_images_are_told_apart_by_occurrence_in_the_always_group(tmp_path):
    """Samples 0 and 1 are equal images; the second of them is always selected."""
    group = ["never", "always", "never"]
    folder = session_folder(tmp_path / "twins", [[1], [1, 2]], uids=[7, 7, 9], group=group)
    assert always_group(str(folder), np.array([7, 7, 9], np.uint64)).tolist() == [False, True, False]


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
