"""Copies of a dataset: the same samples in another order are found by uid, anything else is refused."""

from dataclasses import replace

import pytest
from helpers.comparing import LABELS, UIDS, moved, scores

from curate.errors import MismatchError
from curate.verbs.compare import compare


class TestCopies:
    """The same samples in another order are found by uid; anything else is refused."""

    def test_another_order_changes_nothing(self, here):
        uids = [100, 100, *UIDS[2:]]  # the first two are equal images, and change places below
        other = [6, 6, 3, 4, 5, 0, 9, 8, 1, 1]
        a = scores(here / "a.parquet", [5, 1, 4, 2, 3, 0, 9, 8, 7, 7], uids=uids, labels=LABELS)
        b = scores(here / "b.parquet", other, uids=uids, labels=LABELS)
        copy = scores(
            here / "copy.parquet",
            moved(other),
            uids=moved(uids),
            labels=[1 - label for label in moved(LABELS)],
            classes=("dog", "cat"),  # the same classes, numbered otherwise
        )
        straight, outcome = compare(a, b, by="class"), compare(a, copy, by="class")
        result = f"{copy} is of another copy of the dataset than {a}: all 10 samples found by uid (9 moved)"
        ties = [  # the sevens of a and the sixes of the other are in places 3 and 4
            f"at a budget of 0.3, equal values of {a}, {other} are cut by uid, alike in all: their overlap "
            "says less there than it seems"
            for other in (b, copy)
        ]
        assert (straight.notes, outcome.notes) == (ties[:1], [result, ties[1]])
        assert straight.classes == outcome.classes
        assert replace(outcome.pairs[0], other=str(b)) == straight.pairs[0]

    def test_other_samples_are_refused_naming_both(self, here):
        a = scores(here / "a.parquet", [1, 2, 3])
        for number, uids in enumerate([[100, 101, 999], [100, 101, 101], [100, 101, 102, 103]]):
            b = scores(here / f"b{number}.parquet", uids, uids=uids)
            with pytest.raises(MismatchError, match=rf"a.parquet was made from hand .*{b.name} is hand .*"):
                compare(a, b)

    def test_other_labels_matter_only_where_labels_are_used(self, here):
        a = scores(here / "a.parquet", [1, 2, 3], labels=[0, 1, 1])
        b = scores(here / "b.parquet", [1, 2, 3], labels=[0, 0, 1])
        bare = scores(here / "bare.parquet", [1, 2, 3])
        assert compare(a, b, bare).pairs[0].spearman == 1
        assert [one.shares[0] for one in compare(bare, a, by="class", budgets=(0.4,)).classes] == [0, 0.5]
        with pytest.raises(MismatchError, match=r"b.parquet labels 1 samples otherwise .*sample 1 \(uid"):
            compare(a, b, by="class")
