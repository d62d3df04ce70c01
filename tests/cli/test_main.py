"""The command line: stdout is data, stderr is talk, errors are one line that names the remedy."""

import json
import os
import re
from dataclasses import replace

import numpy as np
import pytest
from helpers.commands import assert_error
from helpers.pictures import jpegs
from helpers.results import ROW
from PIL import Image

from curate.artifacts.results import add_results

pytest_plugins = ["helpers.forks"]


def test_the_whole_way(cli, here):
    assert cli("embed", "digits", "--dim", "8").last == "digits-pca-8d.safetensors"
    assert cli("cluster", "digits-pca-8d.safetensors", "-k", "10").last == "digits-pca-8d-k10.parquet"
    result = cli("select", "digits-pca-8d-k10.parquet", "--strategy", "closest", "--keep", "0.1")
    assert result.last == "digits-pca-8d-k10-closest-0.1"
    assert "kept 144 of 1,443 samples (10.0%)" in result.err
    result = cli("replay", result.last, "--epochs", "1", "--trials", "2", "--against", "random")
    assert result.code == 0
    for words in ("test accuracy", "±", "median", "worst class", "samples seen", "seconds selecting", "95%"):
        assert words in result.out
    result = cli("train", "digits", "--epochs", "1", "-o", "run")
    assert result.last == "run"
    assert (here / "run" / "model.safetensors").is_file()


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
    result = cli(*[word.format(**digits_round.__dict__) for word in words], "--json")
    assert result.code == 0
    outcome = json.loads(result.out)
    if "-o" in words:
        assert outcome["path"] == words[-1]
        assert outcome["sha256"]


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
    (["cluster", "{embedding}", "--set", "a=1"], "strategy furthest has no option 'a'"),
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
    (["cluster", "{embedding}", "--keep", "abc"], "keep=abc is not a number"),
    (["cluster", "{table}"], "holds clusters, and no vectors: `curate select"),
    (["cluster", "{manifest}"], "holds manifest, and no vectors: `curate replay"),
    (["train", "{table}"], "is no dataset: it is of 'digits', name that"),
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
    (["inspect", "digits", "--samples", "3,x"], "write them as 3,17,200"),
    (["inspect", "{table}", "--sheet", "x.docx"], "is neither a picture nor a page"),
    (["inspect", "{table}", "--sheet", "x.png", "--split", "test"], "do not belong together"),
])  # fmt: skip
def test_errors_are_one_line_with_the_value_and_the_remedy(cli, here, digits_round, words, message):
    assert_error(cli(*[word.format(**digits_round.__dict__) for word in words]), message)
    assert list(here.iterdir()) == []


def test_debug_shows_a_traceback(process, here):
    result = process("embed", "digits", "--method", "pac", "--debug")
    assert result.code != 0
    assert "Traceback" in result.err
    assert "CurateError" in result.err


def test_a_fault_of_curate_is_one_line_too(cli, here, monkeypatch):
    monkeypatch.setattr("curate.verbs.embed.make_header", lambda *_, **__: 1 / 0)
    result = cli("embed", "digits")
    assert result.code == 1
    assert "error: unexpected ZeroDivisionError (division by zero): --debug shows where" in result.err
    assert "Traceback" not in result.err


def test_jpegs_of_different_sizes(cli, here):
    jpegs(here / "photos")
    result = cli("embed", "photos", "--split", "all")
    assert re.search(r"differ in size, from .* all are brought to 32 x 32; --image-size takes", result.err)
    result = cli(
        "cluster", "photos-all-pca.safetensors", "-k", "3", "--strategy", "hybrid", "--keep", "10", "-o", "m"
    )
    assert result.last == "m"
    result = cli("inspect", "m", "--sheet", "sheet.png")
    assert result.last == "sheet.png"
    with Image.open(here / "sheet.png") as sheet:
        assert sheet.width > 16 * 40
        assert sheet.height > 3 * 40


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
        cli("cluster", "a-pca-5d.safetensors", "-k", 4, "--strategy", "top", "--keep", 20, "-o", "m").code
        == 0
    )
    result = cli("replay", "m", "--epochs", 1, "--trials", 1, "--json")
    assert json.loads(result.out)["runs"][0]["trials"][0]["samples_seen"] == 20


def test_a_share_may_be_written_in_percent_and_a_tiny_count_is_said_loudly(cli, digits_round, here):
    made = cli("select", digits_round.table, "--keep", "30%")
    assert made.last == "digits-furthest-0.3"
    assert "\nkept 433 of 1,443" in made.err
    assert made.err.startswith("strategy furthest, the default for clusters\n")
    near = cli("select", digits_round.table, "--strategy", "closest", "--keep", "30%")
    assert near.err.startswith(
        "class 3 keeps 13.0% of its samples, class 5 47.7%; 2 classes keep at most half"
    )
    header = json.loads(cli("inspect", made.last, "--json").out)["header"]
    assert header["options"]["keep"] == "0.3"
    tiny = cli("select", digits_round.table, "--keep", "14")
    assert tiny.err.startswith(
        "strategy furthest, the default for clusters\n"
        "beware: keep=14 is a count, 14 of 1,443 samples (0.97%), fewer than two for each of 10 classes: "
        "for a share say 14% or 0.14\n"
    )
    trained = cli("train", "digits", "--policy", "random", "--keep", "3", "--epochs", "1")
    assert trained.err.count("beware: keep=3 is a count, 3 of 1,443 samples (0.21%)") == 1


def test_curate_alone_prints_its_help(cli):
    alone, asked = cli(), cli("--help")
    assert (alone.code, alone.err) == (0, "")
    assert alone.out.splitlines() == asked.out.splitlines()
    assert "\n  status " in alone.out
    assert cli("help").out == asked.out
    assert cli("help", "export").out == cli("export", "--help").out


def test_a_sheet_or_page_without_a_name_is_named_after_what_it_shows(cli, here, digits_round):
    assert cli("inspect", "digits", "--samples", "3,17").last == "digits-samples-3-17-sheet.png"
    result = cli("inspect", digits_round.manifest, "--html", "--sheet")
    assert result.code == 0, result.err
    sheet, page = f"{digits_round.manifest.name}-sheet.png", f"{digits_round.manifest.name}.html"
    assert result.out.splitlines()[-2:] == [sheet, page]
    assert sorted(path.name for path in here.iterdir()) == sorted(
        ["digits-samples-3-17-sheet.png", sheet, page]
    )


@pytest.mark.parametrize("words", [["--quiet"], ["-q"], ["--log-level", "error"]])
def test_a_quiet_command_says_results_and_errors_alone(cli, here, words):
    said = cli("embed", "digits", "--dim", "2", *words, "-o", "a.safetensors")
    assert (said.code, said.out, said.err) == (0, "a.safetensors\n", "")
    before = cli(*words, "embed", "digits", "--dim", "2", "-o", "b.safetensors")
    assert (before.code, before.err) == (0, "")
    wrong = cli("embed", "digits", *words, "-o", "a.safetensors")
    assert wrong.err == "error: a.safetensors exists: use --force to replace it, or name another output\n"
    loud = cli("embed", "digits", "--dim", "2", "--log-level", "info", "-o", "c.safetensors")
    assert "next: curate cluster c.safetensors" in loud.err


@pytest.mark.parametrize("words", [["--log-level", "debug"], ["--log-level=debug"]])
def test_at_the_level_debug_errors_have_a_traceback(process, words):
    result = process("embed", "digits", "--method", "pac", *words)
    assert "Traceback" in result.err


def test_a_misspelt_path_is_told_what_lies_beside_it(cli, here):
    jpegs(here / "data" / "photos")
    assert_error(cli("inspect", "data/phtos"), r"there is no data/phtos: did you mean data/photos\?")
    assert_error(cli("inspect", "data/nothing"), "there is no dataset 'data/nothing': give a path that")
    assert_error(cli("inspect", "digts"), "there is no dataset 'digts': .* did you mean digits")


def test_an_error_is_an_object_where_objects_are_asked_for(cli):
    result = cli("inspect", "nothing", "--json")
    assert result.code == 2
    said = json.loads(result.out)
    assert result.err == f"error: {said['error']}\n"
    assert said["exit_code"] == 2


def test_of_vectors_alone_the_next_step_is_one_that_they_can_take(cli, here):
    np.save("vectors.npy", np.random.default_rng(0).standard_normal((40, 3)).astype(np.float32))
    assert cli("cluster", "vectors.npy", "-k", "4", "-o", "t.parquet").code == 0
    result = cli("select", "t.parquet", "--keep", "0.5", "-o", "m")
    assert result.err.splitlines()[-2:] == [
        "to train on them, tie the vectors to their samples: curate cluster VECTORS --data DATASET",
        "next: curate export m --to txt",
    ]
    assert cli("export", "m").last == "m.txt"


def test_what_is_an_artifact_is_no_dataset(cli, digits_round):
    for path, kind in (
        (digits_round.manifest, "a manifest"),
        (digits_round.table, "clusters"),
        (digits_round.embedding, "an embedding"),
    ):
        assert_error(cli("train", path), f"{path.name} holds {kind} of curate's and is no dataset: ")


def test_options_are_checked_before_outputs_and_outputs_before_data(cli, here):
    (here / "m").mkdir()
    wrong = ("train", "nowhere", "--keep", "3", "-o", "m")
    full = "policy full decides itself how many samples to keep: leave out --keep"
    assert_error(cli(*wrong, "--policy", "full"), full)
    assert_error(cli(*wrong, "--policy", "random", "--budget", "sample"), "there is no budget 'sample'")
    assert_error(cli(*wrong, "--policy", "random"), "m exists")
    assert_error(cli(*wrong[:-2], "--policy", "random"), "there is no dataset 'nowhere'")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["train", "digits", "--device", "gpu"], "device=gpu is unknown: use cpu, cuda or cuda:1"),
        (["train", "digits", "--keep", "abc"], "keep=abc is not a number"),
        (["train", "digits", "--keep", "0"], "keep=0 is not a fraction"),
        (["train", "digits", "--policy", "static-ucb"], "policy static-ucb needs scores: use --from TABLE"),
        (["train", "digits", "--test", "nowhere"], "there is no dataset 'nowhere'"),
        (["replay", "{manifest}", "--test", "nowhere"], "there is no dataset 'nowhere'"),
        (["inspect", "digits", "--html", "x.pdf"], "x.pdf is written as .html"),
        (["export", "{manifest}", "--to", "csv", "-o", "x.json"], "x.json is written as .csv"),
        (["select", "."], "is a folder, not a table: of images `curate score .` makes one"),
        (["cluster", "."], "there is no embedding .: `curate embed .` makes one of the images"),
        (["train", "{manifest}"], "`curate replay {manifest}` trains on it"),
    ],
)
def test_cheap_errors_come_before_torch_and_data(fresh_forks, digits_round, here, words, said):
    filled = [word.format(manifest=digits_round.manifest) for word in words]
    unloaded = (
        "import sys, atexit\nfor name in [name for name in sys.modules if name.partition('.')[0] == 'torch']:"
    )
    unloaded += "\n del sys.modules[name]\n"
    told = "import os\nreal = os._exit\n"
    told += "os._exit = lambda code: (print('torch' in sys.modules, flush=True), real(code))"
    done = fresh_forks.run(filled, here, os.environ, unloaded + told)
    assert said.format(manifest=digits_round.manifest) in done.stderr
    assert (done.returncode, done.stdout) == (2, "False\n")
    assert list(here.iterdir()) == []


def test_a_terminal_without_unicode_shows_what_it_can(process, here):
    add_results(here / "r.parquet", [replace(ROW, key=str(seed), seed=seed) for seed in range(3)])
    shown = process("report", "r.parquet", LC_ALL="C", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert shown.code == 0, shown.err
    assert "mean +-" in shown.out
    assert "?" not in shown.out
