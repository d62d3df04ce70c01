"""Views of images: what is missing stays missing."""

import numpy as np
import pytest

from curate.data.images import ResidentImages, view


@pytest.mark.parametrize("rows", [[2, 1], [1, -1]])
def test_what_is_missing_from_a_view_is_missing_from_a_view_of_it(rows):
    images = view(ResidentImages(np.arange(12, dtype=np.uint8).reshape(3, 2, 2, 1)), np.array([0, -1, 2]))
    again = view(images, np.array(rows))
    with pytest.raises(AssertionError, match="missing"):
        again.read(np.array([1]))
    if rows[0] == 2:
        assert again.read(np.array([0])).ravel().tolist() == [8, 9, 10, 11]
