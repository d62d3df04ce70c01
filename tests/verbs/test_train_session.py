"""The session of a `train`: what the data decide of it, and what is said before it begins."""

import numpy as np
import pytest

import curate
from curate.networks import memory
from curate.progress import Progress

EPOCH = {"n_epochs": 1}


class Heard(Progress):
    def __init__(self):
        self.texts = []

    def note(self, text):
        self.texts.append(text)


@pytest.fixture
def photographs():
    """24 colour images of 50 x 50, of two classes, and a test set of them."""
    pixels = np.random.default_rng(0).integers(0, 256, (24, 50, 50, 3), dtype=np.uint8)
    data = curate.Dataset.from_arrays(pixels, np.arange(24) % 2)
    return data, data.take(np.arange(6))


def test_the_model_is_one_for_the_images_and_it_is_said(photographs, tmp_path):
    data, test = photographs
    heard = Heard()
    made = curate.train(
        data,
        test=test,
        options={"width": "2"},
        hyperparameters=EPOCH,
        output=tmp_path / "run",
        progress=heard,
    )
    options = made.manifest.header.options
    assert (options["model"], options["model_options"]) == ("resnet10", {"width": 2})
    assert options["recipe"]["batch_size"] == 64
    assert heard.texts[-1] == (
        "model resnet10, the default for images of 50 x 50: 1 epochs, batches of 64, sgd at 0.1, "
        "augmentation crop-flip"
    )


def test_a_batch_that_has_no_room_is_smaller_and_recorded_so(photographs, tmp_path, monkeypatch):
    data, test = photographs
    monkeypatch.setattr(memory, "CPU_LIMIT", 1)
    made = curate.train(
        data.take(np.arange(8)),
        "resnet8",
        test=test,
        options={"width": 2},
        hyperparameters=EPOCH,
        output=tmp_path / "run",
    )
    recipe = made.manifest.header.options["recipe"]
    assert (recipe["batch_size"], recipe["lr"]) == (1, pytest.approx(0.2 / 128))
    again = curate.replay(made.manifest, data.take(np.arange(8)), test=test, trials=1, output=tmp_path / "r")
    assert again.hyperparameters.batch_size == 1


def test_what_is_unknown_is_refused_before_the_data_is_looked_at(tmp_path):
    for wrong, said in (
        ({"options": {"widht": 3}}, "has an option 'widht': did you mean width"),
        ({"hyperparameters": {"lr": -1}}, "lr=-1 is out of range"),
        ({"device": "gpu"}, "device=gpu is unknown"),
        ({"weights": tmp_path / "none"}, "none"),
    ):
        with pytest.raises(curate.CurateError, match=said):
            curate.train("nowhere/at/all", output=tmp_path / "run", **wrong)


def test_what_is_to_be_kept_without_a_policy_is_drawn(photographs, tmp_path):
    data, test = photographs
    quick = {"hyperparameters": EPOCH, "options": {"width": 2}, "test": test}
    drawn = curate.train(data, keep=0.5, output=tmp_path / "drawn", **quick)
    assert drawn.manifest.header.options["policy"] == "random"
    assert len(drawn.manifest) == 12
    whole = curate.train(data, output=tmp_path / "whole", **quick)
    assert whole.manifest.header.options["policy"] == "full"
