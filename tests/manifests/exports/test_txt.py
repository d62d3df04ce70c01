"""txt: a row per line."""

from helpers.manifests import two_samples

from curate import finder


def test_two_samples_are_two_lines(tmp_path):
    finder.make("exports", "txt").write(tmp_path / "f", two_samples())
    assert (tmp_path / "f").read_bytes() == b"3\n7\n"
