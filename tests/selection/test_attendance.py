"""Attendance: each sample of an epoch is observed as often as it may, and no other at all."""

import numpy as np
import pytest

from curate.errors import CurateError
from curate.selection.attendance import Attendance


@pytest.fixture
def attendance():
    made = Attendance(10, 1)
    made.expect(np.array([1, 4, 7]), 3)
    return made


def test_what_was_not_observed_is_missing(attendance):
    order = np.array([7, 1, 4])
    assert attendance.missing(order).tolist() == [7, 1, 4]
    assert attendance.seen(np.array([1, 7], np.int32)).dtype == np.int64
    assert attendance.missing(order).tolist() == [4]
    attendance.expect(np.array([1, 2]), 4)
    assert attendance.missing(np.array([1, 2])).tolist() == [1, 2]


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ([4, 10], "index 10 is out of range: there are 10 samples, from 0"),
        ([-1], "index -1 is out of range"),
        ([4, 5], "sample 5 was observed in epoch 3, and is not selected in it: use pruner.sampler"),
        ([1], "sample 1 was observed in epoch 3, and had been before"),
    ],
)
def test_what_is_out_of_turn_is_refused(attendance, index, message):
    attendance.seen(np.array([1]))
    with pytest.raises(CurateError, match=message):
        attendance.seen(np.array(index))


def test_ranks_may_share_a_sample_once():
    made = Attendance(3, 2)
    made.expect(np.array([0, 2]), 0)
    made.seen(np.array([2]))
    made.seen(np.array([2]))
    with pytest.raises(CurateError, match="sample 2 was observed in epoch 0, and had been before"):
        made.seen(np.array([2]))


class OnDevice:
    """Indices on an accelerator, which say when somebody waits for them."""

    device = "cuda:0"

    def __init__(self, values, waited):
        self._values, self._waited = values, waited

    def detach(self):
        return self

    def is_floating_point(self):
        return False

    def cpu(self):
        self._waited.append(1)
        return self

    def numpy(self):
        return np.array(self._values)


def test_nothing_waits_for_a_device_until_it_is_settled(attendance):
    waited = []
    index = OnDevice([4], waited)
    assert attendance.seen(index) is index
    attendance.seen(OnDevice([9], waited))
    assert waited == []
    with pytest.raises(CurateError, match="sample 9 was observed in epoch 3, and is not selected"):
        attendance.settle()


def test_it_goes_on_where_it_was(attendance):
    attendance.seen(np.array([4]))
    later = Attendance(10, 1)
    later.load(attendance.state(), np.array([1, 4, 7]), 3)
    assert later.missing(np.array([1, 4, 7])).tolist() == [1, 7]
    with pytest.raises(CurateError, match="sample 4 was observed in epoch 3, and had been before"):
        later.seen(np.array([4]))
