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


def test_a_summary_is_read_without_importing():
    import subprocess
    import sys

    code = (
        "from curate import finder\n"
        "import sys\n"
        "for kind in finder.KINDS:\n"
        "    for name in finder.names(kind):\n"
        "        assert finder.summary(kind, name).text, name\n"
        "assert not {'torch', 'numpy', 'curate.selection'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind in finder.KINDS for name in finder.names(kind)]
)
def test_a_summary_says_what_the_method_itself_says(kind, name):
    summary, method = finder.summary(kind, name), finder.load(kind, name)
    made = finder.settings(method())
    assert list(summary.options) == list(made)
    assert [str(value) for value in made.values()] == list(summary.options.values())
    assert all(getattr(method, fact) == value for fact, value in summary.facts.items())
    assert summary.text.isascii(), "terminals without Unicode show it, too"
    assert not summary.text.startswith(name)
