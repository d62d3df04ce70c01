"""The documents keep their word: commands run, files exist, methods are named."""

import re
import shlex
from pathlib import Path

import pytest

from curate import finder

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```bash\n(.*?)```", README, re.DOTALL)


def test_the_commands_of_the_way_through_run_one_after_another(cli, here):
    for line in BLOCKS[2].strip().splitlines():
        words = shlex.split(line, comments=True)
        assert words[0] == "curate"
        extra = ["--epochs", "1", "--trials", "1"] if words[1] == "replay" else []
        said = cli(*words[1:], *extra)
        assert said.code == 0, (line, said.err)


def test_the_commands_of_a_dynamic_session_run_one_after_another(cli, here):
    for line in BLOCKS[3].strip().splitlines():
        words = shlex.split(line, comments=True)
        words += ["--trials", "1"] if "--freeze" in words else []
        short = [{"20": "4"}.get(word, word) for word in words[1:]]
        said = cli(*short)
        assert said.code == 0, (line, said.err)


def test_the_commands_of_scoring_run_one_after_another(cli, here):
    for line in BLOCKS[4].strip().splitlines():
        words = shlex.split(line, comments=True)
        words += ["--trials", "1", "--epochs", "1"] if words[1] == "replay" else []
        said = cli(*words[1:])
        assert said.code == 0, (line, said.err)


def test_the_first_two_blocks_are_one_command_each():
    assert all(len(block.strip().splitlines()) == 1 for block in BLOCKS[:2])
    assert BLOCKS[0].startswith("python3.11 -m venv")
    assert "pytest" in BLOCKS[1]


@pytest.mark.parametrize("kind", ["embedders", "scorers", "strategies", "policies", "models"])
def test_the_readme_names_every_method(kind):
    for name in finder.names(kind):
        assert f"`{name}`" in README, name


@pytest.mark.parametrize("document", ["README.md", "manifests/README.md", "benchmarks/README.md"])
def test_links_lead_somewhere(document):
    path = ROOT / document
    for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text()):
        assert (path.parent / target).exists(), target


def test_committed_manifests_are_whole_and_indexed():
    from curate.manifests.manifest import open_manifest

    folders = sorted(path.parent for path in (ROOT / "manifests").glob("*/manifest.json"))
    assert len(folders) >= 2
    index = (ROOT / "manifests" / "README.md").read_text()
    for folder in folders:
        manifest = open_manifest(folder)
        assert f"]({folder.name}/" in index, folder.name
        assert len(manifest.selected(0).indices) == manifest.header["summary"]["n_kept"]
        assert sum(file.stat().st_size for file in folder.iterdir()) < 3 * 2**20


def test_a_committed_manifest_replays_right_away(cli, here):
    said = cli("replay", ROOT / "manifests" / "digits-furthest-0.3", "--epochs", 1, "--trials", 1)
    assert said.code == 0, said.err
