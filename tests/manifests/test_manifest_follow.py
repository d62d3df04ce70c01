"""A manifest and the dataset it is of: copies are followed by uid, others refused."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

import curate
from curate.artifacts.header import make_header
from curate.artifacts.tables import sample_columns
from curate.errors import MismatchError
from curate.manifests.manifest import Selected, follow, open_manifest, write_manifest
from curate.networks.learner import normalization_of
from curate.training.batches import Batches


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


class TestMissingSamples:
    """A copy of digits that lacks 400 samples which are not selected."""

    @pytest.fixture
    def digits(self):
        return curate.open_dataset("digits")

    @pytest.fixture
    def manifest(self, digits_round):
        return open_manifest(digits_round.manifest)

    @pytest.fixture
    def gone(self, manifest):
        unselected = np.flatnonzero(manifest.samples["n_selected"] == 0)
        return np.sort(np.random.default_rng(0).choice(unselected, 400, replace=False))

    @pytest.fixture
    def followed(self, manifest, digits, gone):
        return follow(manifest, digits.take(np.setdiff1d(np.arange(1443), gone)))

    def test_they_are_missing_and_nothing_stands_in_for_them(self, followed, manifest, digits, gone):
        data, available, result = followed
        present = np.setdiff1d(np.arange(1443), gone)
        assert np.flatnonzero(data.missing).tolist() == gone.tolist()
        assert available.tolist() == data.present.tolist() == present.tolist()
        assert "400 not selected and gone" in result
        assert (data.uids == manifest.samples["uid"]).all()
        assert (data.labels[present] == manifest.samples["label"][present]).all()
        assert (data.images.read(present) == digits.images.read(present)).all()
        for sample in (gone[0], gone[-1]):
            with pytest.raises(AssertionError, match="an image that is missing is not read"):
                data.images.read(np.array([present[0], sample]))

    def test_of_images_that_are_not_resident_they_are_missing_as_well(self, tmp_path):
        chance = np.random.default_rng(0)
        for number in range(10):
            (tmp_path / "photos" / "ab"[number % 2]).mkdir(parents=True, exist_ok=True)
            pixels = chance.integers(0, 256, (6, 6, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / "ab"[number % 2] / f"{number}.png")
        data = curate.open_dataset(str(tmp_path / "photos"), curate.Options("all", stream=True))
        header = make_header("manifest", "select", {}, seed=0, dataset=data.header())
        samples = sample_columns(data.uids, data.rows, data.labels)
        manifest = write_manifest(tmp_path / "m", header, [Selected(np.array([1, 2, 8]))], samples)
        copy, available, _ = follow(manifest, data.take(np.array([8, 2, 1, 5])))
        assert available.tolist() == [1, 2, 5, 8]
        assert (copy.images.read(available) == data.images.read(available)).all()
        with pytest.raises(AssertionError, match="an image that is missing is not read"):
            copy.images.read(np.array([0]))

    def test_the_normalization_is_that_of_the_samples_that_exist(self, followed, digits, gone):
        data, _, _ = followed
        pixels = digits.images.read(np.setdiff1d(np.arange(1443), gone)).astype(np.float64) / 255
        result = normalization_of(data)
        assert result.mean[0] == pytest.approx(pixels.mean(), abs=1e-9)
        assert result.std[0] == pytest.approx(pixels.std(), abs=1e-6)
        assert result != normalization_of(digits)

    def test_no_control_ever_selects_one(self, manifest, digits, gone, monkeypatch):
        shown = []
        augmented = Batches.augmented

        def spy(self, order, *rest):
            shown.append(order)
            return augmented(self, order, *rest)

        monkeypatch.setattr(Batches, "augmented", spy)
        copy = digits.take(np.setdiff1d(np.arange(1443), gone))
        outcome = curate.replay(
            manifest, copy, trials=2, against=["full", "random"], hyperparameters={"n_epochs": 1}
        )
        assert [run.name for run in outcome.runs] == ["manifest", "full", "random"]
        assert len(shown) >= 6
        assert {len(order) for order in shown} >= {433, 1043}
        assert not any(np.isin(order, gone).any() for order in shown)

    @pytest.mark.parametrize("forged", [0, -1])
    def test_a_forged_count_lets_no_missing_or_relabelled_sample_pass(self, manifest, digits, forged):
        """`n_selected` is what a file says; what is selected is what is trained on."""
        says_none = dict(manifest.samples) | {"n_selected": np.full(1443, forged)}
        lying = dataclasses.replace(manifest)
        vars(lying)["samples"] = says_none
        chosen = manifest.selected(0).indices
        with pytest.raises(MismatchError, match=rf"1 selected samples are not in it, such as {chosen[3]} "):
            follow(lying, digits.take(np.delete(np.arange(1443), chosen[3])))
        labels = digits.labels.copy()
        labels[chosen[3]] = (labels[chosen[3]] + 1) % 10
        with pytest.raises(MismatchError, match=rf"labels 1 samples .* sample {chosen[3]} "):
            follow(lying, dataclasses.replace(digits, labels=labels))

    def test_a_sample_that_is_not_selected_must_have_its_label_too(self, manifest, digits, gone):
        labels = digits.labels.copy()
        labels[gone[:3]] = (labels[gone[:3]] + 1) % 10
        with pytest.raises(MismatchError, match=rf"labels 3 samples .* sample {gone[0]} "):
            follow(manifest, dataclasses.replace(digits, labels=labels))
