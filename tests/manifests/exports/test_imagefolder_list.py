"""imagefolder_list: the path of an image per line."""

from helpers.manifests import two_samples

from curate import finder


def test_two_samples_are_the_lines_of_their_files(tmp_path):
    files = ["photos/dog/1.png", "photos/cat/a b.png"]
    finder.make("exports", "imagefolder-list").write(tmp_path / "f", two_samples(files=lambda: files))
    assert (tmp_path / "f").read_bytes() == b"photos/dog/1.png\nphotos/cat/a b.png\n"
