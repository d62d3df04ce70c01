"""A manifest and the dataset it is of: copies are followed by uid, others refused."""

import dataclasses

import numpy as np
import pytest

import curate
from curate.errors import MismatchError
from curate.manifests.manifest import follow, open_manifest


class TestFollowing:
    @pytest.fixture
    def digits(self):
        return curate.open_dataset("digits")

    @pytest.fixture
    def manifest(self, digits_round):
        return open_manifest(digits_round.manifest)

    def test_the_same_dataset_is_taken_as_it_is(self, manifest, digits):
        data, available, result = follow(manifest, digits)
        assert data is digits
        assert len(available) == 1443
        assert result == ""

    def test_a_reordered_copy_is_put_back_in_order(self, manifest, digits):
        shuffled = digits.take(np.random.default_rng(0).permutation(len(digits)))
        data, available, result = follow(manifest, shuffled)
        assert (data.uids == digits.uids).all()
        assert (data.images.read(np.arange(50)) == digits.images.read(np.arange(50))).all()
        assert (data.labels == digits.labels).all()
        assert len(available) == 1443
        assert "all 433 selected samples found by uid" in result

    def test_an_extended_copy_leaves_the_new_samples_aside(self, manifest, digits):
        extended = digits.take(np.r_[5, np.arange(len(digits)), 7, 7])
        data, available, result = follow(manifest, extended)
        assert (data.uids == digits.uids).all()
        assert len(available) == 1443
        assert "3 new ones left aside" in result

    def test_unselected_samples_may_be_gone(self, manifest, digits):
        left_out = int(np.flatnonzero(manifest.samples["n_selected"] == 0)[0])
        data, available, result = follow(manifest, digits.take(np.delete(np.arange(1443), left_out)))
        assert left_out not in available
        assert len(available) == 1442
        assert "1 not selected and gone" in result
        chosen = manifest.selected(0).indices
        assert (data.uids[chosen] == digits.uids[chosen]).all()

    def test_missing_selected_samples_are_named(self, manifest, digits):
        chosen = manifest.selected(0).indices[:2]
        with pytest.raises(
            MismatchError, match=rf"2 selected samples are not in it, such as {chosen[0]} \(uid"
        ):
            follow(manifest, digits.take(np.delete(np.arange(1443), chosen)))

    def test_relabelled_selected_samples_are_named(self, manifest, digits):
        first = int(manifest.selected(0).indices[0])
        labels = digits.labels.copy()
        before = labels[first]
        labels[first] = (before + 1) % 10
        changed = dataclasses.replace(digits, labels=labels)
        with pytest.raises(
            MismatchError,
            match=rf"labels 1 samples .* sample {first} .* is class {(before + 1) % 10} there and",
        ):
            follow(manifest, changed)

    def test_renumbered_classes_are_the_same_classes(self, manifest, digits):
        renumbered = dataclasses.replace(digits, labels=9 - digits.labels, classes=digits.classes[::-1])
        data, _, _ = follow(manifest, renumbered)
        assert data.classes[0] == "9"

    def test_classes_by_other_names_are_compared_by_number(self, manifest, digits):
        shuffled = digits.take(np.arange(1443)[::-1])
        named = dataclasses.replace(shuffled, classes=[f"{name} - digit" for name in digits.classes])
        data, _, _ = follow(manifest, named)
        assert (data.labels == digits.labels).all()

    def test_another_dataset_is_refused_with_both_names(self, manifest):
        other = curate.open_dataset("digits", curate.Options(split="test"))
        with pytest.raises(MismatchError, match=r"digits \(test, fingerprint .* is not the dataset of"):
            follow(manifest, other)
