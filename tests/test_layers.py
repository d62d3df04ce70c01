"""The layout: imports run downward only, plug-ins do not know each other, and starting is light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import curate

ROOT = Path(curate.__file__).parent
PLUG_INS = ("sources", "embedders", "scorers", "strategies", "policies", "models")
ORDER = ("base", "noun", "plug-in", "training", "verbs", "show", "cli")
BASE = {"artifact", "finder", "rng", "errors", "progress", "statistics", "report"}


def layer(module: str) -> str:
    parts = module.split(".")
    if len(parts) == 1 or parts[1] in BASE:
        return "base"
    if parts[1] in PLUG_INS:
        return "plug-in"
    if parts[1] == "__main__":
        return "cli"
    return parts[1] if parts[1] in ORDER else "noun"


def imports(file: Path) -> set[str]:
    """The curate modules a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name for name in found if name.startswith("curate.") and is_module(name)}


def is_module(name: str) -> bool:
    path = ROOT.parent / Path(*name.split("."))
    return path.with_suffix(".py").is_file() or path.is_dir()


def modules() -> list[tuple[str, Path]]:
    return [
        (".".join(("curate", *file.relative_to(ROOT).with_suffix("").parts)), file)
        for file in sorted(ROOT.rglob("*.py"))
        if file.name != "__init__.py"
    ]


@pytest.mark.parametrize(("name", "file"), modules(), ids=[name for name, _ in modules()])
def test_imports_run_downward(name, file):
    for imported in imports(file):
        assert ORDER.index(layer(imported)) <= ORDER.index(layer(name)), f"{name} imports {imported}"


@pytest.mark.parametrize("kind", PLUG_INS)
def test_a_plug_in_never_imports_its_sibling(kind):
    for file in (ROOT / kind).glob("*.py"):
        assert not {name for name in imports(file) if name.startswith(f"curate.{kind}.")}, file


@pytest.mark.parametrize("library", ["faiss", "huggingface_hub"])
def test_one_file_knows_each_library(library):
    owner = {"faiss": "kmeans.py", "huggingface_hub": "hub.py"}[library]
    users = [
        file.name
        for _, file in modules()
        if f"import {library}" in file.read_text() or f"from {library}" in file.read_text()
    ]
    assert users == [owner]


def loaded_by(code: str) -> set[str]:
    """The heavy libraries that are loaded after running `code` in a fresh interpreter."""
    heavy = "{'torch', 'torchvision', 'faiss', 'sklearn', 'polars', 'pyarrow', 'numpy', 'rich', 'pydantic'}"
    script = f"{code}\nimport sys\nprint('LOADED', *sorted(set(sys.modules) & {heavy}))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split("LOADED")[1].split())


def command(*words: str) -> str:
    return (
        f"import sys; sys.argv = {['curate', *words]!r}\n"
        "from curate.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass"
    )


@pytest.mark.parametrize("words", [["--help"], ["embed", "--help"], ["replay", "--help"], ["--version"]])
def test_help_loads_nothing_heavy(words):
    assert loaded_by(command(*words)) == set()


def test_shell_completion_loads_nothing_heavy():
    code = "import os; os.environ |= {'_CURATE_COMPLETE': 'bash_source'}\n" + command()
    assert loaded_by(code) == set()


def test_inspecting_artifacts_loads_neither_torch_nor_faiss(digits_round):
    for artifact in (digits_round.embedding, digits_round.table, digits_round.manifest):
        loaded = loaded_by(command("inspect", str(artifact)))
        assert "pyarrow" in loaded or artifact.suffix == ".safetensors"
        assert not loaded & {"torch", "torchvision", "faiss"}


def test_this_test_of_weight_can_fail():
    assert "torch" in loaded_by("import curate.networks.learner")


def test_importing_curate_loads_nothing():
    assert loaded_by("import curate") == set()
