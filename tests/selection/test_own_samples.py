"""Which samples a Pruner is about: by key, by uid, by place, or those of a dataset."""

import numpy as np
import pytest
import torch

import curate
from curate.data.identity import uids_of_keys
from curate.errors import CurateError
from curate.selection.own_samples import own_samples

NOTHING = {"labels": None, "keys": None, "uids": None, "name": "mine"}


def test_keys_become_uids_and_the_same_key_is_the_same_sample():
    one = own_samples(3, **{**NOTHING, "keys": ["a.txt", "b.txt", "c.txt"]})
    other = own_samples(2, **{**NOTHING, "keys": ["c.txt", "a.txt"]})
    assert one.uids.dtype == np.uint64
    assert len(set(one.uids.tolist())) == 3
    assert one.uids[[2, 0]].tolist() == other.uids.tolist()
    assert (one.uids == uids_of_keys(["a.txt", "b.txt", "c.txt"])).all()
    assert one.reference.reference == "mine"
    assert one.reference.n == one.n == 3


def test_a_key_that_is_given_twice_is_refused():
    with pytest.raises(CurateError, match=r"^2 samples have the key 'a.txt': give each sample a key of its"):
        own_samples(3, **{**NOTHING, "keys": ["a.txt", "b.txt", "a.txt"]})


@pytest.mark.parametrize("samples", ["photos", 3.5, [1, 2], None])
def test_what_is_no_number_and_no_dataset_is_refused(samples):
    with pytest.raises(CurateError, match=r"a Pruner was given a \w+: give it len\(dataset\), or what"):
        own_samples(samples, **NOTHING)


def test_without_keys_a_sample_is_known_by_its_place():
    assert (own_samples(3, **NOTHING).uids == uids_of_keys(["0", "1", "2"])).all()
    given = own_samples(2, **{**NOTHING, "uids": [7, 8]})
    assert given.uids.tolist() == [7, 8]
    assert given.reference.fingerprint != own_samples(2, **NOTHING).reference.fingerprint


def test_labels_may_be_a_list_an_array_or_a_tensor():
    for labels in ([0, 2, 1], np.array([0, 2, 1], np.int8), torch.tensor([0, 2, 1])):
        made = own_samples(3, **{**NOTHING, "labels": labels})
        assert made.labels.tolist() == [0, 2, 1]
        assert made.labels.dtype == np.int64
        assert made.reference.classes == ["0", "1", "2"]


def test_a_dataset_is_what_it_is():
    digits = curate.open_dataset("digits")
    made = own_samples(digits, **NOTHING)
    assert made.reference == digits.header()
    assert (made.uids == digits.uids).all()
    assert (made.rows == digits.rows).all()
