"""csv: the bytes of two samples."""

from helpers.manifests import two_samples

from curate import finder


def test_two_samples_are_a_heading_and_two_rows(tmp_path):
    finder.make("exports", "csv").write(tmp_path / "f", two_samples())
    assert (tmp_path / "f").read_bytes() == (
        b"row,uid,label,weight\r\n3,8000000000000001,cat,1\r\n7,00000000000000ab,dog,0.5\r\n"
    )


def test_without_labels_the_column_is_empty_and_a_comma_is_quoted(tmp_path):
    write = finder.make("exports", "csv").write
    write(tmp_path / "none", two_samples(labels=[]))
    assert (tmp_path / "none").read_bytes().splitlines()[1:] == [
        b"3,8000000000000001,,1",
        b"7,00000000000000ab,,0.5",
    ]
    write(tmp_path / "comma", two_samples(labels=["cat, grey", "dog"]))
    assert (tmp_path / "comma").read_bytes().splitlines()[1] == b'3,8000000000000001,"cat, grey",1'
