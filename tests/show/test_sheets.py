"""Sheets: the images that sessions select most and least, where sessions and data are at hand; else none."""

import io

import numpy as np
import pytest
from PIL import Image

import curate
from curate.recipes.comparison import Comparison
from curate.show.sheets import sheets_of
from curate.verbs.train_trials import train_trials


@pytest.fixture
def sessions(here):
    """Two sessions on digits in what looks like a store, and their comparison."""
    made = train_trials(
        "digits", policy="uncertainty", keep=0.2, warm_up=0, trials=2, output="s", options={"width": 1},
        hyperparameters={"n_epochs": 2},
    )  # fmt: skip
    for number, trial in enumerate(made.trials):
        place = here / "store" / "train" / str(number)
        place.mkdir(parents=True)
        trial.manifest.path.rename(place / "manifest")
    return Comparison(made.outcomes)


def test_a_sheet_shows_the_utmost_of_every_class(sessions, here):
    (sheet,) = sheets_of(sessions, here / "store")
    assert sheet.title == "uncertainty, keep 0.2: selected least often and most often, 2 sessions"
    assert sheet.file == "sheet-uncertainty.webp"
    picture = np.array(Image.open(io.BytesIO(sheet.webp)))
    data = curate.open_dataset("digits")
    manifests = [curate.open_manifest(here / "store" / "train" / n / "manifest") for n in "01"]
    counts = sum(manifest.samples["n_checkpoints_selected"] for manifest in manifests)
    first = min(np.flatnonzero(data.labels == 0), key=lambda index: (counts[index], data.uids[index]))
    pixels = data.images.read(np.array([first]))[0, ..., 0]
    scale = 6  # 8 pixels are drawn at 48
    drawn = picture[34 : 34 + 8 * scale : scale, 80 : 80 + 8 * scale : scale, 0]
    assert (drawn == pixels).all()


def test_without_sessions_or_data_there_is_none(sessions, here, monkeypatch):
    assert sheets_of(sessions, here / "nowhere") == []
    (here / "empty").mkdir()
    assert sheets_of(sessions, here / "empty") == []

    def gone(*_):
        raise curate.CurateError("there is no such dataset")

    monkeypatch.setattr("curate.show.sheets.open_recorded", gone)
    assert sheets_of(sessions, here / "store") == []
