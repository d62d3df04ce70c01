"""replay: exact reproduction, controls, and what happens with other data."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from helpers.commands import Noted, assert_error
from helpers.trained import QUICK, sha_of_saved
from PIL import Image

import curate
from curate import finder
from curate.errors import CurateError
from curate.selection.observer import Observer


@pytest.fixture(scope="module")
def few():
    """240 samples for training and 60 for testing, in memory."""
    return curate.open_dataset("digits").take(np.arange(240)), curate.open_dataset("digits").take(
        np.arange(240, 300)
    )


def session(few, folder, name, sources, **more):
    """A short session of any policy on a few digits, with a network small enough for a test."""
    train, test = few
    wanted = finder.option_names(finder.load("policies", name))
    source = next((path for option, path in sources.items() if option in wanted), None)
    keep = {} if finder.load("policies", name).sizing == "own" else {"keep": 0.4}
    shared = {
        "hyperparameters": {"n_epochs": 5, "augment": "crop-flip"},
        "options": {"width": 4},
        "test": test,
    }
    return curate.train(train, policy=name, from_=source, output=folder, seed=7, **{**shared, **keep, **more})


@pytest.fixture(scope="module")
def sources(few, tmp_path_factory):
    """What policies build on: a table of scores, and an earlier session with groups."""
    folder = tmp_path_factory.mktemp("sources")
    embedding = curate.embed(few[0], dim=8, output=folder / "e.safetensors")
    table = curate.cluster(embedding, 6, output=folder / "c.parquet")
    recipe = {"n_epochs": 10, "augment": "crop-flip"}  # checkpoints enough for groups
    earlier = session(few, folder / "earlier", "ucb", {}, hyperparameters=recipe)
    return {"scores": table.path, "manifest": earlier.manifest.path}


@pytest.mark.parametrize("name", finder.names("policies"))
def test_replay_of_a_session_ends_in_the_same_weights_without_selecting(
    name, few, sources, tmp_path, monkeypatch
):
    made = session(few, tmp_path / "run", name, sources)
    monkeypatch.setattr(Observer, "losses", None)  # a replay that looks at a loss fails
    outcome = curate.replay(made.manifest, few[0], test=few[1], trials=1)
    assert outcome.runs[0].trials[0].weights_sha256 == sha_of_saved(tmp_path / "run" / "model.safetensors")
    assert outcome.runs[0].trials[0].samples_seen == made.epochs[-1].samples_seen
    again = session(few, tmp_path / "again", "recorded", {"manifest": made.manifest.path}, **_epochs(made))
    assert sha_of_saved(tmp_path / "again" / "model.safetensors") == (
        sha_of_saved(tmp_path / "run" / "model.safetensors")
    )
    assert again.manifest.n_epochs == made.manifest.n_epochs


def _epochs(made):
    return {"hyperparameters": made.manifest.header.options["recipe"]}


def test_a_session_is_transferred_to_another_model_and_seed(few, sources):
    outcome = curate.replay(
        sources["manifest"], few[0], test=few[1], model="lenet5", seed=3, trials=2, against=["random"]
    )
    assert outcome.hyperparameters.n_epochs == 10  # as many as were recorded, not lenet5's own number
    assert [trial.seed for trial in outcome.runs[0].trials] == [3, 4]
    assert [run.trials[0].samples_seen for run in outcome.runs] == [960, 960]


def test_freezing_trains_on_the_last_selection_throughout(few, sources, tmp_path):
    last = curate.open_manifest(sources["manifest"]).selected(9).indices
    outcome = curate.replay(
        sources["manifest"], few[0], test=few[1], trials=1, freeze="last", hyperparameters={"n_epochs": 7}
    )
    assert outcome.runs[0].trials[0].samples_seen == 7 * len(last)
    frozen = session(
        few, tmp_path / "frozen", "recorded", sources, options={"width": 4, "freeze": "last"},
        hyperparameters={"n_epochs": 7, "augment": "crop-flip"},
    )  # fmt: skip
    assert frozen.manifest.is_static
    assert frozen.manifest.selected(0).indices.tolist() == last.tolist()
    assert outcome.runs[0].trials[0].weights_sha256 == sha_of_saved(tmp_path / "frozen" / "model.safetensors")


def test_replay_of_a_training_run_ends_in_the_same_weights(trained):
    outcome = curate.replay(trained.manifest, trials=1)
    assert outcome.model == "basic-cnn"
    trial = outcome.runs[0].trials[0]
    assert trial.seed == 3
    assert trial.accuracy == trained.epochs[-1].test_accuracy
    assert trial.weights_sha256 == sha_of_saved(trained.manifest.path / "model.safetensors")


def test_a_reordered_and_extended_copy_replays_to_the_same_weights(digits_round, digits):
    copy = digits.take(np.r_[np.random.default_rng(1).permutation(1443), 4, 4])
    test = curate.open_dataset("digits", curate.Options(split="test"))
    one, other = (
        curate.replay(digits_round.manifest, data, test=test, hyperparameters=QUICK, trials=1)
        .runs[0]
        .trials[0]
        for data in (digits, copy)
    )
    assert one.weights_sha256 == other.weights_sha256
    assert one.accuracy == other.accuracy


def test_controls_train_on_the_same_seeds_and_budgets(digits_round):
    outcome = curate.replay(
        digits_round.manifest, hyperparameters={"n_epochs": 1}, trials=2, against=["full", "random"]
    )
    assert [run.name for run in outcome.runs] == ["manifest", "full", "random"]
    for run in outcome.runs:
        assert [trial.seed for trial in run.trials] == [0, 1]
    seen = [run.trials[0].samples_seen for run in outcome.runs]
    assert seen == [433, 1443, 433]
    plain = json.loads(json.dumps(outcome.as_dict()))
    ours, full = (np.array([t["accuracy"] for t in plain["runs"][i]["trials"]]) for i in (0, 1))
    assert plain["runs"][1]["manifest_minus_this"]["mean"] == pytest.approx((ours - full).mean())
    assert len({trial.weights_sha256 for run in outcome.runs for trial in run.trials}) == 6


@pytest.fixture(scope="module")
def selected(few, tmp_path_factory):
    """A static manifest of a score of the trace of a run of seed 4, with a network of width 1."""
    folder = tmp_path_factory.mktemp("selected")
    made = curate.train(
        few[0], trace=True, seed=4, test=few[1], hyperparameters={"n_epochs": 2}, options={"width": 1},
        output=folder / "run",
    )  # fmt: skip
    table = curate.score(few[0], "aum", trace=made.manifest.path, output=folder / "s.parquet")
    return curate.select(table, "top", keep=0.5, output=folder / "m")


def replayed(manifest, few, **more):
    """The seeds of the trials of a replay, and what was said."""
    noted = Noted()
    shared = {"test": few[1], "hyperparameters": {"n_epochs": 1}, "trials": 2, "progress": noted}
    outcome = curate.replay(manifest, few[0], **{**shared, **more})
    return [trial.seed for trial in outcome.runs[0].trials], " ".join(noted.notes), outcome


def test_what_judges_a_selection_shares_no_seed_with_the_run_behind_it(selected, few):
    seeds, said, _ = replayed(selected, few)
    assert seeds == [5, 6]
    assert "was that of a training run" not in said
    seeds, said, _ = replayed(selected, few, seed=3)
    assert seeds == [3, 4]
    assert "seed 4 was that of a training run behind this manifest" in said
    assert "leave out --seed" in said
    assert "was that of a training run" not in replayed(selected, few, seed=0)[1]


def test_a_selection_by_scores_of_their_own_streams_is_judged_from_seed_0_on(few, tmp_path):
    table = curate.score(few[0], "el2n", models=1, options={"width": 1}, output=tmp_path / "s")
    made = curate.select(table, "top", keep=0.5, output=tmp_path / "m")
    assert replayed(made, few)[0] == [0, 1]


def test_a_session_built_on_another_of_its_seed_is_followed_without_a_word_on_that(few, sources, tmp_path):
    made = session(few, tmp_path / "built", "always-random", sources)
    seeds, said, _ = replayed(made.manifest, few, hyperparameters={"n_epochs": 5}, trials=1)
    assert seeds == [7]
    assert "was that of a training run" not in said


def test_a_replay_says_in_what_it_differs_from_the_selection(selected, few, digits_round, cli):
    assert replayed(selected, few)[2].differs_in == []
    assert replayed(selected, few, model="lenet5")[2].differs_in == ["model lenet5, selected by basic-cnn"]
    result = cli("replay", digits_round.manifest, "--epochs", 1, "--trials", 1, "--image-size", 12)
    assert result.code == 0, result.err
    assert "unlike the selection: image size 12, selected at as in the data" in result.out
    plain = cli("replay", digits_round.manifest, "--epochs", 1, "--trials", 1)
    assert "unlike the selection" not in plain.out


@pytest.mark.slow
def test_side_by_side_gives_the_same_runs_as_one_after_another(digits_round, set_threads):
    set_threads(1)
    shared = {"hyperparameters": QUICK, "trials": 2, "against": ["random"]}
    one = curate.replay(digits_round.manifest, output="one.parquet", **shared)
    two = curate.replay(digits_round.manifest, output="two.parquet", jobs=2, **shared)
    assert two.n_found == 0
    for run, other in zip(one.runs, two.runs, strict=True):
        assert [t.weights_sha256 for t in run.trials] == [t.weights_sha256 for t in other.trials]


OWN = """
import sys
import torch
import curate

class Net(torch.nn.Module):
    def __init__(self, n_channels, n_classes):
        super().__init__()
        self.body = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64 * n_channels, n_classes))

    def forward(self, x):
        return self.body(x)

def run(folder, jobs):
    how = {"n_epochs": 1, "lr": 0.01, "batch_size": 64}
    kept = f"{jobs}.parquet"
    result = curate.replay(folder, model=Net, trials=2, jobs=jobs, hyperparameters=how, output=kept)
    return [trial.weights_sha256 for trial in result.runs[0].trials]
"""


@pytest.mark.slow
def test_a_network_of_a_script_is_trained_in_other_processes_as_well(digits_round, here):
    guarded = """
if __name__ == "__main__":
    torch.set_num_threads(2)
    several = run(sys.argv[1], 2)
    torch.set_num_threads(1)
    assert several == run(sys.argv[1], 1)
"""
    (here / "guarded.py").write_text(OWN + guarded)
    subprocess.run([sys.executable, "guarded.py", digits_round.manifest], check=True, timeout=120)
    (here / "2.parquet").unlink()
    (here / "unguarded.py").write_text(OWN + "run(sys.argv[1], 2)")
    words = [sys.executable, "unguarded.py", digits_round.manifest]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert 'what runs in it belongs under `if __name__ == "__main__":`' in done.stderr.splitlines()[-1]


def test_side_by_side_needs_images_in_memory(tmp_path):

    for number in range(30):
        folder = tmp_path / "photos" / ("cat" if number % 2 else "dog")
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 8, 3), number * 8, np.uint8)).save(folder / f"{number}.png")
    opening = curate.Options(split="all", stream=True)
    photos = str(tmp_path / "photos")
    made = curate.train(photos, hyperparameters=QUICK, opening=opening, test=photos, output=tmp_path / "run")
    with pytest.raises(CurateError, match=r"jobs=2 needs the images in memory: leave out --stream"):
        curate.replay(made.manifest, opening=curate.Options(stream=True), jobs=2)
    again = curate.replay(made.manifest, trials=1)  # resident, on the recorded test set: the same bits
    assert again.runs[0].trials[0].accuracy == made.epochs[-1].test_accuracy
    assert again.runs[0].trials[0].weights_sha256 == sha_of_saved(tmp_path / "run" / "model.safetensors")


def test_a_dynamic_manifest_runs_out_of_epochs(tmp_path, digits):
    from curate.artifacts.header import make_header
    from curate.manifests.manifest import Selected, write_manifest

    header = make_header("manifest", "train", {}, seed=0, dataset=digits.header())
    samples = {"index": np.arange(1443), "uid": digits.uids, "label": digits.labels}
    epochs = [Selected(np.arange(40)), Selected(np.arange(40, 90))]
    manifest = write_manifest(tmp_path / "m", header, epochs, samples)
    outcome = curate.replay(manifest, hyperparameters={"n_epochs": 2}, trials=1)
    assert outcome.runs[0].trials[0].samples_seen == 90
    with pytest.raises(CurateError, match=r"records 2 epochs, this run has 3: use --epochs 2 or fewer"):
        curate.replay(manifest, hyperparameters={"n_epochs": 3}, trials=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"trials": 0}, "trials=0 is too few"),
        ({"jobs": 0}, "jobs=0 is too few"),
        ({"against": ["ful"]}, r"there is no control 'ful': did you mean full\?"),
        ({"model": "resnet"}, "there is no model called 'resnet': did you mean resnet"),
        ({"device": "gpu7"}, "device=gpu7 is unknown"),
    ],
)
def test_wrong_options_are_refused_before_training(digits_round, options, message):
    with pytest.raises(CurateError, match=message):
        curate.replay(digits_round.manifest, **options)


def test_replay_without_a_test_set_says_how_to_name_one(digits_round, tmp_path):
    everything = curate.Options(split="all")
    embedding = curate.embed("digits", dim=4, opening=everything, output=tmp_path / "e.safetensors")
    table = curate.cluster(embedding, 5, output=tmp_path / "c.parquet")
    manifest = curate.select(table, keep=50, output=tmp_path / "m")
    with pytest.raises(CurateError, match="digits has no test set to replay against: name one with --test"):
        curate.replay(manifest)
    outcome = curate.replay(manifest, test="digits", hyperparameters={"n_epochs": 1}, trials=1)
    assert outcome.runs[0].trials[0].samples_seen == 50


def test_a_manifest_of_another_dataset_names_samples(cli, here, digits_round):
    chance = np.random.default_rng(0)
    np.savez(
        here / "o.npz", x=chance.integers(0, 256, (50, 8, 8), dtype=np.uint8), y=chance.integers(0, 10, 50)
    )
    result = cli("replay", digits_round.manifest, "--data", "o.npz")
    assert_error(result, r"433 selected samples are not in it, such as \d+ \(uid [0-9a-f]{16}\)")


def test_damage_is_an_error_on_the_command_line(cli, here, digits_round):
    shutil.copytree(digits_round.manifest, here / "m")
    file = here / "m" / "selection.parquet"
    good = file.read_bytes()
    file.write_bytes(good[:50] + bytes([good[50] ^ 1]) + good[51:])
    assert_error(
        cli("replay", "m"), r"selection.parquet is damaged: its sha256 is not the one in manifest.json"
    )


def test_a_control_that_was_not_run_is_named(digits_round, tmp_path):
    result = curate.replay(
        digits_round.manifest,
        trials=1,
        hyperparameters={"epochs": 1},
        against=["random"],
        output=tmp_path / "one.parquet",
    )
    with pytest.raises(CurateError, match=r"full was not run beside the manifest.*controls: random.*name it"):
        result.difference("full")
