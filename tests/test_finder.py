"""The finder: from a name and options as text to a method."""

import pytest

from curate import finder
from curate.errors import CurateError


def test_options_are_read_by_the_type_of_their_field():
    assert finder.make("models", "basic-cnn", {"width": "8"}).width == 8
    with pytest.raises(
        CurateError, match="width=wide does not fit model basic-cnn: Input should be a valid int"
    ):
        finder.make("models", "basic-cnn", {"width": "wide"})
    with pytest.raises(CurateError, match=r"there is no model called 'lenet': did you mean lenet5 or "):
        finder.load("models", "lenet")
