"""The documents keep their word: commands run, files exist, methods are named.

A page's bash blocks run, one command after another, in an empty folder. Its console blocks need the Hub, a
download or the reader's own files: their command lines are parsed. Its python blocks run last.
"""

import json
import os
import re
import runpy
import shlex
import shutil
from pathlib import Path

import click
import pytest

import curate
from curate import finder
from curate.cli.main import curate as command_line

pytest_plugins = ["helpers.forks"]

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
INDEX = ROOT / "docs" / "README.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md"))]
EVERY_PAGE = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
GROUPS_OF = ("--from", "inspect")  # what is named behind these may be a session whose groups count
N_SETTING_UP = 2  # the first blocks of the README, which .ci/run runs word for word


def blocks(page: Path, language: str) -> list[str]:
    outcome = re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)
    return outcome[N_SETTING_UP:] if page == README and language == "bash" else outcome


def commands(page: Path, language: str) -> list[list[str]]:
    lines = [line for block in blocks(page, language) for line in block.splitlines()]
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def shortened(words: list[str], looked_into: list[str]) -> list[str]:
    """The same command with fewer epochs, trials and models; of options given twice the last counts.

    A session that a command looks into by its groups keeps checkpoints enough to have some.
    """
    _, name, *rest = words
    most = {"--epochs": 4, "--trials": 2, "--models": 2}
    most |= {"--epochs": 10, "--period": 1} if name == "train" and words[-1] in looked_into else {}
    short = [str(min(int(word), most[before])) if before in most else word for before, word in pairs(rest)]
    if name in ("train", "score") and rest[0].startswith("digits") and "." not in rest[0].partition("+")[0]:
        short += [] if "--epochs" in rest else ["--epochs", "4"]
    if name == "replay":
        short += ["--epochs", "1", "--trials", "1"]  # which would be part of the name of its results
        short += [] if "-o" in rest else ["-o", f"{Path(rest[0]).name}-replay.parquet"]
    return [name, *short]


def pairs(words: list[str]) -> list[tuple[str, str]]:
    return list(zip(["", *words], words, strict=False))


def parse(words: list[str]) -> None:
    """Refuse a command or an option that does not exist; run nothing."""
    assert words[0] == "curate"
    with click.Context(command_line) as context:
        outcome = command_line.get_command(context, words[1])
        assert outcome is not None, words[1]
        outcome.make_context(words[1], words[2:], parent=context)


class ReadersOwn(dict):
    """What the reader of a page brings along: libraries, and the whole of digits. Made when named."""

    def __missing__(self, name: str) -> object:
        makers = {
            "torch": lambda: __import__("torch"),
            "dataset": lambda: list(range(1797)),
            "hf_dataset": lambda: __import__("datasets").Dataset.from_dict({"row": list(range(1797))}),
            "wds": lambda: __import__("webdataset"),
            "urls": lambda: ["shard-0.tar"],
            "keys": lambda: [f"{row:04}" for row in range(1797)],
        }
        if name not in makers:
            raise KeyError(name)
        self[name] = makers[name]()
        return self[name]


@EVERY_PAGE
def test_the_commands_of_a_page_run_one_after_another(page, cli, here, monkeypatch):
    looked_into = [
        one for words in commands(page, "bash") for before, one in pairs(words) if before in GROUPS_OF
    ]
    for words in commands(page, "bash"):
        assert words[0] == "curate"
        line, into = (words[:-2], words[-1]) if words[-2] == ">" else (words, None)
        result = cli(*shortened(line, looked_into))
        assert result.code == 0, (words, result.err)
        if into:
            Path(into).write_text(result.out)
    monkeypatch.setattr(curate, "replay", quick_replay, raising=False)
    known = ReadersOwn()
    for block in blocks(page, "python"):
        if not block.startswith('"""'):  # else a whole file: see below
            exec(compile(block, f"python of {page.name}", "exec"), {}, known)


def test_recipes_on_a_page_can_be_run(here):
    from curate.recipes.run import plan

    (recipe,) = blocks(ROOT / "docs" / "recipes.md", "toml")
    (here / "r.toml").write_text(recipe)
    for profile in (None, "small"):
        assert {task.step for task in plan("r.toml", profile=profile).trials} >= {"static", "dynamic", "full"}


def test_the_files_of_the_page_on_plug_ins_are_methods_like_any_other(fresh_forks, tmp_path):
    """Put where the page says, in a copy of the package, they are found, listed and run."""
    page = ROOT / "docs" / "plug-ins.md"
    shutil.copytree(ROOT / "curate", tmp_path / "curate", ignore=shutil.ignore_patterns("__pycache__"))
    files = [block for block in blocks(page, "python") if block.startswith('"""')]
    places = re.findall(r"This is a whole file,\s+`(.*?)`", page.read_text())
    assert len(files) == len(places) == 3
    for place, content in zip(places, files, strict=True):
        assert not (tmp_path / place).exists()
        (tmp_path / place).write_text(content)
    lines = """
    score stripes:60 --method worst-margin --set skip_epochs=1 --epochs 2 -o s.parquet
    select s.parquet --keep 0.5 -o m
    export m --to jsonl --set indent=2 -o m.jsonl
    score --help
    export --help
    """
    said = {}
    for line in filter(None, map(str.strip, lines.splitlines())):
        copied = f"import sys; sys.path.insert(0, {str(tmp_path)!r})"
        done = fresh_forks.run(line.split(), tmp_path, os.environ, copied)
        assert done.returncode == 0, done.stderr
        said[line] = done.stdout
    exported = (tmp_path / "m.jsonl").read_text().splitlines()
    assert [json.loads(line)["row"] for line in exported] == (
        curate.load_manifest(tmp_path / "m").rows().tolist()
    )
    assert all(line.startswith('  {"row"') for line in exported)
    assert "the smallest margin that a sample ever had" in said["score --help"]
    assert "an object per line" in said["export --help"]


def quick_replay(*given: object, **named: object) -> object:
    from curate.verbs.replay import replay

    return replay(*given, **{**named, "trials": 2, "hyperparameters": {"n_epochs": 1}})


@EVERY_PAGE
def test_the_commands_that_are_only_shown_exist_with_their_options(page):
    for words in commands(page, "console"):
        parse(words)


@pytest.mark.parametrize("line", ["embed digits --methud pca", "embed", "push a b c"])
def test_a_command_line_that_is_wrong_does_not_parse(line):
    with pytest.raises(click.UsageError):
        parse(["curate", *line.split()])


def test_pages_have_no_other_kind_of_block():
    for page in PAGES:
        kinds = re.findall(r"^ *```(.*)$", page.read_text(), re.MULTILINE)[::2]
        assert set(kinds) <= {"bash", "console", "python", "toml"}, page


def test_the_first_two_blocks_of_the_readme_are_one_command_each():
    first, second = re.findall(r"^```bash\n(.*?)^```$", README.read_text(), re.DOTALL | re.MULTILINE)[:2]
    assert len(first.splitlines()) == len(second.splitlines()) == 1
    assert first.startswith("python3.11 -m venv")
    assert second.rstrip().endswith("pytest")


def test_the_readme_is_read_in_five_minutes():
    assert len(README.read_text().splitlines()) <= 120


def test_the_index_names_every_page_and_no_other():
    named = re.findall(r"^\| \[.*?\]\((.*?)\)", INDEX.read_text(), re.MULTILINE)
    assert sorted(named) == sorted(page.name for page in PAGES if page not in (README, INDEX))
    assert all(f"(docs/{name})" in README.read_text() for name in named)


@pytest.mark.parametrize(
    ("kind", "command"),
    [
        ("embedders", "embed"),
        ("scorers", "score"),
        ("strategies", "select"),
        ("policies", "train"),
        ("models", "train"),
        ("exports", "export"),
    ],
)
def test_every_method_is_named_by_a_page_or_by_the_help_of_its_command(kind, command, cli):
    pages = "".join(page.read_text() for page in PAGES)
    help_text = cli(command, "--help").out
    for name in finder.names(kind):
        assert f"`{name}`" in pages or re.search(rf"^  {name} +\w", help_text, re.MULTILINE), name


@pytest.mark.parametrize(
    "page",
    [*PAGES, ROOT / "manifests" / "README.md", ROOT / "benchmarks" / "README.md"],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_the_picture_shows_what_its_script_runs():
    script = runpy.run_path(str(ROOT / "docs" / "terminal.py"))
    picture = script["PICTURE"].read_text()
    assert f"({script['PICTURE'].relative_to(ROOT)})" in README.read_text()
    assert len(picture) < 60_000
    assert re.findall(r"https?://[^\"]*", picture) == ["http://www.w3.org/2000/svg"]
    shown = re.sub(r"<[^>]*>", "", picture).replace("&#160;", " ")
    for command in script["COMMANDS"]:
        parse(shlex.split(command))
        assert command in shown, command
    assert "test accuracy" in shown


def test_committed_manifests_are_whole_and_indexed():
    from curate.manifests.manifest import open_manifest

    folders = sorted(path.parent for path in (ROOT / "manifests").glob("*/manifest.json"))
    assert len(folders) >= 2
    index = (ROOT / "manifests" / "README.md").read_text()
    for folder in folders:
        manifest = open_manifest(folder)
        assert f"]({folder.name}/" in index, folder.name
        assert len(manifest.selected(0).indices) == manifest.header.summary["n_kept"]
        assert sum(file.stat().st_size for file in folder.iterdir()) < 3 * 2**20


def test_a_committed_manifest_replays_right_away(cli, here):
    result = cli("replay", ROOT / "manifests" / "digits-furthest-0.3", "--epochs", 1, "--trials", 1)
    assert result.code == 0, result.err
