"""The class floor of one selection, against a loop that mends it sample by sample."""

from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.selection.class_floor import fill_classes

SHARES = [0.1, 0.25, 0.3, 0.5, 0.75, 0.9, 1.0]


def floors(among, labels, k, share):
    """⌊share · k · n_c / n⌋ for each class."""
    return {
        label: int(Fraction(str(share)) * k * sum(labels[i] == label for i in among) / len(among))
        for label in set(labels.tolist())
    }


def mended(selected, among, labels, share, ranking, uids):
    """By hand: class by class the best that are missing come in; one by one the worst that may go out."""
    floor = floors(among, labels, len(selected), share)
    best_first = sorted(among, key=lambda i: (-ranking[i], uids[i]))
    kept = set(selected)
    counts = {label: sum(labels[i] == label for i in kept) for label in floor}
    added = []
    for label in floor:
        outside = [i for i in best_first if labels[i] == label and i not in kept]
        added += outside[: max(0, floor[label] - counts[label])]
    n_to_go = len(added)
    for i in reversed([i for i in best_first if i in kept]):
        if n_to_go and counts[labels[i]] > floor[labels[i]]:
            kept.remove(i)
            counts[labels[i]] -= 1
            n_to_go -= 1
    return sorted(kept | set(added)), added


@st.composite
def cases(draw):
    """Labels, few values with many ties, uids in any order, and a selection of a part of the samples."""
    n = draw(st.integers(1, 40))
    labels = np.array(draw(st.lists(st.integers(0, 4), min_size=n, max_size=n)))
    ranking = np.array(draw(st.lists(st.sampled_from([0.0, 1.0, 2.5, np.inf]), min_size=n, max_size=n)))
    uids = np.array(draw(st.permutations(range(n))), np.uint64)
    among = np.array(sorted(draw(st.sets(st.integers(0, n - 1), min_size=1))))
    selected = np.array(sorted(draw(st.sets(st.sampled_from(among.tolist()), min_size=1))))
    return labels, ranking, uids, among, selected, draw(st.sampled_from(SHARES))


@settings(deadline=None, max_examples=100)
@given(cases())
def test_it_is_what_a_loop_makes_of_it(case):
    labels, ranking, uids, among, selected, share = case
    expected, added = mended(selected.tolist(), among.tolist(), labels, share, ranking, uids)
    result = fill_classes(
        selected, among, labels, share, ranking=ranking, uids=uids, rng=np.random.default_rng(0)
    )
    assert result.tolist() == expected
    assert np.setdiff1d(result, selected).tolist() == sorted(added)


@settings(deadline=None, max_examples=100)
@given(cases(), st.booleans())
def test_no_class_is_below_its_floor_and_nothing_more_is_changed(case, by_chance):
    labels, ranking, uids, among, selected, share = case
    given_ranking = None if by_chance else ranking
    chance = np.random.default_rng(1)
    result = fill_classes(selected, among, labels, share, ranking=given_ranking, uids=uids, rng=chance)
    assert len(result) == len(selected)
    assert (np.diff(result) > 0).all()
    assert np.isin(result, among).all()
    floor = floors(among.tolist(), labels, len(selected), share)
    lacking = 0
    for label, least in floor.items():
        before, after = (int((labels[chosen] == label).sum()) for chosen in (selected, result))
        assert after >= least
        assert after == least if before < least else after <= before
        lacking += max(0, least - before)
    assert len(np.setdiff1d(result, selected)) == lacking


def test_the_best_come_in_and_the_worst_go_out():
    """Ten samples of two classes, five each; k = 4, half of the fair part of 2 is 1 of each class."""
    labels = np.repeat([0, 1], 5)
    ranking = np.array([9, 8, 7, 6, 5, 4, 3, 2, 1, 0.0])
    uids = np.arange(10, dtype=np.uint64)
    rng = np.random.default_rng(0)

    def mend(share):
        return fill_classes(
            np.arange(4), np.arange(10), labels, share, ranking=ranking, uids=uids, rng=rng
        ).tolist()

    assert mend(0.5) == [0, 1, 2, 5]
    assert mend(1.0) == [0, 1, 5, 6]
    assert mend(0.4) == [0, 1, 2, 3]  # ⌊0.4 · 4 · 5 / 10⌋ = 0


def test_of_equals_the_smaller_uid_comes_in_and_the_larger_goes_out():
    labels = np.array([0, 0, 0, 1, 1, 1])
    uids = np.array([3, 5, 4, 9, 7, 8], np.uint64)
    result = fill_classes(
        np.arange(3), np.arange(6), labels, 0.7, ranking=np.zeros(6), uids=uids, rng=np.random.default_rng(0)
    )
    assert result.tolist() == [0, 2, 4]


def test_a_share_is_taken_at_its_word():
    """0.3 of a part of ten is three; the float 0.3 lies below it, and three times it is not 0.9."""
    labels = np.repeat([0, 1], 50)
    selected = np.arange(20)
    result = fill_classes(
        selected,
        np.arange(100),
        labels,
        0.3,
        ranking=np.arange(100.0),
        uids=np.arange(100, dtype=np.uint64),
        rng=np.random.default_rng(0),
    )
    assert np.bincount(labels[result]).tolist() == [17, 3]


def test_where_chance_chose_chance_fills():
    labels = np.repeat([0, 1], 50)
    uids = np.arange(100, dtype=np.uint64)

    def filled(seed):
        rng = np.random.default_rng(seed)
        everything = np.arange(100)
        return fill_classes(np.arange(20), everything, labels, 1.0, ranking=None, uids=uids, rng=rng).tolist()

    assert filled(0) == filled(0) != filled(1)
