"""Opening what lies on the Hub: every command that takes a manifest takes one from there."""

import json

from helpers.hub_desk import line_of
from helpers.hub_server import dataset_file
from helpers.pictures import png

pytest_plugins = ["helpers.hub_desk"]


def test_compare_and_inspect_take_a_manifest_from_the_hub(desk, published):
    done = desk.curate("compare", "hf:ann/subsets@v1", "hf:ann/subsets", "--json")
    assert done.returncode == 0, done.stderr
    pair = json.loads(done.stdout)["pairs"][0]
    assert pair["selected"] == 0  # 0, 3, 5, 7 in the first, 1, 2, 4 in the second
    for reference in ("hf:ann/subsets@v1", "hf:ann/subsets/mine@v1"):
        done = desk.curate("inspect", reference, "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["facts"]["kept"] == "4 of 20 samples (20.0%)"
    offline = desk.curate("inspect", "hf:ann/subsets/mine@v1", "--json", HF_HUB_OFFLINE="1")
    assert offline.stdout == done.stdout


def test_a_repository_of_images_is_a_dataset_and_one_of_neither_is_named(desk, hub):
    hub.made(
        "ann/shapes", {"train.parquet": dataset_file([png(4, 4), png(4, 4, seed=1)], [0, 1], ["a", "b"])}
    )
    done = desk.curate("inspect", "hf:ann/shapes", "--split", "all", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["title"] == "dataset hf:ann/shapes"
    hub.made("ann/words", {"words.txt": b"nothing to see"})
    assert "hf:ann/words has no Parquet files: use a dataset that has" in line_of(
        desk.curate("inspect", "hf:ann/words")
    )


def test_train_builds_on_a_session_on_the_hub_and_names_no_folder_of_the_cache(
    desk, hub, digits_session, tmp_path
):
    done = desk.curate("push", digits_session, "ann/sessions", "--name", "ucb", "--tag", "v1")
    assert done.returncode == 0, done.stderr
    words = ["train", "digits", "--policy", "always-random", "--keep", "0.5", "--epochs", "1"]
    done = desk.curate(*words, "--set", "width=2", "--from", "hf:ann/sessions@v1", "-o", "run")
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "run" / "manifest.json").read_text()
    assert json.loads(text)["options"]["policy_options"]["manifest"] == "hf:ann/sessions@v1"
    assert str(tmp_path) not in text
