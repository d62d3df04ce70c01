"""The commands: stdout is data, stderr is talk, errors are one line that names the remedy."""

import json
import os
import re
import shutil

import numpy as np
import pytest
from helpers.commands import Said, assert_error
from PIL import Image

import curate

pytest_plugins = ["helpers.forks"]

COMMANDS = ("embed", "cluster", "score", "select", "train", "replay", "inspect", "compare", "export")


def jpegs(folder, classes=("cat", "dog"), each=12, seed=0):
    chance = np.random.default_rng(seed)
    for name in classes:
        (folder / name).mkdir(parents=True)
        for number in range(each):
            size = (int(chance.integers(20, 60)), int(chance.integers(20, 60)), 3)
            Image.fromarray(chance.integers(0, 256, size, dtype=np.uint8)).save(
                folder / name / f"{number}.jpg"
            )
    return folder


def test_the_whole_way(cli, here):
    assert cli("embed", "digits", "--dim", "8").last == "digits-pca.safetensors"
    assert cli("cluster", "digits-pca.safetensors", "-k", "10").last == "digits-pca-k10.parquet"
    said = cli("select", "digits-pca-k10.parquet", "--strategy", "closest", "--keep", "0.1")
    assert said.last == "digits-pca-k10-closest-0.1"
    assert "kept 144 of 1,443 samples (10.0%)" in said.err
    said = cli("replay", said.last, "--epochs", "1", "--trials", "2", "--against", "random")
    assert said.code == 0
    for words in ("test accuracy", "±", "median", "worst class", "samples seen", "seconds selecting", "95%"):
        assert words in said.out
    said = cli("train", "digits", "--epochs", "1", "-o", "run")
    assert said.last == "run"
    assert (here / "run" / "model.safetensors").is_file()


def test_cluster_selects_in_the_same_step(cli, here, digits_round):
    said = cli(
        "cluster", digits_round.embedding, "-k", 12, "--strategy", "furthest", "--keep", 100, "-o", "m.1"
    )
    assert said.last == "m.1"
    assert (here / "m.1.parquet").is_file()
    assert len(curate.open_manifest(here / "m.1").selected(0).indices) == 100


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_every_command_has_an_example_and_explains_every_option(cli, name):
    said = cli(name, "--help")
    assert said.code == 0
    assert f"curate {name}" in said.out
    options = re.findall(r"^  -[-\w, ]*", said.out, re.MULTILINE)
    assert len(options) >= 5


def test_help_of_every_method_option_names_what_exists(cli):
    from curate import finder

    for command, kind in (("embed", "embedders"), ("select", "strategies"), ("train", "models")):
        text = " ".join(cli(command, "--help").out.split())
        for name in finder.names(kind):
            assert re.search(rf"\b{name}\b", text), f"{command} --help does not name {name}"


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        ("embed", "embedders"),
        ("score", "scorers"),
        ("select", "strategies"),
        ("train", "models"),
        ("train", "policies"),
    ],
)
def test_help_names_every_option_of_every_method(cli, command, kind):
    from curate import finder

    text = cli(command, "--help").out
    for name in finder.names(kind):
        for option in finder.option_names(finder.load(kind, name)):
            assert f"{option}=" in text, f"{command} --help does not name {option} of {name}"


@pytest.mark.parametrize(
    "words",
    [
        ["embed", "digits", "--dim", "4", "-o", "x.safetensors"],
        ["cluster", "{embedding}", "-o", "x.parquet"],
        ["select", "{table}", "-o", "x"],
        ["train", "digits", "--epochs", "1", "-o", "x"],
        ["replay", "{manifest}", "--epochs", "1", "--trials", "1"],
        ["inspect", "{manifest}"],
        ["inspect", "digits"],
    ],
)
def test_json_is_one_object_on_stdout(cli, here, digits_round, words):
    said = cli(*[word.format(**digits_round.__dict__) for word in words], "--json")
    assert said.code == 0
    found = json.loads(said.out)
    if "-o" in words:
        assert found["path"] == words[-1]
        assert found["sha256"]


@pytest.mark.parametrize(("words", "message"), [
    (["emebd", "digits"], r"there is no command 'emebd': did you mean embed\b"),
    (["embed"], "Missing argument 'DATASET'"),
    (["embed", "digits", "--methd", "pca"], "No such option"),
    (["embed", "digist"], r"there is no dataset 'digist'.*did you mean digits\b"),
    (["embed", "digits", "--method", "pac"], r"no embedding method called 'pac': did you mean pca\b"),
    (["embed", "digits", "--set", "whitten=1"], r"has no option 'whitten': did you mean whiten\b"),
    (["embed", "digits", "--set", "whiten"], r"--set whiten is not NAME=VALUE: write --set whiten=value"),
    (["embed", "digits", "--set", "whiten=maybe"], "whiten=maybe does not fit embedding method pca"),
    (["embed", "digits", "--dim", "0"], "dim=0 is too small"),
    (["embed", "digits", "--split", "tset"], "split=tset is unknown: use train, val, test or all"),
    (["embed", "digits", "-o", "no/such/folder.safetensors"], "the folder no/such does not exist"),
    (["cluster", "nothing.safetensors"], "there is no embedding nothing.safetensors"),
    (["cluster", "{embedding}", "-k", "2000"], r"k=2000 is out of range: .* 1,443 samples, use 1 to 1,443"),
    (["cluster", "{embedding}", "-k", "0"], "k=0 is out of range"),
    (["cluster", "{embedding}", "--set", "a=1"], "--keep, --class-floor and --set are for the selection"),
    (["select", "{table}", "--keep", "1.3"], "keep=1.3 is not a fraction: use 0 < keep <= 1"),
    (["select", "{table}", "--keep", "0"], "keep=0 is not a fraction"),
    (["select", "{table}", "--keep", "5000"], "keep=5000 is more than the 1,443 samples there are"),
    (["select", "{table}", "--strategy", "closset"], r"no strategy called 'closset': did you mean closest\b"),
    (["select", "{table}", "--class-floor", "2"], "class-floor=2.0 is not a share"),
    (["select", "{embedding}"], "is an embedding, not a table"),
    (["train", "digits", "--model", "lenet55"], "no model called 'lenet55': did you mean lenet5"),
    (["train", "digits", "--epochs", "0"], "epochs=0 is out of range: use 1 or more"),
    (["train", "digits", "--policy", "recorded"], "policy recorded needs a manifest"),
    (["train", "digits", "--evaluate-every", "-1"], "evaluate-every=-1 is too small"),
    (["replay", "{table}"], "is not a manifest folder"),
    (["replay", "nowhere"], "nowhere does not exist"),
    (["replay", "{manifest}", "--split", "test"], "is not the dataset of"),
    (["embed", "digits", "--label-column", "y"], "digits has no columns"),
    (["embed", "digits", "--device", "cuda"], "device=cuda does not fit: pca computes on the CPU"),
    (["embed", ""], "the dataset has no name"),
    (["cluster", "{embedding}", "--keep", "0.3"], "are for the selection: name a --strategy"),
    (
            ["cluster", "{embedding}", "--strategy", "top", "-o", "m.parquet"],
            "names the manifest's folder",
        ),
        (["cluster", "{embedding}", "--strategy", "furthst"], r"no strategy called 'furthst'"),
    (["cluster", "{embedding}", "--strategy", "top", "--keep", "9999"], "keep=9999 is more than"),
    (["select", "{manifest}"], "is a manifest, not a table"),
    (["replay", "{manifest}", "--lr", "-1"], "lr=-1.0 is out of range"),
    (["embed", "digits", "--method", "autoencoder", "--set", "lr=-1"], "lr=-1.0 is out of range"),
    (["inspect", "nowhere.parquet"], r"there is no dataset 'nowhere.parquet'"),
    (["inspect", "digits", "--sheet", "x.png"], "digits has no clusters to draw"),
    (["inspect", "{table}", "--sheet", "x.docx"], "is not a picture"),
    (["inspect", "{table}", "--sheet", "x.png", "--split", "test"], "do not belong together"),
])  # fmt: skip
def test_errors_are_one_line_with_the_value_and_the_remedy(cli, here, digits_round, words, message):
    assert_error(cli(*[word.format(**digits_round.__dict__) for word in words]), message)
    assert list(here.iterdir()) == []


def test_debug_shows_a_traceback(process, here):
    said = process("embed", "digits", "--method", "pac", "--debug")
    assert said.code != 0
    assert "Traceback" in said.err
    assert "CurateError" in said.err


def test_an_output_that_exists_is_kept_unless_forced(cli, here):
    cli("embed", "digits", "--dim", "4", "-o", "e.safetensors")
    before = (here / "e.safetensors").read_bytes()
    assert_error(
        cli("embed", "digits", "--dim", "5", "-o", "e.safetensors"), "exists: use --force to replace"
    )
    assert (here / "e.safetensors").read_bytes() == before
    assert cli("embed", "digits", "--dim", "5", "-o", "e.safetensors", "--force").code == 0
    assert (here / "e.safetensors").read_bytes() != before


def test_a_test_set_of_other_classes_or_sizes_is_refused_before_training(cli, here, digits_round):
    chance = np.random.default_rng(0)
    for name, side, top in (("small.npz", 5, 10), ("other.npz", 8, 12)):
        labels = np.arange(24) % top
        np.savez(here / name, x=chance.integers(0, 256, (24, side, side), dtype=np.uint8), y=labels)
    words = ("replay", digits_round.manifest, "--epochs", 1, "--trials", 1, "--test")
    assert_error(
        cli(*words, "small.npz"), r"small.npz are 5 x 5 pixels, those of digits 8 x 8: .*--image-size"
    )
    assert_error(cli(*words, "other.npz"), r"other.npz has a class '10' that digits has not")


def test_a_selection_that_cannot_work_is_refused_before_clustering(cli, here, digits_round):
    words = ("cluster", digits_round.embedding, "-k", 5, "--strategy", "top")
    assert_error(cli(*words, "--keep", "7", "--class-floor", "3"), "class-floor=3.0 is not a share")
    assert list(here.iterdir()) == []
    assert cli(*words, "--keep", "7").code == 0


@pytest.mark.parametrize("more", [[], ["--strategy", "top", "--keep", 9]], ids=["cluster", "and select"])
def test_every_option_of_cluster_reaches_the_clustering(cli, here, digits_round, more):
    words = ["cluster", digits_round.embedding, "-k", 7, "--iterations", 3, "--init", "kmeans++"]
    words += ["--relocate", 2, "--seed", 5]
    assert cli(*words, "--spherical", *more).code == 0
    header = curate.open_table(here / "digits-k7.parquet").header
    given = {"k": 7, "spherical": True, "iterations": 3, "init": "kmeans++", "relocate": 2}
    assert header["options"] == given
    assert header["seed"] == 5
    assert_error(cli(*words[:4], "--init", "kmean", "-o", "x.parquet"), "there is no init 'kmean'")


def test_skipping_corrupt_images_repeats_byte_for_byte(cli, here):
    jpegs(here / "photos")
    (here / "photos" / "dog" / "1.png").write_bytes(b"no image at all")
    for name in ("one", "two"):
        words = ("--image-size", 8, "--split", "all", "--skip-corrupt", "--dim", 2)
        assert cli("embed", "photos", *words, "-o", f"{name}.safetensors").code == 0
    assert (here / "one.safetensors").read_bytes() == (here / "two.safetensors").read_bytes()


def test_a_fault_of_curate_is_one_line_too(cli, here, monkeypatch):
    monkeypatch.setattr("curate.verbs.embed.make_header", lambda *_, **__: 1 / 0)
    said = cli("embed", "digits")
    assert said.code == 1
    assert "error: unexpected ZeroDivisionError (division by zero): --debug shows where" in said.err
    assert "Traceback" not in said.err


def test_jpegs_of_different_sizes(cli, here):
    jpegs(here / "photos")
    assert_error(cli("embed", "photos"), r"differ in size, from .* bring them to one with --image-size 64")
    assert cli("embed", "photos", "--image-size", "16", "--split", "all").code == 0
    said = cli(
        "cluster", "photos-pca.safetensors", "-k", "3", "--strategy", "hybrid", "--keep", "10", "-o", "m"
    )
    assert said.last == "m"
    said = cli("inspect", "m", "--sheet", "sheet.png")
    assert said.last == "sheet.png"
    with Image.open(here / "sheet.png") as sheet:
        assert sheet.width > 16 * 40
        assert sheet.height > 3 * 40


def test_a_corrupt_image_is_named_or_skipped(cli, here):
    jpegs(here / "photos")
    (here / "photos" / "cat" / "3.jpg").write_bytes(b"\xff\xd8\xff but no image")
    words = ("embed", "photos", "--image-size", "8", "--split", "all", "--dim", "3")
    assert_error(cli(*words), r"photos/cat/3.jpg is not a readable image .*--skip-corrupt")
    said = cli(*words, "--skip-corrupt")
    assert said.code == 0
    assert "skipped photos/cat/3.jpg" in said.err
    assert "23 vectors of 3 numbers" in said.err
    manifest = cli("cluster", said.last, "-k", 2, "--strategy", "random", "--keep", 0.5, "-o", "m")
    assert manifest.code == 0
    assert cli("replay", "m", "--epochs", 1, "--trials", 1, "--test", "photos").code == 0


def test_npz_the_whole_way(cli, here):
    chance = np.random.default_rng(0)
    arrays = {
        "x_train": chance.integers(0, 256, (60, 9, 9), dtype=np.uint8),
        "y_train": chance.integers(0, 3, 60),
        "x_test": chance.integers(0, 256, (12, 9, 9), dtype=np.uint8),
        "y_test": chance.integers(0, 3, 12),
    }
    np.savez(here / "a.npz", **arrays)
    assert cli("embed", "a.npz", "--dim", 5).code == 0
    assert (
        cli("cluster", "a-pca.safetensors", "-k", 4, "--strategy", "top", "--keep", 20, "-o", "m").code == 0
    )
    said = cli("replay", "m", "--epochs", 1, "--trials", 1, "--json")
    assert json.loads(said.out)["runs"][0]["trials"][0]["samples_seen"] == 20


def test_external_vectors_cluster_and_select(cli, here):
    np.save(here / "text.npy", np.random.default_rng(0).normal(size=(90, 6)))
    said = cli(
        "cluster", "text.npy", "-k", 5, "--spherical", "--strategy", "closest", "--keep", 30, "-o", "m"
    )
    assert said.last == "m"
    assert len(curate.open_manifest(here / "m").selected(0).indices) == 30
    assert_error(cli("replay", "m"), "made from vectors alone")


@pytest.mark.parametrize("width", [40, 60, 200])
def test_tables_and_charts_fit_the_terminal(process, digits_round, width):
    said = process("inspect", digits_round.manifest, COLUMNS=str(width))
    assert said.code == 0
    bars = [line for line in said.out.splitlines() if "█" in line]
    assert len(bars) > 10
    assert max(len(line) for line in bars) <= width


def test_output_without_unicode_and_colour(process, digits_round):
    said = process("inspect", digits_round.table, PYTHONIOENCODING="ascii", PYTHONUTF8="0", NO_COLOR="1")
    assert said.code == 0
    assert "####" in said.out
    assert "\x1b" not in said.out


def test_replay_prints_to_a_narrow_ascii_terminal(forks, digits_round, here):
    words = ["replay", digits_round.manifest, "--epochs", 1, "--trials", 2, "--against", "full,random"]
    ascii = "import sys\nfor stream in (sys.stdout, sys.stderr):\n    stream.reconfigure(encoding='ascii')"
    done = forks.run(words, here, {**os.environ, "COLUMNS": "40"}, ascii)
    said = Said(done.returncode, done.stdout, done.stderr)
    assert said.code == 0, said.err
    assert len(re.findall(r"^  test accuracy: [\d.]+% \+- [\d.]+$", said.out, re.MULTILINE)) == 3
    assert len(re.findall(r"^  95% interval: [-+\d.]+ to [-+\d.]+$", said.out, re.MULTILINE)) == 2
    assert "?" not in said.out


def test_inspect_reads_every_kind(cli, here, digits_round, tmp_path):
    facts = {
        "digits": [
            "1,443 (train split)",
            "8 x 8 pixels, grey",
            "samples per class",
            "copies of an earlier one",
        ],
        digits_round.embedding: ["1,443 of 16 float32 numbers", "explained variance", "first 10"],
        digits_round.table: [
            "12 (0 empty",
            "objective",
            "cluster sizes",
            "distance (Euclidean), high is hard",
        ],
        digits_round.manifest: [
            "433 of 1,443 samples (30.0%)",
            "kept per class",
            "kept per cluster",
            "ranked",
        ],
    }
    for target, words in facts.items():
        said = cli("inspect", target)
        assert said.code == 0
        for word in words:
            assert word in said.out, (target, word)


def test_inspect_says_what_a_copy_of_a_session_is_without(cli, here, digits_session):
    shutil.copytree(digits_session, here / "run")
    assert "not here" not in cli("inspect", "run").out
    (here / "run" / "model.safetensors").unlink()
    facts = dict(json.loads(cli("inspect", "run", "--json").out)["facts"])
    assert facts["not here"] == "model.safetensors: a copy can be without"


def test_inspect_counts_duplicates(cli, here):
    images = np.zeros((6, 4, 4), np.uint8)
    images[4:] = np.arange(2, dtype=np.uint8)[:, None, None] + 1
    np.savez(here / "d.npz", x=images, y=np.array([0, 0, 1, 1, 0, 1]))
    said = cli("inspect", "d.npz", "--split", "all")
    assert "3 samples are copies of an earlier one" in said.out


def test_inspect_shows_the_kept_share_it_says(cli, digits_round):
    found = json.loads(cli("inspect", digits_round.manifest, "--json").out)
    chart = next(c for c in found["charts"] if c["title"] == "kept per class")
    manifest = curate.open_manifest(digits_round.manifest)
    kept = manifest.samples["n_selected"] > 0
    for label, bar in enumerate(chart["bars"]):
        assert bar["value"] == pytest.approx(kept[manifest.samples["label"] == label].mean())


def test_a_manifest_of_another_dataset_names_samples(cli, here, digits_round):
    chance = np.random.default_rng(0)
    np.savez(
        here / "o.npz", x=chance.integers(0, 256, (50, 8, 8), dtype=np.uint8), y=chance.integers(0, 10, 50)
    )
    said = cli("replay", digits_round.manifest, "--data", "o.npz")
    assert_error(said, r"433 selected samples are not in it, such as \d+ \(uid [0-9a-f]{16}\)")


def test_damage_is_an_error_on_the_command_line(cli, here, digits_round):
    shutil.copytree(digits_round.manifest, here / "m")
    file = here / "m" / "selection.parquet"
    good = file.read_bytes()
    file.write_bytes(good[:50] + bytes([good[50] ^ 1]) + good[51:])
    assert_error(
        cli("replay", "m"), r"selection.parquet is damaged: its sha256 is not the one in manifest.json"
    )
