"""always-random: the always group of an earlier session, and the rest by chance."""

import pytest
from helpers.policy_examples import ask, make, selections, session_folder

from curate.errors import CurateError, MismatchError


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
    text = "static has no always group: name the folder of a `curate train` with a policy and 8 checkpoints"
    with pytest.raises(CurateError, match=text):
        next(ask(make("always-random", manifest=str(static))))


def test_always_random_without_a_manifest_says_what_it_needs():
    with pytest.raises(CurateError, match="policy always-random needs an earlier session: use --from FOLDER"):
        next(ask(make("always-random")))


def test_a_static_rest_is_what_the_session_selected_most_often_after_its_group(session):
    static = make("always-random", manifest=str(session), rest="static")
    # 2, 5 and 7 were selected once, the others never; ties go to the smaller uid.
    assert selections(ask(static, k=4, uids=range(100, 108))) == [[1, 2, 4, 5]] * 3
    assert selections(ask(static, k=6, uids=range(100, 108))) == [[0, 1, 2, 4, 5, 7]] * 3
    uids = [104, 107, 999, 101, 100, 102, 103, 105, 106]
    assert selections(ask(static, k=5, uids=uids)) == [[0, 1, 3, 5, 7]] * 3
