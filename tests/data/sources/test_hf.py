"""`hf:owner/name`, against a Hub on loopback, in own processes: its address is read at import."""

import hashlib
import io
import json
import os
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from helpers.hub_server import HubServer, commit_of, dataset_file
from PIL import Image

from curate.data.dataset import open_dataset
from curate.errors import CurateError

pytest_plugins = ["helpers.forks"]

NAMES = ["circle", "square", "star"]
PIXELS = np.random.default_rng(7).integers(0, 256, (24, 6, 5), dtype=np.uint8)
LABELS = [row % 3 for row in range(24)]


def bmp(pixels: np.ndarray) -> bytes:
    """BMP is decoded without torch, which makes a process start sooner."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "BMP")
    return buffer.getvalue()


def shard(first: int, last: int) -> bytes:
    return dataset_file([bmp(image) for image in PIXELS[first:last]], LABELS[first:last], NAMES)


def fingerprint_of(rows: range) -> str:
    uids = [hashlib.blake2b(b"uint8 6x5x1 " + PIXELS[row].tobytes(), digest_size=8).digest() for row in rows]
    labels = [struct.pack("<q", LABELS[row]) for row in rows]
    return hashlib.sha256(b"".join(uids + labels)).hexdigest()


SHAPES = {
    "main": {
        "README.md": b"# shapes",
        "shapes.py": b"raise SystemExit('code in a repository was run')",
        "data/train-00000-of-00002.parquet": shard(0, 8),
        "data/train-00001-of-00002.parquet": shard(8, 16),
        "data/test-00000-of-00001.parquet": shard(16, 24),
    },
    "refs/convert/parquet": {"default/train/0000.parquet": shard(5, 9)},
}
HUB = {"ann/shapes": SHAPES, "ann/text": {"main": {"README.md": b"# words", "words.csv": b"a,b\n"}}}


@pytest.fixture(scope="module")
def inspect(forks, tmp_path_factory):
    """`curate inspect` in a process of its own."""

    def run(reference: str, url: str, home: Path, *words: str, **environment: str):
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("HF_") and not name.lower().endswith("_proxy")
        }
        own = {"HF_ENDPOINT": url, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1"}
        folder = tmp_path_factory.mktemp("empty")
        return forks.run(["inspect", reference, "--json", *words], folder, {**kept, **own, **environment})

    return run


def header(done) -> dict:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["header"]


def assert_one_line(done, line: str) -> None:
    assert (done.returncode, done.stderr) == (2, f"error: {line}\n")
    assert json.loads(done.stdout) == {"error": line, "exit_code": 2}


@dataclass(frozen=True)
class Fetched:
    """What a first fetch left behind; its server listens no more."""

    home: Path
    url: str
    header: dict
    stderr: str
    requests: list[str]


@pytest.fixture(scope="module")
def fetched(inspect, tmp_path_factory) -> Fetched:
    home = tmp_path_factory.mktemp("home")
    with HubServer(HUB) as hub:
        done = inspect("hf:ann/shapes", hub.url, home)
    return Fetched(home, hub.url, header(done), done.stderr, hub.requests)


@pytest.fixture(scope="module")
def hub() -> Iterator[HubServer]:
    with HubServer(HUB) as server:
        yield server


def test_the_train_split_is_read_from_all_its_files(fetched):
    assert fetched.header["n"] == 16
    assert fetched.header["classes"] == NAMES
    assert fetched.header["reference"] == "hf:ann/shapes"
    assert fetched.header["fingerprint"] == fingerprint_of(range(16))


def test_only_parquet_files_are_fetched(fetched):
    files = {path.partition("/resolve/")[2].partition("/")[2] for path in fetched.requests} - {""}
    assert files == {path for path in SHAPES["main"] if path.endswith(".parquet")}
    assert not any(path.endswith((".py", ".md")) for path in fetched.requests)


def test_files_are_asked_for_by_commit(fetched):
    commit = commit_of("ann/shapes", "main")
    assert {path.split("/resolve/")[1].split("/")[0] for path in fetched.requests if "/resolve/" in path} == {
        commit
    }


def test_no_progress_is_drawn_where_there_is_no_terminal(fetched):
    assert fetched.stderr == ""


def test_a_fetched_dataset_opens_when_nothing_listens(inspect, fetched):
    done = inspect("hf:ann/shapes", fetched.url, fetched.home, "--split", "test")
    assert header(done)["fingerprint"] == fingerprint_of(range(16, 24))


def test_a_fetched_dataset_opens_offline(inspect, fetched):
    done = inspect("hf:ann/shapes", fetched.url, fetched.home, HF_HUB_OFFLINE="1")
    assert header(done) == fetched.header


def test_offline_a_dataset_never_fetched_is_an_error(inspect, fetched):
    done = inspect("hf:ann/other", fetched.url, fetched.home, HF_HUB_OFFLINE="1")
    assert_one_line(
        done,
        "hf:ann/other is not in the local cache and the Hub is out of reach: connect, and try again",
    )


def test_no_file_is_fetched_twice(inspect, fetched):
    with HubServer(HUB) as hub:
        assert header(inspect("hf:ann/shapes", hub.url, fetched.home)) == fetched.header
    assert not [path for path in hub.requests if path.startswith("GET /datasets/")]


def test_a_revision_is_read_even_one_with_slashes(inspect, hub, tmp_path):
    done = inspect("hf:ann/shapes@refs/convert/parquet", hub.url, tmp_path)
    assert header(done)["fingerprint"] == fingerprint_of(range(5, 9))


def test_an_unknown_repository(inspect, hub, tmp_path):
    done = inspect("hf:ann/nothing", hub.url, tmp_path)
    assert_one_line(
        done, "hf:ann/nothing is not on the Hub, or not open to you: check the name, or set HF_TOKEN"
    )


@pytest.mark.parametrize("revision", ["v9", "0" * 40])
def test_an_unknown_revision(inspect, hub, tmp_path, revision):
    done = inspect(f"hf:ann/shapes@{revision}", hub.url, tmp_path)
    assert_one_line(done, f"hf:ann/shapes has no revision '{revision}': leave out @{revision}")


def test_a_repository_without_parquet_files(inspect, hub, tmp_path):
    done = inspect("hf:ann/text", hub.url, tmp_path)
    assert_one_line(done, "hf:ann/text has no Parquet files: use a dataset that has")


def test_a_gated_repository(inspect, tmp_path):
    with HubServer(HUB, gated=True) as hub:
        done = inspect("hf:ann/shapes", hub.url, tmp_path)
    assert done.returncode == 2
    assert done.stderr.endswith(
        "error: hf:ann/shapes is gated: ask for access on its page, and sign in with HF_TOKEN\n"
    )


def test_a_server_that_fails(inspect, tmp_path):
    with HubServer(HUB, status=500) as hub:
        done = inspect("hf:ann/shapes", hub.url, tmp_path)
    assert_one_line(
        done,
        "hf:ann/shapes is not in the local cache and the Hub is out of reach: connect, and try again",
    )


def test_nothing_listens(inspect, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    done = inspect("hf:ann/shapes", f"http://127.0.0.1:{port}", tmp_path)
    assert_one_line(
        done,
        "hf:ann/shapes is not in the local cache and the Hub is out of reach: connect, and try again",
    )


@pytest.mark.parametrize("reference", ["hf:shapes", "hf:ann/shapes/main"])
def test_a_repository_has_an_owner_and_a_name(reference):
    with pytest.raises(CurateError, match=rf"^{reference} names no dataset: use hf:owner/name$"):
        open_dataset(reference)
