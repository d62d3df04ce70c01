"""webdataset: the key of a sample per line."""

from helpers.manifests import two_samples

from curate import finder


def test_two_samples_are_the_lines_of_their_keys(tmp_path):
    finder.make("exports", "webdataset").write(tmp_path / "f", two_samples(keys=lambda: ["b/7", "a/3"]))
    assert (tmp_path / "f").read_bytes() == b"b/7\na/3\n"
