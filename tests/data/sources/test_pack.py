"""A pack opens as the dataset that it was made of, and nothing is decoded for it."""

import numpy as np
import pytest
from helpers.commands import assert_error
from helpers.pictures import photographs

import curate
from curate.data import decoding as reading
from curate.data.dataset import Options, open_dataset
from curate.data.images import MappedImages, ResidentImages
from curate.errors import CurateError


@pytest.fixture
def photos(here):
    return photographs(here)


def test_a_pack_is_the_same_dataset_and_decodes_nothing(photos, cli, monkeypatch):
    done = cli("pack", "photos", "--image-size", 24)
    assert done.code == 0, done.err
    assert done.last == "photos-24px-pack.safetensors"
    assert "20 images of 24 x 24 pixels" in done.err
    whole = open_dataset("photos", Options("train", image_size=24))
    monkeypatch.setattr(reading, "decode", lambda *_: pytest.fail("an image is decoded"))
    packed = open_dataset(done.last)
    assert packed.fingerprint == whole.fingerprint
    assert packed.classes == whole.classes
    assert packed.rows.tolist() == whole.rows.tolist()
    assert np.array_equal(packed.images.read(np.arange(20)), whole.images.read(np.arange(20)))
    streamed = open_dataset(done.last, Options(stream=True))
    assert isinstance(packed.images, ResidentImages)
    assert isinstance(streamed.images, MappedImages)
    assert np.array_equal(streamed.images.read(np.array([7, 3])), whole.images.read(np.array([7, 3])))


def test_another_split_or_size_is_refused_or_made(photos, cli):
    curate.pack("photos", opening=Options(image_size=32), output="p.safetensors")
    with pytest.raises(CurateError, match=r"p\.safetensors is the train split of photos: pack another"):
        open_dataset("p.safetensors", Options("test"))
    small = open_dataset("p.safetensors", Options(image_size=16, channels=1))
    assert small.images.shape == (16, 16, 1)
    assert small.images.read(np.arange(3)).shape == (3, 16, 16, 1)
    assert len(open_dataset("p.safetensors", Options("all"))) == 20
    assert_error(cli("pack", "photos", "-o", "p.npz"), "p.npz is written as .safetensors")
    assert_error(cli("pack", "photos", "-o", "p"), "p has no ending by which it is known again")
    assert_error(cli("cluster", "p.safetensors"), "p.safetensors")
