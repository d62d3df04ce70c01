"""embed: what exists is kept, and images that are damaged are named or skipped."""

from helpers.commands import assert_error
from helpers.pictures import jpegs


def test_an_output_that_exists_is_kept_unless_forced(cli, here):
    cli("embed", "digits", "--dim", "4", "-o", "e.safetensors")
    before = (here / "e.safetensors").read_bytes()
    assert_error(
        cli("embed", "digits", "--dim", "5", "-o", "e.safetensors"), "exists: use --force to replace"
    )
    assert (here / "e.safetensors").read_bytes() == before
    assert cli("embed", "digits", "--dim", "5", "-o", "e.safetensors", "--force").code == 0
    assert (here / "e.safetensors").read_bytes() != before


def test_skipping_corrupt_images_repeats_byte_for_byte(cli, here):
    jpegs(here / "photos")
    (here / "photos" / "dog" / "1.png").write_bytes(b"no image at all")
    for name in ("one", "two"):
        words = ("--image-size", 8, "--split", "all", "--skip-corrupt", "--dim", 2)
        assert cli("embed", "photos", *words, "-o", f"{name}.safetensors").code == 0
    assert (here / "one.safetensors").read_bytes() == (here / "two.safetensors").read_bytes()


def test_a_corrupt_image_is_named_or_skipped(cli, here):
    jpegs(here / "photos")
    (here / "photos" / "cat" / "3.jpg").write_bytes(b"\xff\xd8\xff but no image")
    (here / "photos" / "cat" / "7.jpg").write_bytes(b"")
    words = ("embed", "photos", "--image-size", "8", "--split", "all", "--dim", "3")
    assert_error(cli(*words), r"2 of 24 images cannot be read, such as photos/cat/3.jpg, .*--skip-corrupt")
    result = cli(*words, "--skip-corrupt")
    assert result.code == 0
    assert "left out 2 of 24 images that cannot be read: photos/cat/3.jpg, photos/cat/7.jpg\n" in result.err
    assert "22 vectors of 3 numbers" in result.err
    manifest = cli("cluster", result.last, "-k", 2, "--strategy", "random", "--keep", 0.5, "-o", "m")
    assert manifest.code == 0
    assert cli("replay", "m", "--epochs", 1, "--trials", 1, "--test", "photos").code == 0


def test_a_few_corrupt_images_are_left_out_and_named_from_the_first_command_to_the_last(cli, here):
    jpegs(here / "photos")
    (here / "photos" / "cat" / "3.jpg").write_bytes(b"\xff\xd8\xff but no image")
    said = "left out 1 of 24 images that cannot be read: photos/cat/3.jpg; --no-skip-corrupt stops at them"
    embedding = cli("embed", "photos", "--split", "all", "--dim", 2)
    assert (embedding.code, said in embedding.err) == (0, True)
    shown = cli("inspect", "photos", "--split", "all").out
    assert "1 of 24 images cannot be read (photos/cat/3.jpg): left out" in " ".join(shown.split())
    manifest = cli("cluster", embedding.last, "-k", 2, "--strategy", "random", "-o", "m")
    assert manifest.code == 0
    assert cli("replay", "m", "--epochs", 1, "--trials", 1, "--test", "photos").code == 0
    stopped = cli("embed", "photos", "--split", "all", "--no-skip-corrupt")
    assert_error(stopped, r"photos/cat/3.jpg is not a readable image .*--skip-corrupt")


def test_a_network_in_the_place_of_a_method_is_told_the_way(cli, here):
    assert_error(cli("embed", "digits", "--method", "resnet18"), "--method features --set model=resnet18")
