"""The histogram of a manifest: bars as high as counted by hand, measured in the picture."""

import io

import numpy as np
import pytest
from helpers.manifests import EPOCHS, made
from PIL import Image

from curate.manifests.manifest import open_manifest
from curate.sharing.picture import histogram_png

KEPT, ALL = (0x1F, 0x77, 0xB4), (0xD0, 0xD7, 0xDE)
HIGHEST = 246  # pixels of the highest bar


def heights(folder, colour, n_bars):
    """How many pixels of a colour stand in the middle of each bar."""
    with Image.open(io.BytesIO(histogram_png(open_manifest(folder)))) as picture:
        pixels = np.asarray(picture)
    width = (720 - 60 - 10) / n_bars
    middles = [int(60 + width * (number + 0.5)) for number in range(n_bars)]
    return [int((pixels[:280, middle] == colour).all(axis=1).sum()) for middle in middles]


def test_a_dynamic_manifest_shows_how_often_samples_are_selected(tmp_path):
    # Of 20 samples 6 are never selected, 13 once, and sample 3 twice.
    result = heights(made(tmp_path / "m"), KEPT, 3)
    assert result == pytest.approx([HIGHEST * count / 13 for count in (6, 13, 1)], abs=2)


def test_a_static_manifest_without_scores_shows_what_is_kept_of_each_class(tmp_path):
    # Even samples are cats, odd ones dogs, ten of each: 0 is kept of the cats, 3, 5, 7 and 11 of the dogs.
    folder = made(tmp_path / "m", EPOCHS[:1])
    kept, left = heights(folder, KEPT, 2), heights(folder, ALL, 2)
    assert kept == pytest.approx([HIGHEST * count / 10 for count in (1, 4)], abs=2)
    assert left == pytest.approx([HIGHEST * count / 10 for count in (9, 6)], abs=2)
