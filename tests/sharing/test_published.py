"""What is published names no path of this machine, and has a good seal."""

import json
import shutil
from dataclasses import replace

import pytest
from helpers.hub_desk import forged
from helpers.manifests import EPOCHS, made

from curate.artifacts.header import DatasetReference, Header, Step
from curate.manifests.manifest import open_manifest
from curate.sharing.published import own_name, published_header, without_folders


@pytest.mark.parametrize(
    ("reference", "own"),
    [
        ("/home/ann/photos", "photos"),
        ("/home/ann/photos/", "photos"),
        ("../data/a.npz+noise=0.1", "a.npz+noise=0.1"),
        ("folder:/home/ann/photos", "folder:photos"),
        ("C:\\Users\\ann\\photos", "photos"),
        ("~/photos", "photos"),
        ("/", "dataset"),
        ("photos", "photos"),
        ("mnist+noise=0.1", "mnist+noise=0.1"),
        ("hf:owner/name@main", "hf:owner/name@main"),
    ],
)
def test_a_path_goes_by_its_own_name(reference, own):
    assert own_name(reference) == own


def test_no_option_of_any_step_names_a_path():
    dataset = DatasetReference(
        "/home/ann/photos", "train", 3, ["a"], "f", skipped=["/home/ann/photos/train/cat/1.jpg"]
    )
    options = {
        "test": "data/held-out",
        "keep": "1/3",
        "model": "timm:owner/net",
        "from": ["/home/ann/scores.csv"],
        "policy_options": {"manifest": "runs/a", "scores": "/home/ann/s.parquet", "beta": 0.5, "of": "a/b"},
    }
    step = Step("score", {"weights": "/home/ann/run"}, 0)
    clean = without_folders(Header("manifest", dataset, "train", options, lineage=(step,)))
    assert "ann/" not in json.dumps(clean.to_json())
    assert clean.dataset.skipped == ["cat/1.jpg"]
    assert clean.options == {
        "test": "held-out",
        "keep": "1/3",
        "model": "timm:owner/net",
        "from": ["scores.csv"],
        "policy_options": {"manifest": "a", "scores": "s.parquet", "beta": 0.5, "of": "a/b"},
    }
    assert clean.lineage[0].options == {"weights": "run"}


def test_a_header_without_paths_is_published_byte_for_byte(tmp_path):
    folder = made(tmp_path / "m", EPOCHS)
    original = (folder / "manifest.json").read_bytes()
    header = open_manifest(folder).header
    assert published_header(header, original) == (header, original)


def test_a_header_with_paths_is_sealed_anew(tmp_path):
    folder = made(tmp_path / "m", EPOCHS)
    forged(folder, dataset__reference="/home/ann/photos")
    header, content = published_header(open_manifest(folder).header, b"")
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / "manifest.json").write_bytes(content)
    assert open_manifest(copy).header == header
    assert b"ann" not in content
    assert header.dataset.reference == "photos"
    assert replace(header, sha256="", dataset=open_manifest(folder).header.dataset) == replace(
        open_manifest(folder).header, sha256=""
    )
