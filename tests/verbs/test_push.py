"""push, against a Hub on loopback and with the real client, in processes of their own."""

import io
import json
import re
import shutil

import pytest
from helpers.hub_desk import PARTS, TOKEN, Desk, head_of, line_of, made
from helpers.hub_publishing import PublishingHub
from PIL import Image

from curate.manifests.manifest import open_manifest

pytest_plugins = ["helpers.hub_desk"]


@pytest.mark.parametrize("lfs", [False, True])
def test_push_publishes_in_one_commit_then_names_it(forks, tmp_path, lfs):
    with PublishingHub(TOKEN, lfs) as hub:
        desk = Desk(forks, tmp_path, hub.url)
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
    """Its lines, run as they stand, but for where the file lies."""
    torch = pytest.importorskip("torch")
    folder = made(tmp_path / "mine")
    desk.curate("push", folder, "ann/subsets", "--tag", "v1")
    page = hub.repositories["ann/subsets"].files["README.md"].decode()
    code = re.search(r"```python\n(.*?)```", page, re.DOTALL)[1]
    assert '"hf://datasets/ann/subsets@v1/mine"' in code
    code = code.replace("hf://datasets/ann/subsets@v1/mine", str(folder)).rpartition(
        "subset = dataset.select"
    )[0]
    names = {"torch": torch, "dataset": list(range(100, 141))}
    exec(code, names)
    assert list(names["subset"]) == [101, 107, 111, 115]


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
    result = desk.curate("list", "ann", COLUMNS="60").stdout
    assert "ann/subsets/easy" in result
    assert "keep 10.0%" in result
    assert "has published no manifests" in desk.curate("list", "bob").stdout


def test_a_dry_run_sends_and_asks_nothing(desk, hub, tmp_path):
    desk.token = None
    done = desk.curate("push", made(tmp_path / "mine"), "ann/subsets", "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert set(result["sizes"]) == {"README.md"} | {f"mine/{part}" for part in PARTS}
    assert (
        result["sizes"]["mine/selection.parquet"] == (tmp_path / "mine" / "selection.parquet").stat().st_size
    )
    assert result["commit"] is None
    assert not [line for line in hub.requests if "ann/subsets" in line or "create" in line]


def test_accuracies_of_a_replay_are_on_the_card(desk, hub, tmp_path):
    manifest = made(tmp_path / "mine")
    run = {
        "accuracy": {"mean": 0.9712, "std": 0.0031},
        "seconds": {"mean": 12.5},
        "trials": [{"samples_seen": 60}] * 3,
    }
    untimed = {"name": "full", **run, "seconds": None}
    outcome = {
        "manifest_sha256": open_manifest(manifest).header.sha256,
        "model": "lenet5",
        "device": "cpu",
        "recipe": {"n_epochs": 5},
        "runs": [{"name": "manifest", **run}, {"name": "random", **run}, untimed],
    }
    (tmp_path / "results.json").write_text(json.dumps(outcome))
    done = desk.curate("push", manifest, "ann/subsets", "--results", "results.json")
    assert done.returncode == 0, done.stderr
    page = hub.repositories["ann/subsets"].files["README.md"].decode()
    assert "| **this manifest** | 97.12 ± 0.31 % | 60 | 12.5 |" in page
    assert "| random | 97.12 ± 0.31 % | 60 | 12.5 |" in page
    assert "| full | 97.12 ± 0.31 % | 60 | unknown |" in page
    (tmp_path / "results.json").write_text(json.dumps({**outcome, "manifest_sha256": "1" * 64}))
    assert "is of another manifest" in line_of(
        desk.curate("push", manifest, "ann/subsets", "--results", "results.json")
    )
    (tmp_path / "results.json").write_text("[]")
    assert "holds no results: name the file that `curate replay` wrote" in line_of(
        desk.curate("push", manifest, "ann/subsets", "--results", "results.json")
    )


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
        ((folder, "subsets"), "is no place on the Hub: use owner/name"),
        ((folder, "ann/subsets@v1"), "names more than a repository: use owner/name, and --name and --tag"),
        ((folder, "ann/subsets", "--name", "a b"), "'a b' cannot be a manifest's name on the Hub"),
        ((tmp_path, "ann/subsets"), "is not a manifest folder"),
        ((folder, "ann/open", "--private"), "hf:ann/open is public already: leave out --private"),
    ):
        assert message in line_of(desk.curate("push", *words))
    assert set(hub.repositories) == {"ann/open"}
    assert desk.curate("push", folder, "ann/closed", "--private").returncode == 0
    assert hub.repositories["ann/closed"].private
