"""resized_crop: parts as torchvision draws them, cut out of photographs as they are stored."""

import pickle

import numpy as np
import pytest
import torch
from helpers.pictures import encoded, noise, write
from torchvision.transforms import RandomResizedCrop

import curate
from curate.data.dataset import Options, open_dataset
from curate.data.images import as_stored
from curate.errors import CurateError
from curate.rng import rng
from curate.training.augmentations.resized_crop import ResizedCrop

N = 20_000


def boxes_of(augmentation, height, width, n=N):
    drawn = augmentation.draw(n, (32, 32), rng(0, "augment", 0))
    return augmentation.boxes(np.tile(np.array([height, width], np.int32), (n, 1)), drawn)


@pytest.mark.parametrize(("height", "width"), [(375, 500), (500, 375), (64, 64), (40, 400)])
def test_parts_are_drawn_as_torchvision_draws_them(height, width):
    """Height, width and both places have its means and spreads; also where only the centre fits."""
    torch.manual_seed(0)
    image = torch.zeros(3, height, width)
    theirs = np.array([RandomResizedCrop.get_params(image, (0.08, 1.0), (3 / 4, 4 / 3)) for _ in range(4000)])
    ours = boxes_of(ResizedCrop(), height, width)
    for place in range(4):
        spread = theirs[:, place].std() + 1e-9
        assert abs(ours[:, place].mean() - theirs[:, place].mean()) < 5 * spread / np.sqrt(4000) + 0.5
        assert abs(ours[:, place].std() - spread) < 0.06 * spread + 0.1


def test_parts_have_the_area_and_the_sides_that_are_asked_for():
    boxes = boxes_of(ResizedCrop(least=0.5, ratio=1.0), 300, 300)
    share = boxes[:, 2] * boxes[:, 3] / 90_000
    assert share.min() > 0.49
    assert (boxes[:, 2] == boxes[:, 3]).all()
    assert np.array_equal(boxes_of(ResizedCrop(least=1.0, ratio=1.0), 300, 300)[0], [0, 0, 300, 300])


@pytest.mark.parametrize("how", [{"least": 0.0}, {"least": 1.5}, {"ratio": 0.5}])
def test_what_makes_no_part_is_refused(how):
    with pytest.raises(CurateError, match="is out of range"):
        ResizedCrop(**how)


@pytest.fixture
def photos(here):
    """Two classes of pictures of several sizes: smooth, so that a scaled decoding is near to a full one."""
    for number in range(12):
        height, width = 90 + 17 * (number % 3), 120 - 13 * (number % 4)
        ys, xs = np.mgrid[:height, :width]
        image = np.stack([ys * 2 % 256, xs * 2 % 256, (xs + ys) % 256], axis=2).astype(np.uint8)
        kind = "PNG" if number % 2 else "JPEG"
        write(here / "photos" / "ab"[number % 2] / f"{number:02}.{kind.lower()}", encoded(image, kind))
    return here / "photos"


@pytest.mark.parametrize(
    ("sides", "part"),
    [
        ((375, 500), (328, 328)),  # torchvision: 256 pixels high, and of these 224
        ((500, 375), (328, 328)),
        ((256, 256), (224, 224)),
        ((240, 900), (224, 224)),  # 210 would be scaled up
        ((100, 300), (100, 100)),  # all there is
    ],
)
def test_networks_are_tested_on_the_middle(sides, part):
    height, width = part
    box = ResizedCrop().tested(np.array([sides], np.int32), (224, 224))[0].tolist()
    assert box == [(sides[0] - height) // 2, (sides[1] - width) // 2, height, width]


def test_the_part_that_is_tested_has_the_form_of_the_input():
    box = ResizedCrop().tested(np.array([[300, 300]], np.int32), (50, 100))[0].tolist()
    assert box == [84, 19, 131, 262]


def test_training_on_parts_is_the_same_again_in_memory_or_not(photos, here):
    """And what it is tested on: parts come from the files, though squares would fit into memory."""
    how = {
        "hyperparameters": {"n_epochs": 2, "batch_size": 4, "augment": "resized-crop"},
        "options": {"width": 2},
    }
    for number in range(6):
        write(here / "test" / "ab"[number % 2] / f"{number}.png", encoded(noise(48, 60, 3, seed=number)))
    losses = set()
    for number, stream in enumerate((False, True, False)):  # the third finds an index of the images
        opening = Options("all", image_size=32, stream=stream)
        made = curate.train("photos", opening=opening, test="test", output=f"m{number}", **how)
        losses.add((made.epochs[-1].train_loss, made.epochs[-1].test_loss))
    assert len(losses) == 1
    plain = {**how, "hyperparameters": {**how["hyperparameters"], "augment": "none"}}
    other = curate.train("photos", opening=opening, test="test", output="three", **plain)
    assert (other.epochs[-1].train_loss, other.epochs[-1].test_loss) not in losses


def test_where_there_are_no_files_to_cut_from_it_is_said(photos):
    held = pickle.loads(pickle.dumps(open_dataset("photos", Options("all", image_size=64)).images))
    with pytest.raises(CurateError, match="other processes do not read: use --jobs 1"):
        as_stored(held)
