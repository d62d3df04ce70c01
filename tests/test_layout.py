"""The layout: rooms import downward only, plug-ins do not know each other, and starting is light.

Every rule is a function of a tree of files, so that each has a test that it can fail.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.commands import command, loaded_by

import curate
from curate import finder

ROOT = Path(curate.__file__).parent
GROUND = {"errors", "progress", "rng", "finder", "outside", "processes", "statistics", "hub", "text", "world"}
ROOMS = (  # from the ground up: a room imports only rooms before it
    "ground",
    "artifacts",
    "data",
    "networks",
    "vectors",
    "scores",
    "manifests",
    "selection",
    "sharing",
    "training",
    "verbs",
    "recipes",
    "show",
    "cli",
)
FACES = {"__init__", "__main__", "sampler", "testing"}  # public names, which lead into the rooms
OWNERS = {"faiss": "vectors/", "huggingface_hub": "hub.py"}
TESTS = Path(__file__).parent
UNNAMED = {  # what has no test of its name, and why
    "errors.py",  # nothing to work out: every test of an error meets it
    "progress.py",  # as above
    "sampler.py",  # a public name; the sampler itself is in manifests/sampler.py
    "vectors/embedder.py",  # a contract without logic
    # A command hands its options to the verb of its name; cli/test_main.py and the tests of the verbs run it.
    *(
        f"cli/{name}.py"
        for name in ("advise", "compare", "embed", "export", "index", "inspect", "list", "pack")
    ),
    "cli/methods.py",
    *(
        f"cli/{name}.py"
        for name in ("pull", "push", "replay", "report", "run", "score", "select", "status", "train")
    ),
}
WITHOUT_TORCH = ("data", "manifests", "selection")


def files_of(root: Path) -> Iterator[tuple[str, Path]]:
    """The files of a tree by their place in it: `selection/policies/ucb.py`."""
    for file in sorted(root.rglob("*.py")):
        yield file.relative_to(root).as_posix(), file


def imports_of(file: Path, root: Path) -> set[str]:
    """The places of the files of this tree that a file imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    paths = {Path(*name.split(".")[1:]) for name in names if name.startswith("curate.")}
    places = {path.with_suffix(".py") for path in paths} | {path / "__init__.py" for path in paths}
    return {place.as_posix() for place in places if (root / place).is_file()}


def room_of(place: str) -> str:
    room, slash, _ = place.partition("/")
    return room if slash else "ground"


def homeless(root: Path) -> list[str]:
    """Files that lie in no room, and rooms that nobody knows."""
    return [
        place
        for place, _ in files_of(root)
        if room_of(place) not in ROOMS
        or (room_of(place) == "ground" and place.removesuffix(".py") not in GROUND | FACES)
    ]


def upward(root: Path) -> list[str]:
    """Imports of a room further up."""
    return [
        f"{place} imports {imported}"
        for place, file in files_of(root)
        for imported in imports_of(file, root)
        if place.removesuffix(".py") not in FACES
        and ROOMS.index(room_of(imported)) > ROOMS.index(room_of(place))
    ]


def siblings(root: Path) -> list[str]:
    """Imports of a plug-in by another of its kind."""
    folders = [f"{kind.room}/{name}/" for name, kind in finder.KINDS.items()]
    return [
        f"{place} imports {imported}"
        for place, file in files_of(root)
        for imported in imports_of(file, root)
        for folder in folders
        if place.startswith(folder) and imported.startswith(folder) and not imported.endswith("__init__.py")
    ]


def strangers(root: Path, library: str) -> list[str]:
    """Files that know a library of which only its owner should know."""
    return [
        place
        for place, file in files_of(root)
        if not place.startswith(OWNERS[library])
        and any(f"{word} {library}" in file.read_text() for word in ("import", "from"))
    ]


def lonely(root: Path) -> list[str]:
    """Kinds of plug-ins without their contract beside the folder, named for the kind in the singular."""
    singular = {"strategies": "strategy", "policies": "policy"}
    contracts = {
        name: root / kind.room / f"{singular.get(name, name[:-1])}.py" for name, kind in finder.KINDS.items()
    }
    return [name for name, file in contracts.items() if "Protocol" not in file.read_text()]


def untested(root: Path, tests: Path) -> list[str]:
    """Files without a test of their name in the same place: `test_ucb.py` or `test_ucb_subject.py`.

    A test is that of the longest name that it begins with: `test_crop_flip.py` is not one of `crop.py`.
    """
    places = {place.removesuffix(".py") for place, _ in files_of(root) if not place.endswith("__.py")}
    tested = set()
    for place, _ in files_of(tests):
        room, slash, file = place.removesuffix(".py").rpartition("/")
        test, *words = file.split("_")
        names = [room + slash + "_".join(words[:count]) for count in range(len(words), 0, -1)]
        tested |= set([name for name in names if name in places][:1]) if test == "test" else set()
    return sorted(f"{place}.py" for place in places - tested)


def test_every_file_lies_in_a_room():
    assert homeless(ROOT) == []


def test_rooms_import_downward_only():
    assert upward(ROOT) == []


def test_a_plug_in_never_imports_its_sibling():
    assert siblings(ROOT) == []


@pytest.mark.parametrize("library", OWNERS)
def test_a_library_has_one_owner(library):
    assert strangers(ROOT, library) == []
    assert any(
        library in file.read_text() for place, file in files_of(ROOT) if place.startswith(OWNERS[library])
    )


def test_a_contract_lies_beside_the_folder_of_its_plug_ins():
    assert lonely(ROOT) == []


def test_every_file_of_logic_has_a_test_of_its_name():
    assert untested(ROOT, TESTS) == sorted(UNNAMED)


class TestThatTheseTestsCanFail:
    @pytest.fixture
    def tree(self, tmp_path):
        """A tree of files, given as their places and contents."""

        def plant(files: dict[str, str]) -> Path:
            for place, content in files.items():
                (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
                (tmp_path / place).write_text(content)
            return tmp_path

        return plant

    def test_a_file_without_a_room(self, tree):
        assert homeless(tree({"kmeans.py": "", "attic/box.py": "", "rng.py": "", "data/scan.py": ""})) == [
            "attic/box.py",
            "kmeans.py",
        ]

    @pytest.mark.parametrize(
        "line",
        [
            "from curate.training.loop import fit",
            "from curate.training import loop",
            "import curate.training.loop",
            "def late():\n    from curate.training.loop import fit",
        ],
    )
    def test_an_import_upward(self, tree, line):
        root = tree({"data/scan.py": line, "training/loop.py": "import curate.data.scan"})
        assert upward(root) == ["data/scan.py imports training/loop.py"]

    def test_a_plug_in_that_imports_its_sibling(self, tree):
        root = tree(
            {
                "selection/policies/ucb.py": "from curate.selection.policies.ema import Ema",
                "selection/policies/ema.py": "from curate.selection.policy import top",
                "selection/policy.py": "",
            }
        )
        assert siblings(root) == ["selection/policies/ucb.py imports selection/policies/ema.py"]

    def test_a_stranger_that_knows_a_library(self, tree):
        root = tree(
            {
                "vectors/kmeans.py": "import faiss",
                "verbs/cluster.py": "def late():\n    import faiss",
                "hub.py": "from huggingface_hub import HfApi",
                "cli/push.py": "import huggingface_hub",
            }
        )
        assert strangers(root, "faiss") == ["verbs/cluster.py"]
        assert strangers(root, "huggingface_hub") == ["cli/push.py"]

    def test_a_contract_that_is_none(self, tree):
        contracts = {
            "data/source.py": "Protocol",
            "networks/model.py": "Protocol",
            "vectors/embedder.py": "Protocol",
            "scores/scorer.py": "Protocol",
            "selection/strategy.py": "Protocol",
            "selection/policy.py": "",
            "manifests/export.py": "Protocol",
            "training/schedule.py": "Protocol",
            "training/augmentation.py": "Protocol",
        }
        assert lonely(tree(contracts)) == ["policies"]

    def test_a_file_without_a_test_of_its_name(self, tree):
        code = (
            "rng",
            "hub",
            "__init__",
            "data/scan",
            "data/images",
            "data/sources/npz",
            "data/sources/npz_a",
        )
        tests = ("rng", "images", "data/images_damaged", "data/scanner", "data/npz", "data/sources/npz_a_1")
        files = {f"curate/{place}.py": "" for place in code}
        named = [place.rpartition("/") for place in tests]
        files |= {f"tests/{room}{slash}test_{name}.py": "" for room, slash, name in named}
        root = tree({**files, "tests/hub.py": "", "tests/data/conftest.py": ""})
        missing = ["data/scan.py", "data/sources/npz.py", "hub.py"]
        assert untested(root / "curate", root / "tests") == missing

    def test_torch_where_it_is_not_installed(self):
        done = without_torch("import curate.training.loop")
        assert "ModuleNotFoundError: torch is not installed" in done.stderr


BLOCK = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "torchvision"):
            raise ModuleNotFoundError(name.partition(".")[0] + " is not installed")
sys.meta_path.insert(0, Blocked())
"""
A_ROUND = """
import numpy as np
from pathlib import Path
import curate
from curate import finder
from curate.artifacts.header import make_header
from curate.manifests.manifest import Selected, write_manifest
from curate.manifests.order import order_of
from curate.rng import rng
from curate.selection.policy import View

data = curate.open_dataset("digits")
everything, n = np.arange(len(data)), len(data)
policy, memory = finder.make("policies", "ucb"), {}
for epoch in range(3):
    losses = rng(0, "losses", epoch).random(n, np.float32)
    view = View(epoch, 3, everything, data.uids, 100, rng(0, "policy", epoch), lambda: losses, memory)
    plan = policy.plan(view)
    memory = plan.memory
header = make_header("manifest", "train", {}, seed=0, dataset=data.header())
samples = {"index": everything, "row": data.rows, "uid": data.uids, "label": data.labels}
write_manifest(Path("m"), header, [plan.selected], samples)
kept = curate.load_manifest("m")
assert (kept.rows() == data.rows[plan.selected.indices]).all()
assert (kept.rows() != plan.selected.indices).any()
assert len(order_of(plan.selected.indices, n, 0, 0)) == 100
pruner = curate.Pruner(data, "ucb", keep=0.3, epochs=3, warm_up="1", trace=True)
for epoch in range(3):
    pruner.set_epoch(epoch)
    index = np.array(list(pruner.sampler))
    losses = rng(0, "losses", epoch).random(n, np.float32)
    pruner.observe(index, losses[index], np.eye(10)[data.labels[index]])
later = curate.Pruner(data, "ucb", keep=0.3, epochs=3, warm_up="1", trace=True)
later.load_state_dict(pruner.state_dict())
assert later.save("mine").n_epochs == 3
assert "torch" not in sys.modules
print("a round without torch")
"""


def without_torch(code: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run code where torch cannot be imported."""
    return subprocess.run(
        [sys.executable, "-c", BLOCK + code], cwd=folder, capture_output=True, text=True, check=False
    )


def test_data_manifests_and_selection_run_without_torch(tmp_path):
    places = [place for place, _ in files_of(ROOT) if room_of(place) in WITHOUT_TORCH]
    assert "manifests/sampler.py" in places
    modules = [
        ".".join(("curate", *Path(place).with_suffix("").parts))
        for place in places
        if place != "manifests/sampler.py" and not place.endswith("__init__.py")
    ]
    done = without_torch("".join(f"import {module}\n" for module in modules) + A_ROUND, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "a round without torch\n"


@pytest.mark.parametrize("words", [["--help"], ["embed", "--help"], ["replay", "--help"], ["--version"]])
def test_help_loads_nothing_heavy(words):
    assert loaded_by(command(*words)) == set()


def test_shell_completion_loads_nothing_heavy():
    code = "import os; os.environ |= {'_CURATE_COMPLETE': 'bash_source'}\n" + command()
    assert loaded_by(code) == set()


@pytest.mark.parametrize(
    "words",
    [
        "train digts",
        "train digits --keep 300%",
        "train digits --set widht=3",
        "train digits --lr -1",
        "score digts --method grand",
        "score digits --model resnet8 --set widht=3",
        "replay nowhere",
        "embed digts --method features",
        "embed digits --method autoencodr",
        "run digits-quik",
        "report results.parquet",
        "advise digts --hours 1",
        "push digts-furthest ann/subsets",
    ],
)
def test_a_slip_is_answered_before_anything_heavy_is_loaded(words):
    assert not loaded_by(command(*words.split())) & {"torch", "torchvision", "faiss", "sklearn", "polars"}


def test_inspecting_artifacts_loads_neither_torch_nor_faiss(digits_round):
    for artifact in (digits_round.embedding, digits_round.table, digits_round.manifest):
        loaded = loaded_by(command("inspect", str(artifact)))
        assert "pyarrow" in loaded or artifact.suffix == ".safetensors"
        assert not loaded & {"torch", "torchvision", "faiss"}


def test_this_test_of_weight_can_fail():
    assert "torch" in loaded_by("import curate.networks.learner")


def test_importing_curate_loads_nothing():
    assert loaded_by("import curate") == set()


def test_names_that_are_shown_to_users_can_be_imported():
    for name in curate.__all__:
        assert getattr(curate, name).__name__ == name
    from curate.sampler import ManifestSampler

    assert ManifestSampler.__doc__
