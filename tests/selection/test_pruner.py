"""The Pruner in a loop of plain torch: it selects and presents what `curate train` does, to the same end."""

import dataclasses

import pytest
from helpers.own_loops import Loop
from helpers.sessions import QUICK

import curate
from curate.networks.learner import weights_sha256

pytest_plugins = ["helpers.sessions"]
pytestmark = pytest.mark.usefixtures("one_thread")

RECIPE = dataclasses.replace(QUICK, schedule="constant", augment="none", n_epochs=6)
CASES = {
    "random": {"keep": 0.3},
    "random-partition": {"keep": 0.3},
    "full": {},
    "early-stop": {"keep": 0.4},
    "uncertainty": {"keep": 0.3, "observe": "training"},
    "uncertainty by passes": {"policy": "uncertainty", "keep": 0.3},
    "ema": {"keep": 0.3},
    "ema as published": {"policy": "ema", "keep": 0.3, "warm_up": 0},
    "ucb": {"keep": "0.2:0.6", "period": 2, "options": {"confidence": 2.0}},
    "epsilon-greedy": {"keep": 0.3, "class_floor": 0.5},
    "infobatch": {},
    "a budget of samples": {"policy": "ema", "keep": 0.5, "budget": "samples"},
    "adapt": {"policy": "ema", "keep": 0.5, "adapt": 0.9, "observe": "training"},
    "trust": {"policy": "ema", "keep": 0.5, "trust": 0.9, "observe": "training"},
    "trust by passes": {"policy": "ema", "keep": 0.5, "trust": 0.9, "observe": "evaluation"},
}


def pruner_and_loop(few, case, seed=3, **more):
    """A Pruner of a case with the loop that it is in."""
    asked = {"policy": case, **CASES[case]}
    loop = Loop(few, RECIPE, seed)
    if asked["policy"] == "uncertainty" and "observe" not in asked:
        asked["observe"] = "evaluation"
    by_passes = asked.get("observe") == "evaluation" or asked.get("warm_up") == 0
    if by_passes:
        guarded = "trust" in asked
        asked["losses"] = loop.losses if guarded else lambda indices: loop.losses(indices)[0]
    return curate.Pruner(few, epochs=RECIPE.n_epochs, seed=seed, **asked, **more), loop


@pytest.mark.parametrize("case", CASES)
def test_it_ends_in_the_weights_and_the_manifest_of_curate_train(few, tmp_path, case):
    pruner, loop = pruner_and_loop(few, case)
    weights = loop.train(pruner)
    manifest = pruner.save(tmp_path / "ours")
    asked = {"policy": case, **CASES[case]}
    theirs = curate.train(
        few, "basic-cnn", **{**asked, "options": {"width": 4, **asked.get("options", {})}},
        hyperparameters=dataclasses.asdict(dataclasses.replace(RECIPE, precision="fp32")),
        test=few, seed=3, device="cpu", output=tmp_path / "theirs",
    )  # fmt: skip
    assert manifest.n_epochs == theirs.manifest.n_epochs
    for epoch in range(pruner.n_epochs):
        one, other = manifest.selected(epoch), theirs.manifest.selected(epoch)
        assert one.indices.tolist() == other.indices.tolist(), epoch
        assert (one.weights is None) == (other.weights is None)
        assert one.weights is None or (one.weights == other.weights).all()
    assert weights == sha_of(few, tmp_path / "theirs")
    for name in ("checkpoints", "samples_seen", "selected", "n_epochs", "keep"):
        assert manifest.header.summary.get(name) == theirs.manifest.header.summary.get(name), name
    assert {*manifest.samples} == {*theirs.manifest.samples}
    for name in ("uid", "label", "row", "n_selected"):
        assert (manifest.samples[name] == theirs.manifest.samples[name]).all()


def sha_of(few, folder):
    """The hash of the weights that a run left."""
    from safetensors.torch import load_file

    learner = Loop(few, RECIPE, 3).learner
    learner.module.load_state_dict(load_file(folder / "model.safetensors"))
    return weights_sha256(learner)
