"""push, pull, list and replay, against a Hub on loopback and with the real client, in own processes."""

import io
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hub_publishing import PublishingHub
from PIL import Image

import curate
from curate.artifact import UNSEALED, file_sha256, make_header, seal_file
from curate.errors import CurateError, DamagedError
from curate.hub import Remote, RemoteFile
from curate.manifest import Selected, open_manifest, write_manifest
from curate.published import Address, names_in, parse

TOKEN = "hf_a_secret_that_nobody_sees"
PARTS = {"manifest.json", "selection.parquet", "samples.parquet", "histogram.png", "README.md"}


def made(folder: Path, keep=(0, 3, 5, 7), n=20) -> Path:
    """A small static manifest written by hand."""
    dataset = {"reference": "mnist", "split": "train", "n": n, "classes": ["a", "b"], "fingerprint": "0" * 64}
    header = make_header("manifest", "select", {"strategy": "top"}, seed=0, dataset=dataset)
    header["summary"] = {"policy": "static", "strategy": "top", "n_kept": len(keep)}
    chance = np.random.default_rng(0)
    samples = {
        "index": np.arange(n),
        "uid": chance.integers(0, 2**63, n).astype(np.uint64),
        "label": np.arange(n) % 2,
        "el2n": chance.random(n),
    }
    return write_manifest(folder, header, [Selected(np.array(keep))], samples).path


class Desk:
    """A user's machine: a folder, a cache, and the command line."""

    def __init__(self, folder: Path, url: str, token: str | None = TOKEN) -> None:
        self.folder, self.url, self.token = folder, url, token

    def curate(self, *words: object, **environment: str) -> subprocess.CompletedProcess:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "CURATE_"))}
        own = {"HF_ENDPOINT": self.url, "HF_HOME": str(self.folder / "hf"), "HF_HUB_DISABLE_XET": "1"}
        own |= {"CURATE_CACHE": str(self.folder / "cache"), "HF_HUB_DISABLE_TELEMETRY": "1"}
        own |= {"HF_TOKEN": self.token} if self.token else {}
        done = subprocess.run(
            [sys.executable, "-c", "from curate import hub; hub._FIRST_WAIT = 0.05\nimport curate.__main__"]
            + [str(word) for word in words],
            cwd=self.folder,
            env={**kept, **own, **environment},
            capture_output=True,
            text=True,
            timeout=120,
        )
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
def desk(tmp_path, hub):
    return Desk(tmp_path, hub.url)


def line_of(done) -> str:
    """The one line of an error."""
    assert done.returncode == 2, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    return lines[0]


def head_of(page: bytes) -> dict:
    return yaml.safe_load(page.decode().split("---")[1])


# ------------------------------------------------------------------------------------------------- push


@pytest.mark.parametrize("lfs", [False, True])
def test_push_publishes_in_one_commit_then_names_it(tmp_path, lfs):
    with PublishingHub(TOKEN, lfs) as hub:
        desk = Desk(tmp_path, hub.url)
        folder = made(tmp_path / "mine")
        (folder / "model.safetensors").write_bytes(b"weights stay here")
        done = desk.curate("push", folder, "ann/subsets", "--tag", "v1")
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip() == "hf:ann/subsets/mine@v1"
        repository = hub.repositories["ann/subsets"]
        assert len(repository.commits) == 2
        assert repository.tags == {"v1": repository.head}
        assert set(repository.files) == {".gitattributes", "README.md"} | {f"mine/{part}" for part in PARTS}
        for part in ("manifest.json", "selection.parquet", "samples.parquet"):
            assert repository.files[f"mine/{part}"] == (folder / part).read_bytes()
        hub.requests.clear()
        again = desk.curate("push", folder, "ann/subsets", "--tag", "v1")
        assert again.returncode == 0, again.stderr
        assert "sent 0 bytes" in again.stderr
        assert not [line for line in hub.requests if "commit" in line or "preupload" in line or "lfs" in line]
        made(tmp_path / "mine", keep=(1, 2)) if shutil.rmtree(folder) is None else None
        hub.sent.clear()
        changed = desk.curate("push", tmp_path / "mine", "ann/subsets", "--tag", "v2")
        assert changed.returncode == 0, changed.stderr
        assert "mine/selection.parquet" in hub.sent
        assert len(repository.commits) == 3
        assert repository.tags["v1"] != repository.tags["v2"] == repository.head


def test_the_card_is_for_people_and_for_the_viewer(desk, hub, tmp_path):
    desk.curate("push", made(tmp_path / "mine"), "ann/subsets", "--tag", "v1", "--licence", "cc-by-sa-3.0")
    files = hub.repositories["ann/subsets"].files
    page = files["README.md"].decode()
    head = head_of(files["README.md"])
    assert head["license"] == "cc-by-sa-3.0"
    assert {"curate", "data-pruning"} <= set(head["tags"])
    assert {one["config_name"]: one["data_files"] for one in head["configs"]} == {
        "mine-selection": "mine/selection.parquet",
        "mine-samples": "mine/samples.parquet",
    }
    assert head["curate"] == [
        {"name": "mine", "dataset": "mnist", "keep": 0.2, "policy": "top", "n_epochs": 1}
    ]
    for words in (
        "4 of 20 samples (20.0%)",
        "[mnist](https://huggingface.co/datasets/ylecun/mnist)",
        "cc-by-sa",
    ):
        assert words in page
    assert "curate replay hf:ann/subsets/mine@v1 --data mnist" in page
    assert "![histogram](mine/histogram.png)" in page
    with Image.open(io.BytesIO(files["mine/histogram.png"])) as picture:
        assert picture.size == (720, 320)
        assert len(picture.getcolors(1 << 20)) > 3


def test_the_code_on_the_card_selects_the_subset(desk, hub, tmp_path):
    """Its three lines, run as they stand, but for where the file lies."""
    torch = pytest.importorskip("torch")
    folder = made(tmp_path / "mine")
    desk.curate("push", folder, "ann/subsets", "--tag", "v1")
    page = hub.repositories["ann/subsets"].files["README.md"].decode()
    code = re.search(r"```python\n(.*?)```", page, re.DOTALL)[1]
    assert '"hf://datasets/ann/subsets@v1/mine/selection.parquet"' in code
    code = code.replace("hf://datasets/ann/subsets@v1/mine", str(folder)).rpartition(
        "subset = dataset.select"
    )[0]
    names = {"torch": torch, "dataset": list(range(100, 120))}
    exec(code, names)
    assert list(names["subset"]) == [100, 103, 105, 107]


def test_several_manifests_share_a_repository(desk, hub, tmp_path):
    desk.curate("push", made(tmp_path / "easy", (1, 2)), "ann/subsets")
    done = desk.curate("push", made(tmp_path / "hard", (8, 9, 10)), "ann/subsets", "--tag", "both")
    assert done.returncode == 0, done.stderr
    files = hub.repositories["ann/subsets"].files
    names = [one["config_name"] for one in head_of(files["README.md"])["configs"]]
    assert names == ["easy-selection", "easy-samples", "hard-selection", "hard-samples"]
    assert files["README.md"].count(b"# easy") == files["README.md"].count(b"# hard") == 1
    assert "has 2 manifests: name one, as in ann/subsets/easy (easy, hard)" in line_of(
        desk.curate("pull", "ann/subsets")
    )
    shutil.rmtree(tmp_path / "hard")
    done = desk.curate("pull", "ann/subsets/hard@both")
    assert done.stdout.strip() == "hard"
    assert open_manifest(tmp_path / "hard").selected(0).indices.tolist() == [8, 9, 10]
    listed = json.loads(desk.curate("list", "ann", "--json").stdout)["manifests"]
    assert [(one["repository"], one["name"], one["keep"]) for one in listed] == [
        ("ann/subsets", "easy", 0.1),
        ("ann/subsets", "hard", 0.15),
    ]
    said = desk.curate("list", "ann", COLUMNS="60").stdout
    assert "ann/subsets/easy" in said
    assert "keep 10.0%" in said
    assert "has published no manifests" in desk.curate("list", "bob").stdout


def test_a_dry_run_sends_and_asks_nothing(desk, hub, tmp_path):
    desk.token = None
    done = desk.curate("push", made(tmp_path / "mine"), "ann/subsets", "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert set(said["sizes"]) == {"README.md"} | {f"mine/{part}" for part in PARTS}
    assert said["sizes"]["mine/selection.parquet"] == (tmp_path / "mine" / "selection.parquet").stat().st_size
    assert said["commit"] is None
    assert not [line for line in hub.requests if "ann/subsets" in line or "create" in line]


def test_accuracies_of_a_replay_are_on_the_card(desk, hub, tmp_path):
    manifest = made(tmp_path / "mine")
    run = {
        "accuracy": {"mean": 0.9712, "std": 0.0031},
        "seconds": {"mean": 12.5},
        "trials": [{"samples_seen": 60}] * 3,
    }
    found = {
        "manifest_sha256": open_manifest(manifest).header["sha256"],
        "model": "lenet5",
        "device": "cpu",
        "recipe": {"n_epochs": 5},
        "runs": [{"name": "manifest", **run}, {"name": "random", **run}],
    }
    (tmp_path / "found.json").write_text(json.dumps(found))
    done = desk.curate("push", manifest, "ann/subsets", "--results", "found.json")
    assert done.returncode == 0, done.stderr
    page = hub.repositories["ann/subsets"].files["README.md"].decode()
    assert "| **this manifest** | 97.12 ± 0.31 % | 60 | 12.5 |" in page
    assert "| random | 97.12 ± 0.31 % | 60 | 12.5 |" in page
    (tmp_path / "found.json").write_text(json.dumps({**found, "manifest_sha256": "1" * 64}))
    assert "is of another manifest" in line_of(
        desk.curate("push", manifest, "ann/subsets", "--results", "found.json")
    )
    (tmp_path / "found.json").write_text("[]")
    assert "is not what `curate replay --json` prints" in line_of(
        desk.curate("push", manifest, "ann/subsets", "--results", "found.json")
    )


# ------------------------------------------------------------------------------------- push, when it fails


def test_someone_else_was_faster(desk, hub, tmp_path):
    repository = hub.made("ann/subsets", {"README.md": b"# theirs"})
    hub.faults["POST /api/datasets/ann/subsets/commit"] = ["overtake"]
    done = desk.curate("push", made(tmp_path / "mine"), "ann/subsets", "--tag", "v1")
    assert "was changed by someone else meanwhile: nothing was published, run this again" in line_of(done)
    assert repository.files == {"README.md": b"# theirs", "theirs.txt": b"theirs"}
    assert repository.tags == {}
    again = desk.curate("push", tmp_path / "mine", "ann/subsets", "--tag", "v1")
    assert again.returncode == 0, again.stderr
    assert {"theirs.txt", "mine/manifest.json"} <= set(repository.files)


@pytest.mark.parametrize("fault", ["drop", "drop-after", 503])
def test_a_connection_lost_in_the_commit(desk, hub, tmp_path, fault):
    """Whether the commit arrived or not is looked up before anything is sent again."""
    hub.made("ann/subsets", {".gitattributes": b""})
    hub.faults["/commit/"] = [fault]
    done = desk.curate("push", made(tmp_path / "mine"), "ann/subsets", "--tag", "v1")
    assert done.returncode == 0, done.stderr
    assert "looking again (2 more)" in done.stderr
    repository = hub.repositories["ann/subsets"]
    assert len(repository.commits) == 2
    assert repository.tags == {"v1": repository.head}


def test_a_hub_that_keeps_failing_is_left_in_the_end(desk, hub, tmp_path):
    hub.made("ann/subsets", {".gitattributes": b""})
    hub.faults["/commit/"] = [500] * 50
    done = desk.curate("push", made(tmp_path / "mine"), "ann/subsets")
    assert "the Hub answered 500" in line_of(done)
    assert len(hub.repositories["ann/subsets"].commits) == 1
    assert sum("/commit/" in line for line in hub.requests) == 3


@pytest.mark.parametrize(("token", "status"), [(None, 401), ("hf_of_someone_else", 403)])
def test_no_right_to_write(desk, hub, tmp_path, token, status):
    desk.token = token
    done = desk.curate("push", made(tmp_path / "mine"), "ann/subsets")
    assert f"does not let you do this ({status}): set HF_TOKEN to a token that may write" in line_of(done)
    assert "hf_of_someone_else" not in done.stderr
    assert hub.repositories == {}


def test_a_tag_of_something_else_is_not_moved(desk, hub, tmp_path):
    repository = hub.made("ann/subsets", {".gitattributes": b""})
    before = repository.tags["v1"] = repository.head
    done = desk.curate("push", made(tmp_path / "mine"), "ann/subsets", "--tag", "v1")
    assert "has a tag v1 already, of something else: the files are published as" in line_of(done)
    assert repository.tags == {"v1": before}


def test_wrong_words(desk, hub, tmp_path):
    folder = made(tmp_path / "mine")
    hub.made("ann/open", {".gitattributes": b""})
    for words, message in (
        ((folder, "subsets"), "names no manifest on the Hub: use owner/name"),
        ((folder, "ann/subsets@v1"), "names more than a repository: use owner/name, and --name and --tag"),
        ((folder, "ann/subsets", "--name", "a b"), "'a b' cannot be a manifest's name on the Hub"),
        ((tmp_path, "ann/subsets"), "is not a manifest folder"),
        ((folder, "ann/open", "--private"), "hf:ann/open is public already: leave out --private"),
    ):
        assert message in line_of(desk.curate("push", *words))
    assert set(hub.repositories) == {"ann/open"}
    assert desk.curate("push", folder, "ann/closed", "--private").returncode == 0
    assert hub.repositories["ann/closed"].private


# ------------------------------------------------------------------------------------------------- pull


@pytest.fixture
def published(desk, hub, tmp_path):
    """A repository with a tag v1 and something newer."""
    desk.curate("push", made(tmp_path / "mine"), "ann/subsets", "--tag", "v1")
    shutil.rmtree(tmp_path / "mine")
    desk.curate("push", made(tmp_path / "mine", (1, 2, 4)), "ann/subsets", "--name", "mine")
    shutil.rmtree(tmp_path / "mine")
    shutil.rmtree(tmp_path / "cache", ignore_errors=True)
    return hub.repositories["ann/subsets"]


def kept_in(folder: Path) -> list[int]:
    return open_manifest(folder).selected(0).indices.tolist()


def test_pull_takes_a_tag_a_commit_or_the_newest_and_works_offline(desk, hub, published, tmp_path):
    done = desk.curate("pull", "ann/subsets@v1", "-o", "old")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "old"
    assert "of mnist (train, 20 samples" in done.stderr
    assert kept_in(tmp_path / "old") == [0, 3, 5, 7]
    assert {file.name for file in (tmp_path / "old").iterdir()} == PARTS
    assert "old exists: use --force" in line_of(desk.curate("pull", "ann/subsets@v1", "-o", "old"))
    hub.requests.clear()
    offline = desk.curate("pull", "ann/subsets@v1", "-o", "offline", HF_HUB_OFFLINE="1")
    assert offline.returncode == 0, offline.stderr
    assert kept_in(tmp_path / "offline") == [0, 3, 5, 7]
    assert not [line for line in hub.requests if "datasets" in line]
    assert "was not fetched before and the Hub is out of reach" in line_of(
        desk.curate("pull", "ann/subsets", "-o", "x", HF_HUB_OFFLINE="1")
    )
    assert kept_in(_pulled(desk, tmp_path, "ann/subsets", "new")) == [1, 2, 4]
    assert kept_in(_pulled(desk, tmp_path, f"ann/subsets/mine@{published.tags['v1']}", "commit")) == [
        0,
        3,
        5,
        7,
    ]
    # Nobody there any more: what was fetched serves, and it is said.
    gone = Desk(tmp_path, "http://127.0.0.1:9")
    done = gone.curate("pull", "ann/subsets@v1", "-o", "gone")
    assert done.returncode == 0, done.stderr
    assert "using what was fetched before" in done.stderr
    # A part is never passed off as the whole.
    for file in (tmp_path / "cache").rglob("samples.parquet"):
        file.unlink()
    assert "is incomplete: samples.parquet is missing" in line_of(
        desk.curate("pull", "ann/subsets@v1", "-o", "part", HF_HUB_OFFLINE="1")
    )
    assert not (tmp_path / "part").exists()


def _pulled(desk, folder, reference, name):
    done = desk.curate("pull", reference, "-o", name)
    assert done.returncode == 0, done.stderr
    return folder / name


def test_a_slow_and_failing_hub_is_asked_again_and_it_is_said(desk, hub, published, tmp_path):
    hub.faults["GET /api/datasets/ann/subsets/tree"] = [429, 500, "slow"]
    done = desk.curate("pull", "ann/subsets@v1", "-o", "old")
    assert done.returncode == 0, done.stderr
    assert "Retrying in 1s [Retry 1/5]" in done.stderr
    assert "Retrying in 2s [Retry 2/5]" in done.stderr
    hub.faults = {"GET /api/datasets/ann/subsets": [429, 500]}
    done = desk.curate("pull", "ann/subsets", "-o", "newest")
    assert done.returncode == 0, done.stderr
    assert "the Hub answered 429: trying again" in done.stderr
    assert "the Hub answered 500: trying again" in done.stderr
    shutil.rmtree(tmp_path / "cache")
    hub.faults["GET /api/datasets/ann/subsets"] = [503] * 50
    done = desk.curate("pull", "ann/subsets@v1", "-o", "new")
    assert "was not fetched before and the Hub is out of reach" in line_of(done)
    assert done.stderr.count("trying again") == 3


def test_what_is_not_there(desk, hub, published):
    hub.made("ann/empty", {"data.parquet": b"x"})
    for reference, message in (
        ("ann/none", "hf:ann/none is not on the Hub, or not open to you: check the name, or set HF_TOKEN"),
        ("ann/subsets@v9", "hf:ann/subsets has no revision 'v9': leave out @v9"),
        ("ann/subsets/yours", "hf:ann/subsets has no manifest 'yours': it has mine"),
        ("ann/empty", "hf:ann/empty has no manifest of curate"),
        ("ann", "ann names no manifest on the Hub"),
        ("ann/subsets/../x", "names no manifest on the Hub"),
    ):
        assert message in line_of(desk.curate("pull", reference, "-o", "x"))


def with_part(repository, path, content):
    """The repository, with one file changed by someone."""
    repository.add({**repository.files, path: content})


def refused(desk, tmp_path) -> str:
    before = {path.name for path in tmp_path.iterdir()}
    line = line_of(desk.curate("pull", "ann/subsets", "-o", "out"))
    assert {path.name for path in tmp_path.iterdir()} - before <= {"hf", "cache"}
    assert not list((tmp_path / "cache").rglob("manifest.json"))
    return line


def test_tampered_files_are_noticed(desk, published, tmp_path):
    content = bytearray(published.files["mine/selection.parquet"])
    content[len(content) // 2] ^= 1
    with_part(published, "mine/selection.parquet", bytes(content))
    assert "hf:ann/subsets/mine/selection.parquet is damaged" in refused(desk, tmp_path)
    header = json.loads(published.files["mine/manifest.json"])
    header["summary"]["n_kept"] = 5
    with_part(published, "mine/manifest.json", json.dumps(header).encode())
    assert "is damaged: its content does not match its sha256" in refused(desk, tmp_path)


def test_paths_that_leave_the_folder_are_refused(desk, published, tmp_path):
    with_part(published, "mine/../../evil", b"evil")
    assert "has a path that leaves its folder" in refused(desk, tmp_path)
    assert not (tmp_path.parent / "evil").exists()


@pytest.mark.parametrize(
    "path", ["../evil", "/etc/evil", "mine/../../evil", "mine\\..\\evil", "a//b", "", "./a"]
)
def test_such_paths_are_an_error_whatever_else_is_there(path):
    files = {name: RemoteFile(1, "0", None) for name in (*(f"mine/{part}" for part in PARTS), path)}
    with pytest.raises(CurateError, match="has a path that leaves its folder"):
        names_in(Remote("ann/x", "0", False, files))
    del files[path]
    assert names_in(Remote("ann/x", "0", False, files)) == ["mine"]


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


def test_files_that_only_look_good(tmp_path):
    """Hostile manifests, refused when opened, from wherever they come; none takes long or much memory."""
    n = 16_000_000
    zeros = pa.array(np.zeros(n, np.int64))
    columns = {"index": zeros, "uid": zeros.cast(pa.uint64()), **{f"c{place}": zeros for place in range(10)}}
    bomb = io.BytesIO()
    pages = {"data_page_size": 2**30, "max_rows_per_page": 2**30, "row_group_size": n}
    pq.write_table(pa.table(columns), bomb, compression="zstd", **pages)
    assert len(bomb.getvalue()) < 93_000

    def fresh(name):
        shutil.rmtree(tmp_path / "mine", ignore_errors=True)
        return made(tmp_path / "mine")

    folder = fresh("bomb")
    (folder / "samples.parquet").write_bytes(bomb.getvalue())
    forged(folder, dataset__n=n)
    started = time.monotonic()
    with pytest.raises(DamagedError, match=r"unpacks to .* MiB: it is not read"):
        open_manifest(folder)
    assert time.monotonic() - started < 20

    folder = fresh("words")
    long = pa.DictionaryArray.from_arrays(pa.array(np.zeros(20, np.int32)), ["x" * 5000]).cast(pa.string())
    table = pq.read_table(folder / "samples.parquet").append_column("reason", long)
    pq.write_table(table, folder / "samples.parquet")
    forged(folder)
    with pytest.raises(DamagedError, match="reason has words beyond 1024 letters"):
        _ = open_manifest(folder).samples

    folder = fresh("types")
    table = pq.read_table(folder / "samples.parquet").append_column("list", pa.array([[1]] * 20))
    pq.write_table(table, folder / "samples.parquet")
    forged(folder)
    with pytest.raises(DamagedError, match="columns of other types than samples have"):
        open_manifest(folder)

    folder = fresh("selection")
    pq.write_table(
        pa.table({"epoch": pa.array([0], pa.int32()), "index": ["0"]}), folder / "selection.parquet"
    )
    forged(folder)
    with pytest.raises(DamagedError, match="not those of a selection"):
        open_manifest(folder)

    folder = fresh("more")
    rows = {"epoch": pa.array(np.zeros(21, np.int32)), "index": pa.array(np.arange(21))}
    pq.write_table(pa.table(rows), folder / "selection.parquet")
    forged(folder)
    with pytest.raises(DamagedError, match="selects 21 samples in epoch 0, more than there are"):
        open_manifest(folder)

    for name in ("../outside", "/etc/passwd", "a/b"):
        folder = fresh("path")
        forged(folder, files={**json.loads((folder / "manifest.json").read_bytes())["files"], name: "0" * 64})
        with pytest.raises(DamagedError, match="names a file that is not its own"):
            open_manifest(folder)

    folder = fresh("without")
    forged(folder, files={})
    with pytest.raises(DamagedError, match=r"does not name selection\.parquet"):
        open_manifest(folder)


def test_a_forged_manifest_is_not_pulled(desk, published, tmp_path):
    folder = made(tmp_path / "mine")
    rows = {"epoch": pa.array(np.zeros(21, np.int32)), "index": pa.array(np.arange(21))}
    pq.write_table(pa.table(rows), folder / "selection.parquet")
    files = forged(folder)
    shutil.rmtree(folder)
    published.add({**published.files, **files})
    assert "hf:ann/subsets/mine/selection.parquet selects 21 samples" in refused(desk, tmp_path)


# ------------------------------------------------------------------------------------------- the round trip


def test_push_pull_and_replay_end_in_the_same_weights(desk, hub, tmp_path):
    recipe = {"n_epochs": 3}
    run = curate.train(
        "digits",
        policy="ucb",
        keep=0.3,
        period=1,
        recipe=recipe,
        options={"width": 4},
        output=tmp_path / "run",
    ).manifest
    done = desk.curate("push", run.path, "ann/digits", "--tag", "v1")
    assert done.returncode == 0, done.stderr
    assert not [path for path in hub.sent if "model" in path or "metrics" in path]
    words = ["--trials", "1", "--json"]
    there = desk.curate("replay", "hf:ann/digits@v1", "--data", "digits", *words)
    assert there.returncode == 0, there.stderr
    here = curate.replay(run, "digits", trials=1)
    (trial,) = json.loads(there.stdout)["runs"][0]["trials"]
    assert trial["weights_sha256"] == here.runs[0].trials[0].weights_sha256
    assert desk.curate("pull", "ann/digits@v1", "-o", "pulled").returncode == 0
    pulled = open_manifest(tmp_path / "pulled")
    assert pulled.header == run.header
    for epoch in range(3):
        assert (pulled.selected(epoch).indices == run.selected(epoch).indices).all()
    loaded = subprocess.run(
        [
            sys.executable,
            "-c",
            "import curate; print(curate.load_manifest('hf:ann/digits@v1').indices(1).sum())",
        ],
        env={**os.environ, "CURATE_CACHE": str(tmp_path / "cache"), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(loaded.stdout) == run.selected(1).indices.sum()


# -------------------------------------------------------------------------------------------- small things


@pytest.mark.parametrize(
    ("reference", "address"),
    [
        ("ann/x", Address("ann/x")),
        ("hf:ann/x@v1", Address("ann/x", None, "v1")),
        ("ann/x.y-z/hard_0.3@a/b", Address("ann/x.y-z", "hard_0.3", "a/b")),
    ],
)
def test_addresses_are_taken_apart(reference, address):
    assert parse(reference) == address
    assert parse(str(address)) == address


@pytest.mark.parametrize(
    "reference", ["", "ann", "hf:", "/x", "ann/", "ann/x/y/z", "ann/../x", "../ann/x", "a b/c"]
)
def test_what_is_no_address_is_refused(reference):
    with pytest.raises(CurateError, match="names no manifest on the Hub"):
        parse(reference)
