"""What kind of files a folder holds is told by their names."""

import pytest
from helpers.pictures import write

from curate.data.shards import kind_of_folder


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (["cat/1.png"], "images"),
        (["1.JPG", "readme.md"], "images"),
        (["data/train.parquet", "logo.png"], "parquet"),
        (["a/b/c/x.parquet"], "parquet"),
        (["0.tar", "1.tar"], "tar"),
        (["cat/1.png", "all.tar"], "images"),
        (["notes.txt"], ""),
        ([], ""),
    ],
)
def test_parquet_comes_before_images_and_images_before_archives(tmp_path, names, kind):
    for name in names:
        write(tmp_path / name, b"")
    assert kind_of_folder(str(tmp_path)) == kind


def test_a_folder_that_changes_is_looked_at_again(tmp_path):
    (tmp_path / "data").mkdir()
    assert kind_of_folder(str(tmp_path)) == ""
    write(tmp_path / "data" / "1.png", b"")
    assert kind_of_folder(str(tmp_path)) == "images"
    write(tmp_path / "data" / "1.parquet", b"")
    assert kind_of_folder(str(tmp_path)) == "parquet"


def test_what_is_no_folder_holds_nothing(tmp_path):
    assert kind_of_folder(str(tmp_path / "none")) == ""
