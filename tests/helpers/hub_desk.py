"""What the tests of sharing share: a user's desk, a Hub on loopback, and a small manifest."""

import copy
import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import yaml

from curate.artifacts.header import DatasetReference, make_header
from curate.artifacts.seal import UNSEALED, file_sha256, seal_file
from curate.manifests.manifest import Selected, open_manifest, write_manifest
from helpers.forks import Forks
from helpers.hub_publishing import PublishingHub

pytest_plugins = ["helpers.forks"]

TOKEN = "hf_a_secret_that_nobody_sees"
PARTS = {"manifest.json", "selection.parquet", "samples.parquet", "histogram.png", "README.md"}


def made(folder: Path, keep=(0, 3, 5, 7), n=20) -> Path:
    """A small static manifest written by hand; row = 2 * index + 1."""
    dataset = DatasetReference("mnist", "train", n, ["a", "b"], "0" * 64, n_rows=2 * n + 1)
    summary = {"policy": "static", "strategy": "top", "n_kept": len(keep)}
    header = make_header("manifest", "select", {"strategy": "top"}, seed=0, dataset=dataset, summary=summary)
    chance = np.random.default_rng(0)
    samples = {
        "index": np.arange(n),
        "row": 2 * np.arange(n) + 1,
        "uid": chance.integers(0, 2**63, n).astype(np.uint64),
        "label": np.arange(n) % 2,
        "el2n": chance.random(n),
    }
    return write_manifest(folder, header, [Selected(np.array(keep))], samples).path


class Desk:
    """A user's machine: a folder, a cache, and the command line."""

    def __init__(self, forks: Forks, folder: Path, url: str, token: str | None = TOKEN) -> None:
        self.forks, self.folder, self.url, self.token = forks, folder, url, token

    def curate(self, *words: object, **environment: str) -> subprocess.CompletedProcess:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "CURATE_"))}
        own = {"HF_ENDPOINT": self.url, "HF_HOME": str(self.folder / "hf"), "HF_HUB_DISABLE_XET": "1"}
        own |= {"CURATE_CACHE": str(self.folder / "cache"), "HF_HUB_DISABLE_TELEMETRY": "1"}
        own |= {"HF_TOKEN": self.token} if self.token else {}
        soon = "import time; sleep = time.sleep; time.sleep = lambda seconds: sleep(seconds / 50)"
        done = self.forks.run(words, self.folder, {**kept, **own, **environment}, soon)
        assert TOKEN not in done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done


@pytest.fixture
def hub():
    with PublishingHub(TOKEN) as server:
        yield server
    for repository in server.repositories.values():
        for _, files in repository.commits:
            assert not any(TOKEN.encode() in content for content in files.values())


@pytest.fixture
def desk(forks, tmp_path, hub):
    return Desk(forks, tmp_path, hub.url)


def line_of(done) -> str:
    """The one line of an error."""
    assert done.returncode == 2, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    return lines[0]


def head_of(page: bytes) -> dict:
    return yaml.safe_load(page.decode().split("---")[1])


@pytest.fixture(scope="session")
def pushed(forks, tmp_path_factory):
    """What two pushes leave in a repository."""
    folder = tmp_path_factory.mktemp("pushing")
    with PublishingHub(TOKEN) as hub:
        desk = Desk(forks, folder, hub.url)
        desk.curate("push", made(folder / "mine"), "ann/subsets", "--tag", "v1")
        shutil.rmtree(folder / "mine")
        desk.curate("push", made(folder / "mine", (1, 2, 4)), "ann/subsets", "--name", "mine")
    return hub.repositories["ann/subsets"]


@pytest.fixture
def published(hub, pushed):
    """A repository with a tag v1 and something newer."""
    hub.repositories["ann/subsets"] = copy.deepcopy(pushed)
    return hub.repositories["ann/subsets"]


def kept_in(folder: Path) -> list[int]:
    return open_manifest(folder).selected(0).indices.tolist()


def forged(folder: Path, **changes: object) -> dict[str, bytes]:
    """The files of a manifest with a good seal and good hashes, and something else about it that is bad."""
    header = json.loads((folder / "manifest.json").read_bytes())
    for name in ("selection.parquet", "samples.parquet"):
        header["files"][name] = file_sha256(folder / name)
    for path, value in changes.items():
        at, *names = [header, *path.split("__")]
        for name in names[:-1]:
            at = at[name]
        at[names[-1]] = value
    header["sha256"] = UNSEALED
    (folder / "manifest.json").write_text(json.dumps(header))
    seal_file(folder / "manifest.json")
    return {f"mine/{file.name}": file.read_bytes() for file in folder.iterdir()}
