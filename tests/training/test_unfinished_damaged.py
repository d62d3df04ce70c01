"""Unfinished runs that are damaged on the disk are refused before any work; --fresh recovers from them."""

import contextlib
from pathlib import Path

import numpy as np
import pytest
from helpers.unfinished_runs import (
    N_EPOCHS,
    UCB,
    N,
    assert_one_line,
    assert_same,
    content,
    train,
    unfinished,
    watched,
)

from curate.errors import CurateError, DamagedError
from curate.manifests.manifest import read_epoch

pytest_plugins = ["helpers.unfinished_runs"]

ANEW = "start the run anew with --fresh"


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
    result = cli(*words, "--set", "width=2", "--epochs", N_EPOCHS, "--device", "cpu", "-o", "run", "--force")
    assert_one_line(result, f"{file} is damaged or cut short: {ANEW}")


def test_files_half_written_by_a_killed_run_are_cleared_away(small, stopped):
    for name in (".run.json.abcd.tmp", ".state-000003.pt.abcd.tmp", ".epoch-000003.parquet.abcd.tmp"):
        (unfinished(stopped.run) / name).write_bytes(b"half")
    (unfinished(stopped.run) / "state-000003.pt").write_bytes(b"never named by run.json")
    with watched() as trained:
        train(small, stopped.run, force=True, **UCB)
    assert trained == [3, 4, 5]
    assert_same(content(stopped.run), stopped.calm)
    assert [path.name for path in stopped.run.parent.iterdir()] == ["run"]
