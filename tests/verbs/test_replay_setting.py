"""What a replay takes from its manifest: the length of a session, its hyperparameters, its model by name."""

from dataclasses import replace

import pytest

import curate
from curate.errors import CurateError
from curate.manifests.manifest import Manifest
from curate.verbs.hyperparameters import hyperparameters_for
from curate.verbs.replay_setting import (
    check_in_replay,
    differences,
    first_seed_for,
    model_for,
    overrides_in_replay,
    recorded_hyperparameters,
)


def hyperparameters_in_replay(model, own, given, manifest, freeze):
    """The hyperparameters of a replay, looked at as it does."""
    chosen = hyperparameters_for(model, overrides_in_replay(own, given, manifest, freeze))
    check_in_replay(chosen, manifest, freeze)
    return chosen


@pytest.fixture
def dynamic(digits_session) -> Manifest:
    """A session of 10 epochs under ucb, of seed 0."""
    return curate.open_manifest(digits_session)


@pytest.fixture
def static(digits_round) -> Manifest:
    return curate.open_manifest(digits_round.manifest)


def test_a_session_says_how_many_epochs_there_are_for_any_model(dynamic, static):
    assert hyperparameters_in_replay("lenet5", {}, None, dynamic, "").n_epochs == 10
    assert hyperparameters_in_replay("lenet5", {}, {"n_epochs": 4}, dynamic, "").n_epochs == 4
    assert hyperparameters_in_replay("lenet5", {}, {"n_epochs": 40}, dynamic, "last").n_epochs == 40
    assert hyperparameters_in_replay("lenet5", {}, {"n_epochs": 40}, static, "").n_epochs == 40


def test_what_cannot_be_frozen_or_followed_is_refused(dynamic, static):
    with pytest.raises(CurateError, match="is static, there is nothing to freeze: leave out --freeze"):
        hyperparameters_in_replay("lenet5", {}, None, static, "last")
    with pytest.raises(CurateError, match="freeze=first is unknown: use last"):
        hyperparameters_in_replay("lenet5", {}, None, dynamic, "first")
    with pytest.raises(
        CurateError, match=r"records 10 epochs, this run has 11: use --epochs 10 or fewer, or --f"
    ):
        hyperparameters_in_replay("lenet5", {}, {"n_epochs": 11}, dynamic, "")


def changed(manifest: Manifest, **options: object) -> Manifest:
    """The manifest with other options in its header."""
    return replace(manifest, header=replace(manifest.header, options={**manifest.header.options, **options}))


def test_hyperparameters_are_those_of_the_session(dynamic):
    assert recorded_hyperparameters(dynamic) == dynamic.header.options["recipe"]
    earlier = {**dynamic.header.options["recipe"]}
    del earlier["precision"]  # there was a time before it could be chosen
    assert recorded_hyperparameters(changed(dynamic, recipe=earlier))["precision"] == "fp32"


def test_a_model_of_elsewhere_is_not_followed_by_its_name(dynamic):
    assert model_for(dynamic, "lenet5", None) == "lenet5"
    assert model_for(dynamic, None, None) is None
    assert model_for(dynamic, "net.py:Net", "lenet5") == "lenet5"
    with pytest.raises(CurateError, match="a name in a manifest is not followed: name the model yourself"):
        model_for(dynamic, "net.py:Net", None)


def test_the_first_seed_is_that_of_the_session_and_of_a_subset_0(dynamic, static):
    assert first_seed_for(dynamic) == dynamic.header.seed
    assert first_seed_for(static) == 0


def test_another_start_is_a_difference(dynamic, digits):
    assert differences(dynamic, "basic-cnn", digits, None) == []
    began = changed(dynamic, start={"weights": "w.pth", "digest": "0f"})
    assert differences(began, "basic-cnn", digits, None) == ["weights that it starts from"]
    assert differences(began, "lenet5", digits, None)[0] == "model lenet5, selected by basic-cnn"
