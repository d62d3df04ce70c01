"""digits: as many grey images of each class as there are."""

import numpy as np
from helpers.pictures import ALL

from curate.data.dataset import open_dataset


def test_digits_are_1797_grey_images_of_ten_classes():
    dataset = open_dataset("digits", ALL)
    assert len(dataset) == 1797
    assert dataset.images.shape == (8, 8, 1)
    assert dataset.classes == list("0123456789")
    assert np.bincount(dataset.labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
