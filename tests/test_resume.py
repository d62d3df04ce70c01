"""Killed at any moment and called again: a run goes on where it was, to the same bytes."""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

import curate
from curate.errors import CurateError, DamagedError
from curate.manifest import read_epoch
from curate.progress import Progress
from curate.training import unfinished as unfinished_module
from curate.training.batches import Batches
from curate.verbs import train as verb

MANIFEST = {
    "README.md",
    "manifest.json",
    "metrics.parquet",
    "model.safetensors",
    "samples.parquet",
    "selection.parquet",
}
N_EPOCHS = 6
N = 300
ANEW = "start the run anew with --fresh"
_CALM: dict[str, dict[str, bytes]] = {}


# ---------------------------------------------------------------------------------------------- kill -9

N_KILLS = 20
WORDS = ["train", "digits", "--policy", "ucb", "--keep", "0.3", "--period", "1", "--epochs", "12"]
WORDS += ["--set", "width=4", "--evaluate-every", "4", "--device", "cpu", "-o", "run"]

# One interpreter imports everything once; every attempt is a fork of it that runs the real entry point.
DRIVER = """
import json, os, random, signal, sys, time
from pathlib import Path

# All that a run imports, none of it run yet: no thread has been started when it comes to a fork.
import pyarrow.dataset, pyarrow.parquet, pydantic.type_adapter, safetensors.torch, scipy.optimize
import scipy.stats, sklearn.datasets, torch, torch._dynamo

import curate.cli.train, curate.models.basic_cnn, curate.policies.ucb, curate.show.talk
import curate.sources.digits, curate.verbs.train
from curate.cli.main import main

WORDS, N_KILLS = json.loads(sys.argv[1])
ROOT = Path.cwd()


def start(folder, often=False):
    assert len(os.listdir("/proc/self/task")) == 1, "a fork takes only one thread along"
    folder.mkdir(exist_ok=True)
    child = os.fork()
    if child:
        return child
    code = 70
    try:
        os.chdir(folder)
        log = os.open(ROOT / f"{folder.name}.log", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
        os.dup2(log, 1)
        os.dup2(log, 2)
        if often:
            import curate.training.unfinished

            curate.training.unfinished._SHARE = 1.0
        sys.argv = ["curate", *WORDS]
        main()
        code = 0
    except SystemExit as done:
        code = done.code or 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def stage(folder):
    if (folder / "run").exists():
        return "manifest in place"
    if list(folder.glob(".run.*.tmp")):
        return "writing the manifest"
    if not (folder / "run.unfinished").exists():
        return "set-up"
    try:
        records = json.loads((folder / "run.unfinished" / "run.json").read_text())["records"]
    except FileNotFoundError:
        return "first epoch"
    return f"after {len(records)} saved epochs"


def attempt(folder, delay, often):
    # Killed after `delay` seconds, or what it ended with where it was done before.
    child = start(folder, often)
    until = time.monotonic() + delay
    while (left := until - time.monotonic()) > 0:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(min(left, 0.005))
    os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


began = time.monotonic()
assert os.waitpid(start(ROOT / "calm"), 0)[1] == 0
duration = time.monotonic() - began

chance = random.Random(20)
killed, folders, n_attempts = [], [], 0
while len(killed) < N_KILLS:
    folder = ROOT / f"killed-{len(folders)}"
    folders.append(folder.name)
    while True:
        delay = chance.uniform(0, duration) if len(killed) < N_KILLS else 3600
        code = attempt(folder, delay, often=n_attempts % 2 == 1)
        n_attempts += 1
        if code != -signal.SIGKILL:
            break
        killed.append(stage(folder))
    # A kill between the manifest's last step and the exit leaves a finished run, which is not replaced.
    finished = code == 2 and killed and killed[-1] == "manifest in place"
    assert code == 0 or finished, f"{folder} ended with {code}"
print(json.dumps({"duration": duration, "killed": killed, "folders": folders}))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="forks, and reads /proc")
def test_killed_at_20_random_moments_the_result_is_the_same_to_the_byte(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, json.dumps([WORDS, N_KILLS])],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    logs = "\n".join(f"{log.name}:\n{log.read_text()}" for log in sorted(tmp_path.glob("*.log")))
    assert done.returncode == 0, done.stderr + logs
    report = json.loads(done.stdout)
    print(f"undisturbed: {report['duration']:.2f} s; killed: {report['killed']}")
    assert len(report["killed"]) == N_KILLS
    assert "going on after epoch" in logs, "no attempt had anything to go on from"
    calm = content(tmp_path / "calm" / "run")
    assert set(calm) == MANIFEST
    for folder in report["folders"]:
        assert_same(content(tmp_path / folder / "run"), calm)
    assert curate.open_manifest(tmp_path / "calm" / "run").n_epochs == 12


# -------------------------------------------------------------------------------- what the others share


@pytest.fixture(autouse=True)
def no_fsync(monkeypatch):
    """Which only tells after a power cut; here it takes a third of the time."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Path:
    """300 digits, 100 more as a test set."""
    path = tmp_path_factory.mktemp("small") / "small.npz"
    data = curate.open_dataset("digits")
    images, labels = data.images.read(np.arange(N + 100)), data.labels[: N + 100]
    np.savez(path, x_train=images[:N], y_train=labels[:N], x_test=images[N:], y_test=labels[N:])
    return path


@pytest.fixture(scope="module")
def scores(small, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("scores")
    embedding = curate.embed(str(small), dim=8, output=folder / "small.safetensors")
    return curate.cluster(embedding, 5, output=folder / "small.parquet").path


@pytest.fixture(scope="module")
def session(small, tmp_path_factory) -> Path:
    """An earlier, dynamic session, for the policies that build on one."""
    output = tmp_path_factory.mktemp("earlier") / "session"
    return train(small, output, policy="ucb", keep="0.3", period=1).manifest.path


@pytest.fixture(scope="module")
def weighted_session(small, tmp_path_factory) -> Path:
    output = tmp_path_factory.mktemp("earlier") / "weighted-session"
    return train(small, output, policy="infobatch").manifest.path


@pytest.fixture
def save_always(monkeypatch):
    """The state is saved after every epoch."""
    monkeypatch.setattr(unfinished_module, "_SHARE", float("inf"))


def train(small, output, **rest):
    recipe = {"n_epochs": N_EPOCHS, **rest.pop("recipe", {})}
    chosen = rest.pop("options", {})
    options = None if chosen is None else {"width": "2", **chosen}
    return curate.train(str(small), recipe=recipe, options=options, device="cpu", output=output, **rest)


class PulledPlugError(Exception):
    """Nothing that curate knows of."""


def pull_the_plug(*args, **rest):
    raise PulledPlugError


@contextlib.contextmanager
def watched(stop_in=None, error=PulledPlugError, look=lambda epoch: None) -> Iterator[list[int]]:
    """The epochs that are trained in this block; `error` ends it when `stop_in` is trained, not yet saved."""
    trained: list[int] = []
    augmented, record_of = Batches.augmented, verb.record_of

    def batches(self, order, batch_size, augment, seed, epoch):
        trained.append(epoch)
        return augmented(self, order, batch_size, augment, seed, epoch)

    def record(epoch, test):
        look(epoch.epoch)
        if epoch.epoch == stop_in:
            raise error("the plug is pulled")
        return record_of(epoch, test)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Batches, "augmented", batches)
        patch.setattr(verb, "record_of", record)
        yield trained


def interrupt(small, output, stop_in=3, error=PulledPlugError, **rest) -> list[int]:
    with watched(stop_in, error) as trained, pytest.raises(error):
        train(small, output, **rest)
    return trained


def unfinished(output: Path) -> Path:
    return output.with_name(f"{output.name}.unfinished")


def content(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def assert_same(one: dict[str, bytes], other: dict[str, bytes]):
    """Equal, and the names of what is not when it is not; pytest's own diff of bytes takes minutes."""
    assert sorted(one) == sorted(other)
    different = [name for name in sorted(one) if one[name] != other[name]]
    assert not different


def calm_content(small, **case) -> dict[str, bytes]:
    """The files of an undisturbed run, made once, somewhere else, under the same name."""
    name = repr(sorted(case.items()))
    if name not in _CALM:
        folder = Path(tempfile.mkdtemp(prefix="calm-", dir=small.parent))
        with watched() as trained:
            _CALM[name] = content(train(small, folder / "run", **case).manifest.path)
        assert trained == list(range(len(trained)))
    return _CALM[name]


def assert_one_line(said, text):
    assert said.code == 2
    lines = said.err.strip().splitlines()
    assert len(lines) == 1
    assert lines[0] == f"error: {text}"


# ------------------------------------------------------------------------------------------ on the disk


@pytest.mark.usefixtures("save_always")
def test_finished_epochs_are_safe_while_the_run_goes_on(small, tmp_path):
    seen, kept = [], []

    def look(epoch):
        if epoch == 0:
            return
        folder = unfinished(tmp_path / "run")
        run = json.loads((folder / "run.json").read_text())
        assert [record["epoch"] for record in run["records"]] == list(range(epoch))
        assert hashlib.sha256((folder / run["state"]).read_bytes()).hexdigest() == run["state_sha256"]
        checkpoints = sorted({record["checkpoint"] for record in run["records"]})
        assert [file.name for file in sorted(folder.glob("epoch-*.parquet"))] == [
            f"epoch-{checkpoint:06d}.parquet" for checkpoint in checkpoints
        ]
        assert {file.name for file in folder.glob("state-*")} == {run["state"]}
        last = folder / f"epoch-{checkpoints[-1]:06d}.parquet"
        table = pq.read_table(last)
        assert set(table.column("epoch").to_pylist()) == {checkpoints[-1]}
        assert table.column_names == ["epoch", "index", "weight"]
        seen.append((epoch - 1, read_epoch(last)))
        kept.append(run["records"])

    with watched(look=look):
        made = train(small, tmp_path / "run", policy="infobatch")
    assert [epoch for epoch, _ in seen] == [0, 1, 2, 3, 4]
    assert kept[-1] == [asdict(record) for record in made.epochs[:-1]]
    for epoch, selected in seen:
        final = made.manifest.selected(epoch)
        assert np.array_equal(selected.indices, final.indices)
        assert np.array_equal(selected.weights, final.weights)


@pytest.mark.usefixtures("save_always")
def test_one_file_per_selection_that_is_new(small, tmp_path):
    interrupt(small, tmp_path / "run", stop_in=5, policy="random", keep=0.3, period=2)
    names = {file.name for file in unfinished(tmp_path / "run").iterdir()}
    assert names == {
        "run.json",
        "state-000004.pt",
        "epoch-000000.parquet",
        "epoch-000002.parquet",
        "epoch-000004.parquet",
    }


@pytest.mark.usefixtures("save_always")
def test_the_state_is_tensors_and_numbers_only(small, tmp_path):
    interrupt(small, tmp_path / "run", policy="ucb", keep=0.3, trust=0.9, adapt=0.9)
    (file,) = unfinished(tmp_path / "run").glob("state-*.pt")
    state = torch.load(file, weights_only=True)
    assert state["epoch"] == 2
    assert state["samples_seen"] == 3 * 90


# -------------------------------------------------------------------------------------- going on from it

CASES = {
    "full": {},
    "sgd, crop and flip": {"recipe": {"optimizer": "sgd", "momentum": 0.9, "augment": "crop-flip"}},
    "random": {"policy": "random", "keep": "0.3"},
    "random-partition": {"policy": "random-partition", "keep": "0.4"},
    "early-stop": {"policy": "early-stop", "keep": "0.75"},
    "epsilon-greedy": {"policy": "epsilon-greedy", "keep": "0.3"},
    "ucb": {"policy": "ucb", "keep": "0.3", "period": 1},
    "ucb, more and more": {"policy": "ucb", "keep": "0.2:0.6", "period": 1},
    "ucb, from training": {"policy": "ucb", "keep": "0.3", "observe": "training"},
    "ucb, guarded": {"policy": "ucb", "keep": "0.3", "trust": 0.9},
    "ema, adapting": {"policy": "ema", "keep": "0.3", "adapt": 0.9},
    "ema, all at once": {
        "policy": "ema",
        "keep": "0.2:0.6",
        "period": 1,
        "observe": "training",
        "trust": 0.9,
        "adapt": 0.9,
    },
    "random, guarded": {"policy": "random", "keep": "0.5", "trust": 0.8, "observe": "training"},
    "infobatch": {"policy": "infobatch"},
    "infobatch, soon over": {"policy": "infobatch", "options": {"delta": "0.3"}},
    "infobatch, guarded": {"policy": "infobatch", "trust": 0.9},
    "ucb, a budget of samples": {"policy": "ucb", "keep": "0.6", "period": 3, "budget": "samples"},
    "static-ucb": {"policy": "static-ucb", "keep": "0.3", "from_": "scores"},
    "always-random": {"policy": "always-random", "keep": "0.9", "from_": "session"},
    "recorded": {"policy": "recorded", "from_": "session"},
    "recorded, with weights": {"policy": "recorded", "from_": "weighted_session"},
}


@pytest.mark.usefixtures("save_always")
@pytest.mark.parametrize("name", CASES)
def test_two_interrupts_later_the_result_is_the_same_to_the_byte(name, small, tmp_path, request):
    case = dict(CASES[name])
    if "from_" in case:
        case["from_"] = request.getfixturevalue(case["from_"])
    calm = calm_content(small, **case)
    n = json.loads(calm["manifest.json"])["options"]["recipe"]["n_epochs"]
    run = tmp_path / "run"
    assert interrupt(small, run, stop_in=1, **case) == [0, 1]
    assert interrupt(small, run, stop_in=3, error=KeyboardInterrupt, **case) == [1, 2, 3]
    assert not run.exists()
    with watched() as trained:
        made = train(small, run, **case)
    assert trained == list(range(3, n))
    assert_same(content(run), calm)
    assert [record.epoch for record in made.epochs] == list(range(n))
    assert curate.open_manifest(run).header == made.manifest.header
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run"]


def test_epochs_since_the_last_saved_state_are_trained_again(small, tmp_path, monkeypatch):
    monkeypatch.setattr(unfinished_module, "_SHARE", 1e-9)
    case = {"policy": "ucb", "keep": "0.3", "period": 1, "trust": 0.9}
    calm = calm_content(small, **case)
    run = tmp_path / "run"
    assert interrupt(small, run, stop_in=4, **case) == [0, 1, 2, 3, 4]
    saved = json.loads((unfinished(run) / "run.json").read_text())
    assert [record["epoch"] for record in saved["records"]] == [0]
    assert len(list(unfinished(run).glob("epoch-*.parquet"))) > 1
    with watched() as trained:
        train(small, run, **case)
    assert trained == [1, 2, 3, 4, 5]
    assert_same(content(run), calm)
    assert not unfinished(run).exists()


@pytest.mark.usefixtures("save_always")
@pytest.mark.parametrize("where", ["evaluate", "observe"])
def test_it_does_not_matter_where_in_an_epoch_it_ends(where, small, tmp_path, monkeypatch):
    case = {"policy": "ucb", "keep": "0.3", "period": 1, "trust": 0.9}
    calm = calm_content(small, **case)
    calls = []

    def stop(real):
        def stopping(*words, **names):
            calls.append(words)
            if len(calls) == 3:
                raise PulledPlugError
            return real(*words, **names)

        return stopping

    with monkeypatch.context() as patch:
        if where == "evaluate":
            patch.setattr(verb, "evaluate", stop(verb.evaluate))
        else:
            from curate.training.observer import Observer

            patch.setattr(Observer, "_full_pass", stop(Observer._full_pass))
        with pytest.raises(PulledPlugError):
            train(small, tmp_path / "run", **case)
    with watched() as trained:
        train(small, tmp_path / "run", **case)
    assert trained == [2, 3, 4, 5]
    assert_same(content(tmp_path / "run"), calm)


@pytest.mark.usefixtures("save_always")
def test_ended_while_the_manifest_is_written_nothing_is_trained_again(small, tmp_path, monkeypatch):
    case = {"policy": "infobatch", "trust": 0.9}
    calm = calm_content(small, **case)
    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(verb, "write_metrics", pull_the_plug)
        with pytest.raises(PulledPlugError):
            train(small, run, **case)
    assert not run.exists()
    assert unfinished(run).exists()
    with watched() as trained:
        made = train(small, run, **case)
    assert trained == []
    assert len(made.epochs) == N_EPOCHS
    assert_same(content(run), calm)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run"]


@pytest.mark.usefixtures("save_always")
def test_an_interrupt_before_the_first_epoch_is_done_leaves_nothing(small, tmp_path):
    assert interrupt(small, tmp_path / "run", stop_in=0) == [0]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("save_always")
def test_the_progress_counts_what_was_seen_before(small, tmp_path):
    class Counted(Progress):
        steps = 0
        notes: tuple[str, ...] = ()

        def advance(self, steps=1, **live):
            self.steps += steps

        def note(self, text):
            self.notes += (text,)

    interrupt(small, tmp_path / "run", policy="random", keep=0.3)
    counted = Counted()
    made = train(small, tmp_path / "run", policy="random", keep=0.3, progress=counted)
    assert counted.notes == (f"going on after epoch 3 of {N_EPOCHS}",)
    assert counted.steps == made.epochs[-1].samples_seen == N_EPOCHS * 90


@pytest.mark.usefixtures("save_always")
def test_the_command_says_that_it_goes_on(cli, small, here):
    words = ("train", small, "--set", "width=2", "--epochs", N_EPOCHS, "--device", "cpu", "-o", "run")
    with watched(stop_in=2):
        assert cli(*words).code == 1
    assert unfinished(Path("run")).is_dir()
    said = cli(*words)
    assert said.code == 0
    assert said.err.splitlines()[0] == "going on after epoch 2 of 6"
    assert said.last == "run"
    assert [path.name for path in here.iterdir()] == ["run"]


# ---------------------------------------------------------------------- cut at every touch of the disk


@pytest.mark.usefixtures("save_always")
def test_cut_at_every_touch_of_the_disk(cli, small, tmp_path, monkeypatch):
    """What a kill leaves is what is on the disk: the folder as it is before each step is a run of its own."""
    words = ("train", small, "--policy", "random", "--keep", 0.3, "--period", 1)
    words += ("--set", "width=2", "--epochs", 2, "--device", "cpu", "-o", "run")
    live, cuts = tmp_path / "live", []

    def cut(real):
        def cutting(*args, **rest):
            now = content(live)
            if not cuts or now.keys() != cuts[-1].keys() or now != cuts[-1]:
                cuts.append(now)
            return real(*args, **rest)

        return cutting

    live.mkdir()
    with monkeypatch.context() as patch:
        patch.chdir(live)
        for owner, name in (
            (Path, "replace"),
            (Path, "rename"),
            (Path, "unlink"),
            (Path, "write_bytes"),
            (Path, "write_text"),
            (os, "fsync"),
            (shutil, "rmtree"),
            (os, "unlink"),
            (os, "rmdir"),
        ):
            patch.setattr(owner, name, cut(getattr(owner, name)))
        assert cli(*words).code == 0
    calm = content(live / "run")
    assert set(calm) == MANIFEST
    assert len(cuts) > 20
    assert {"run/manifest.json", "run.unfinished/run.json"} <= set().union(*cuts)
    resumed = 0
    for number, files in enumerate(cuts):
        folder = tmp_path / f"cut-{number}"
        for name, data in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        folder.mkdir(exist_ok=True)
        monkeypatch.chdir(folder)
        said = cli(*words)
        where = f"cut {number}: {sorted(files)}"
        if "run/manifest.json" in files:
            assert said.code == 2, where
            assert said.err == "error: run exists: use --force to replace it, or -o to write elsewhere\n"
            assert_same(content(folder / "run"), calm)
            said = cli(*words, "--force")
        assert said.code == 0, where + said.err
        assert [path.name for path in folder.iterdir()] == ["run"], where
        resumed += "going on" in said.err
        assert_same(content(folder / "run"), calm)
    assert resumed > 5


@pytest.mark.usefixtures("save_always")
def test_killed_while_the_manifest_is_written_the_next_run_clears_up(cli, small, here, monkeypatch):
    words = ("train", small, "--set", "width=2", "--epochs", 2, "--device", "cpu", "-o", "run")
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", lambda *args, **rest: None)  # killed: nobody clears up
        patch.setattr(verb, "write_metrics", pull_the_plug)
        assert cli(*words).code == 1
    assert len(list(here.glob(".run.*.tmp"))) == 1
    assert cli(*words).code == 0
    assert [path.name for path in here.iterdir()] == ["run"]


@pytest.mark.usefixtures("save_always")
def test_killed_while_clearing_up_the_run_can_be_made_again(small, tmp_path, monkeypatch):
    """Whichever file was the first to go."""
    calm = calm_content(small, **UCB)
    rmtree = shutil.rmtree

    def half_way(folder, *args, **rest):
        if Path(folder).name != "run.unfinished":
            rmtree(folder, *args, **rest)
            return
        for file in Path(folder).glob("state-*.pt"):
            file.unlink()
        raise PulledPlugError

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", half_way)
        with pytest.raises(PulledPlugError):
            train(small, tmp_path / "run", **UCB)
    assert_same(content(tmp_path / "run"), calm)
    train(small, tmp_path / "run", force=True, **UCB)
    assert_same(content(tmp_path / "run"), calm)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_only_what_this_run_left_is_cleared_up(small, tmp_path):
    """Another run, of the output `run.2`, is just writing its manifest."""
    others = [tmp_path / ".run.2.abcd1234.tmp", tmp_path / ".run-2.abcd1234.tmp", tmp_path / ".run.notes.tmp"]
    for other in others[:2]:
        other.mkdir()
        (other / "selection.parquet").write_bytes(b"half")
    others[2].write_text("a file")
    train(small, tmp_path / "run", policy="full", recipe={"n_epochs": 1})
    assert [other.name for other in others if not other.exists()] == []


@pytest.mark.usefixtures("save_always")
def test_killed_when_the_manifest_is_in_place_another_command_may_replace_it(cli, small, here, monkeypatch):
    words = ("train", small, "--set", "width=2", "--epochs", 2, "--device", "cpu", "-o", "run")
    with monkeypatch.context() as patch:
        real = Path.unlink

        def unlink(self, missing_ok=False):
            if self.name == "run.json":
                raise PulledPlugError
            real(self, missing_ok)

        patch.setattr(Path, "unlink", unlink)
        assert cli(*words).code == 1
    assert {path.name for path in here.iterdir()} == {"run", "run.unfinished"}
    said = cli(*words, "--lr", 0.01, "--force")
    assert said.code == 0, said.err
    assert [path.name for path in here.iterdir()] == ["run"]


# ------------------------------------------------------------------------------- another command, --fresh

UCB = {"policy": "ucb", "keep": "0.3", "period": 1, "recipe": {"lr": 0.01}}
OTHERS = {
    "lr was 0.01, is now 0.02": {"recipe": {"lr": 0.02}},
    "n_epochs was 6, is now 7": {"recipe": {"lr": 0.01, "n_epochs": 7}},
    "batch_size was 64, is now 32": {"recipe": {"lr": 0.01, "batch_size": 32}},
    "seed was 0, is now 1": {"seed": 1},
    "keep was 0.3, is now 0.4": {"keep": "0.4"},
    "period was 1, is now 2": {"period": 2},
    "trust was None, is now 0.9": {"trust": 0.9},
    "width was 2, is now 3": {"options": {"width": "3"}},
    "alpha was 0.8, is now 0.5": {"options": {"alpha": "0.5"}},
    "policy was ucb, is now ema": {"policy": "ema"},
    "evaluate_every was 1, is now 3": {"evaluate_every": 3},
    "model was basic-cnn, is now lenet5": {"model": "lenet5", "options": None},
}


@pytest.mark.usefixtures("save_always")
def test_another_command_is_refused_and_told_what_differs(small, tmp_path):
    calm = calm_content(small, **UCB)
    run = tmp_path / "run"
    interrupt(small, run, **UCB)
    before = content(unfinished(run))
    for difference, other in OTHERS.items():
        with watched() as trained, pytest.raises(CurateError) as problem:
            train(small, run, **{**UCB, **other})
        assert f"holds an unfinished run of another command ({difference})" in str(problem.value)
        assert "\n" not in str(problem.value)
        assert trained == []
        assert_same(content(unfinished(run)), before)
        assert not run.exists()
    with watched() as trained:
        train(small, run, **UCB)
    assert trained == [3, 4, 5]
    assert_same(content(run), calm)


@pytest.mark.usefixtures("save_always")
def test_the_refusal_is_one_line_with_both_remedies(cli, small, here):
    words = ("train", small, "--set", "width=2", "--epochs", N_EPOCHS, "--device", "cpu", "-o", "run")
    with watched(stop_in=2):
        cli(*words, "--lr", 0.01)
    said = cli(*words, "--lr", 0.02)
    assert_one_line(
        said,
        "run.unfinished holds an unfinished run of another command (lr was 0.01, is now 0.02): "
        "run that command again to finish it, or use --fresh to drop it",
    )
    assert said.out == ""


@pytest.mark.usefixtures("save_always")
def test_a_difference_of_spelling_alone_is_not_shown_as_none(cli, small, here):
    """0.3 from Python is "0.3" on the command line: either it goes on, or it says what differs."""
    interrupt(small, Path("run"), policy="random", keep=0.3, options={"width": 2})
    words = ("train", small, "--policy", "random", "--keep", 0.3, "--epochs", N_EPOCHS)
    said = cli(*words, "--set", "width=2", "--device", "cpu", "-o", "run")
    assert "was 0.3, is now 0.3" not in said.err
    assert "was 2, is now 2" not in said.err


@pytest.mark.usefixtures("save_always")
def test_a_refusal_is_short_also_where_what_it_builds_on_differs(small, session, weighted_session, tmp_path):
    interrupt(small, tmp_path / "run", policy="recorded", from_=session)
    with pytest.raises(CurateError, match="unfinished run of another command") as problem:
        train(small, tmp_path / "run", policy="recorded", from_=weighted_session)
    said = str(problem.value).removeprefix(str(tmp_path))
    assert len(said) < 400, said


@pytest.mark.usefixtures("save_always")
def test_another_test_set_under_the_same_name_is_refused(small, tmp_path):
    path = tmp_path / "data.npz"
    shutil.copy(small, path)
    interrupt(path, tmp_path / "run", policy="full")
    arrays = dict(np.load(small))
    arrays["x_test"][0, 0, 0] ^= 1
    np.savez(path, **arrays)
    with pytest.raises(CurateError, match=r"unfinished run of another command \(test was"):
        train(path, tmp_path / "run", policy="full")


def test_a_folder_that_is_no_manifest_is_refused_before_any_work(small, tmp_path):
    (tmp_path / "run").mkdir()
    with watched() as trained, pytest.raises(CurateError, match="is not a manifest folder"):
        train(small, tmp_path / "run", policy="full", force=True)
    assert trained == []


@pytest.mark.usefixtures("save_always")
def test_other_data_under_the_same_name_are_refused(small, tmp_path):
    path = tmp_path / "data.npz"
    shutil.copy(small, path)
    interrupt(path, tmp_path / "run", policy="full")
    arrays = dict(np.load(small))
    arrays["x_train"][0, 0, 0] ^= 1
    np.savez(path, **arrays)
    with pytest.raises(CurateError, match=r"unfinished run of another command \(fingerprint was"):
        train(path, tmp_path / "run", policy="full")


@pytest.mark.usefixtures("save_always")
@pytest.mark.parametrize("lr", [0.01, 0.02], ids=["the same command", "another"])
def test_fresh_drops_it_and_starts_anew(lr, small, tmp_path):
    now = {**UCB, "recipe": {"lr": lr}}
    calm = calm_content(small, **now)
    run = tmp_path / "run"
    interrupt(small, run, **UCB)
    with watched() as trained:
        train(small, run, fresh=True, **now)
    assert trained == [0, 1, 2, 3, 4, 5]
    assert_same(content(run), calm)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run"]


@pytest.mark.usefixtures("save_always")
def test_fresh_and_interrupted_it_goes_on_from_the_new_run(small, tmp_path):
    now = {**UCB, "recipe": {"lr": 0.02}}
    calm = calm_content(small, **now)
    run = tmp_path / "run"
    interrupt(small, run, stop_in=4, **UCB)
    interrupt(small, run, stop_in=2, fresh=True, **now)
    with watched() as trained:
        train(small, run, **now)
    assert trained == [2, 3, 4, 5]
    assert_same(content(run), calm)


def test_fresh_without_anything_to_drop_is_an_ordinary_run(small, tmp_path):
    calm = calm_content(small, **UCB)
    train(small, tmp_path / "run", fresh=True, **UCB)
    assert_same(content(tmp_path / "run"), calm)


# --------------------------------------------------------------------------------------- damaged on disk


@dataclass(frozen=True)
class Stopped:
    """An earlier manifest, and beside it a run to replace it, stopped after three epochs."""

    run: Path
    earlier: dict[str, bytes]
    calm: dict[str, bytes]


@pytest.fixture(scope="module")
def stopped_once(small, tmp_path_factory) -> Stopped:
    folder = tmp_path_factory.mktemp("stopped")
    calm = calm_content(small, **UCB)
    train(small, folder / "run", policy="full", recipe={"n_epochs": 1})
    earlier = content(folder / "run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unfinished_module, "_SHARE", float("inf"))
        interrupt(small, folder / "run", force=True, **UCB)
    return Stopped(folder / "run", earlier, calm)


@pytest.fixture
def stopped(stopped_once, tmp_path) -> Stopped:
    """A copy to damage."""
    for folder in (stopped_once.run, unfinished(stopped_once.run)):
        shutil.copytree(folder, tmp_path / folder.name)
    return Stopped(tmp_path / "run", stopped_once.earlier, stopped_once.calm)


def flipped(data: bytes, where: float) -> bytes:
    at = min(int(where * len(data)), len(data) - 1)
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def assert_refused(small, stopped, text=None):
    """The call is refused with `text` before it trains, and changes nothing."""
    before = content(unfinished(stopped.run))
    with watched() as trained, pytest.raises(DamagedError) as problem:
        train(small, stopped.run, force=True, **UCB)
    if text is not None:
        assert str(problem.value) == text
    assert str(problem.value).endswith(ANEW)
    assert trained == []
    assert_same(content(stopped.run), stopped.earlier)
    assert_same(content(unfinished(stopped.run)), before)


DAMAGES = {
    "cut short": lambda data: data[:-1],
    "half of it": lambda data: data[: len(data) // 2],
    "empty": lambda data: b"",
    "one byte more": lambda data: data + b"\0",
    "first byte flipped": lambda data: flipped(data, 0),
    "byte in the middle flipped": lambda data: flipped(data, 0.5),
    "last byte flipped": lambda data: flipped(data, 1),
}


@pytest.mark.parametrize("damage", [*DAMAGES, "gone"])
def test_a_damaged_state_is_refused(damage, small, stopped):
    (file,) = unfinished(stopped.run).glob("state-*.pt")
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(DAMAGES[damage](file.read_bytes()))
    assert_refused(small, stopped, f"{file} is damaged or cut short: {ANEW}")


@pytest.mark.parametrize(
    "content_now",
    [b"", b"{", b"null", b"[]", b"{}", b"7", b'"text"', b"\xff\xfe\x00", b'{"key": {}, "records": []}'],
)
def test_a_run_json_that_is_none_is_refused(content_now, small, stopped):
    file = unfinished(stopped.run) / "run.json"
    file.write_bytes(content_now)
    assert_refused(small, stopped, f"{file} is damaged: {ANEW}")


@pytest.mark.parametrize("damage", ["cut short", "half of it", "first byte flipped", "last byte flipped"])
def test_a_run_json_that_is_not_as_written_is_refused(damage, small, stopped):
    file = unfinished(stopped.run) / "run.json"
    file.write_bytes(DAMAGES[damage](file.read_bytes()))
    assert_refused(small, stopped, f"{file} is damaged: {ANEW}")


def test_no_flipped_bit_in_run_json_passes(small, stopped):
    """Not into metrics.parquet, nor into a traceback."""
    file = unfinished(stopped.run) / "run.json"
    good = file.read_bytes()
    places = np.linspace(0, len(good) - 1, 40).astype(int)
    passed = []
    for place in (*places, good.index(b'"train_loss": ') + 18, good.index(b"train_accuracy")):
        file.write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
        try:
            with watched(stop_in=3):
                train(small, stopped.run, force=True, **UCB)
        except CurateError:
            continue
        except Exception as problem:  # noqa: BLE001  whatever it is, it is not told to the user
            passed.append((int(place), good[place - 20 : place + 20].decode(), type(problem).__name__))
    assert passed == []


@pytest.mark.parametrize("damage", ["cut short", "byte in the middle flipped", "gone"])
def test_a_damaged_selection_is_refused(damage, small, stopped):
    file = unfinished(stopped.run) / "epoch-000001.parquet"
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(DAMAGES[damage](file.read_bytes()))
    assert_refused(small, stopped)


def test_a_damaged_selection_never_gets_a_seal(small, stopped):
    """A bit may be flipped so that another selection is read, as valid as the one that was trained on."""
    file = unfinished(stopped.run) / "epoch-000001.parquet"
    good, right = file.read_bytes(), read_epoch(file).indices
    for place in range(len(good)):
        file.write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
        with contextlib.suppress(Exception):
            read = read_epoch(file).indices
            if (np.diff(read) > 0).all() and 0 <= read.min() <= read.max() < N and (read != right).any():
                break
    with pytest.raises(DamagedError, match=ANEW):
        train(small, stopped.run, force=True, **UCB)
    assert_same(content(stopped.run), stopped.earlier)


@pytest.mark.parametrize("name", ["run.json", "state-000002.pt", "epoch-000001.parquet"])
def test_fresh_recovers_from_damage(name, small, stopped):
    (unfinished(stopped.run) / name).write_bytes(b"damage")
    train(small, stopped.run, force=True, fresh=True, **UCB)
    assert_same(content(stopped.run), stopped.calm)
    assert [path.name for path in stopped.run.parent.iterdir()] == ["run"]


def test_damage_is_one_line_on_the_command_line(cli, small, stopped, monkeypatch):
    monkeypatch.chdir(stopped.run.parent)
    (file,) = Path("run.unfinished").glob("state-*.pt")
    file.write_bytes(b"")
    words = ("train", small, "--policy", "ucb", "--keep", 0.3, "--period", 1, "--lr", 0.01)
    said = cli(*words, "--set", "width=2", "--epochs", N_EPOCHS, "--device", "cpu", "-o", "run", "--force")
    assert_one_line(said, f"{file} is damaged or cut short: {ANEW}")


def test_files_half_written_by_a_killed_run_are_cleared_away(small, stopped):
    for name in (".run.json.abcd.tmp", ".state-000003.pt.abcd.tmp", ".epoch-000003.parquet.abcd.tmp"):
        (unfinished(stopped.run) / name).write_bytes(b"half")
    (unfinished(stopped.run) / "state-000003.pt").write_bytes(b"never named by run.json")
    with watched() as trained:
        train(small, stopped.run, force=True, **UCB)
    assert trained == [3, 4, 5]
    assert_same(content(stopped.run), stopped.calm)
    assert [path.name for path in stopped.run.parent.iterdir()] == ["run"]


# ------------------------------------------------------------------------------------- one run at a time


@pytest.fixture
def locked(stopped) -> Iterator[Path]:
    """The folder of the stopped run, held as another process would hold it."""
    descriptor = os.open(unfinished(stopped.run), os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    yield unfinished(stopped.run)
    os.close(descriptor)


@pytest.mark.parametrize("fresh", [False, True])
def test_a_folder_in_use_is_refused_and_left_alone(fresh, small, stopped, locked):
    (locked / ".run.json.abcd.tmp").write_text("being written by the other run")
    before = content(locked)
    with watched() as trained, pytest.raises(CurateError) as problem:
        train(small, stopped.run, force=True, fresh=fresh, **UCB)
    assert str(problem.value) == f"{locked} is in use by another run: wait for it, or name another -o"
    assert trained == []
    assert_same(content(locked), before)
    assert_same(content(stopped.run), stopped.earlier)


@pytest.mark.usefixtures("save_always")
def test_a_second_run_meanwhile_is_refused_and_does_not_disturb_the_first(cli, small, here):
    words = ("train", small, "--set", "width=2", "--epochs", N_EPOCHS, "--device", "cpu", "-o")
    assert cli(*words, "calm").code == 0
    refused = []

    def second(epoch):
        if epoch in (0, 3):
            refused.append(cli(*words, "run"))
            refused.append(cli(*words, "run", "--lr", 0.5, "--fresh"))

    with watched(look=second) as trained:
        assert cli(*words, "run").code == 0
    assert len(refused) == 4
    for said in refused:
        assert said.code == 2
        assert said.err.splitlines()[-1] == (
            "error: run.unfinished is in use by another run: wait for it, or name another -o"
        )
    assert trained == [0, 1, 2, 3, 4, 5]
    made, calm = content(Path("run")), content(Path("calm"))
    assert {made.pop("README.md") != b"", calm.pop("README.md") != b""} == {True}  # it says its name
    assert_same(made, calm)
    assert not Path("run.unfinished").exists()


def test_the_lock_is_released_whatever_happens(small, tmp_path):
    for _ in range(2):
        assert interrupt(small, tmp_path / "run", stop_in=0) == [0]
    train(small, tmp_path / "run")
    train(small, tmp_path / "run", force=True)


# ------------------------------------------------------------------------------------------ failed starts

FAILED = {
    "period": ("--policy", "ucb", "--keep", 0.3, "--period", 7),
    "keep of 0": ("--policy", "ucb", "--keep", 0),
    "keep missing": ("--policy", "ucb"),
    "unknown option": ("--policy", "ucb", "--keep", 0.3, "--set", "alhpa=1"),
    "unknown policy": ("--policy", "ubc", "--keep", 0.3),
    "unknown model": ("--model", "basic-cmm"),
    "epochs": ("--epochs", 0),
    "test": ("--test", "nowhere.npz"),
    "evaluate-every": ("--evaluate-every", -1),
    "device": ("--device", "tpu7"),
    "option seen only in the first epoch": ("--policy", "infobatch", "--set", "ratio=2"),
    "nothing to build on": ("--policy", "recorded"),
    "lr": ("--lr", 1e30, "--optimizer", "sgd"),
}


@pytest.mark.usefixtures("save_always")
@pytest.mark.parametrize("name", FAILED)
def test_a_failed_start_leaves_nothing_behind(name, cli, small, here):
    said = cli("train", small, "--epochs", N_EPOCHS, *FAILED[name], "-o", "run")
    assert said.code == 2
    assert said.err.splitlines()[-1].startswith("error: ")
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("name", FAILED)
def test_a_failed_start_leaves_an_unfinished_run_alone(name, cli, small, stopped, monkeypatch):
    before = content(unfinished(stopped.run))
    monkeypatch.chdir(stopped.run.parent)
    said = cli("train", small, "--epochs", N_EPOCHS, *FAILED[name], "-o", "run", "--force")
    assert said.code == 2
    assert_same(content(unfinished(stopped.run)), before)
    assert_same(content(stopped.run), stopped.earlier)


def test_a_folder_of_the_users_own_is_not_deleted(small, tmp_path):
    notes = tmp_path / "run.unfinished" / "notes.txt"
    notes.parent.mkdir()
    notes.write_text("to be finished")
    with contextlib.suppress(CurateError):
        train(small, tmp_path / "run", policy="full", recipe={"n_epochs": 1})
    assert notes.exists()


# ----------------------------------------------------------------------------------- replacing a manifest


@pytest.mark.usefixtures("save_always")
@pytest.mark.parametrize("error", [PulledPlugError, KeyboardInterrupt])
def test_an_interrupted_replacement_leaves_the_earlier_manifest(error, small, tmp_path, monkeypatch):
    calm = calm_content(small, **UCB)
    run = tmp_path / "run"
    train(small, run, policy="infobatch")
    earlier = content(run)
    for stop_in in (0, 2, 4):
        interrupt(small, run, stop_in=stop_in, error=error, force=True, **UCB)
        assert_same(content(run), earlier)
        curate.open_manifest(run)
    with monkeypatch.context() as patch:
        patch.setattr(verb, "write_metrics", pull_the_plug)
        with pytest.raises(PulledPlugError):
            train(small, run, force=True, **UCB)
    assert_same(content(run), earlier)
    with watched() as trained:
        train(small, run, force=True, **UCB)
    assert trained == []
    assert_same(content(run), calm)
    assert not unfinished(run).exists()


def test_a_damaged_manifest_is_no_obstacle_to_its_replacement(small, stopped):
    """As it stands beside an unfinished run, whether of this command or of another."""
    (stopped.run / "manifest.json").write_text("{")
    with pytest.raises(CurateError, match="unfinished run of another command"):
        train(small, stopped.run, force=True, **{**UCB, "seed": 1})
    train(small, stopped.run, force=True, **UCB)
    assert_same(content(stopped.run), stopped.calm)


def test_a_manifest_is_not_replaced_unasked_and_its_unfinished_run_stays(small, stopped):
    before = content(unfinished(stopped.run))
    with pytest.raises(CurateError, match="exists: use --force to replace it"):
        train(small, stopped.run, **UCB)
    assert_same(content(unfinished(stopped.run)), before)
    assert_same(content(stopped.run), stopped.earlier)
