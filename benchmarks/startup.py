"""How long every command takes to show its help, and to answer a slip, beside a bare interpreter.

    python benchmarks/startup.py

A slip names what is not there: it has to be answered before anything heavy is loaded.
"""

import statistics
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from common import alternate, ratio, spread, write

SLIPS = {
    "embed": ["digts"],
    "cluster": ["digts.safetensors"],
    "score": ["digts"],
    "select": ["digts.parquet", "--keep", "0.3"],
    "train": ["digts"],
    "replay": ["digts-furthest"],
    "inspect": ["digts"],
    "status": ["nowhere"],
    "compare": ["one.parquet", "two.parquet"],
    "run": ["digits-quik"],
    "report": ["results.parquet"],
    "advise": ["digts"],
    "export": ["digts-furthest", "--to", "npy"],
    "push": ["digts-furthest", "ann/subsets"],
    "pull": ["hf:ann"],
    "list": ["ann/subsets"],
    "methods": ["policis"],
}
N = 10


def run(*words: str) -> None:
    """A command of Python in an empty folder; a slip ends with an error."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, *words], cwd=folder, capture_output=True, check=False)


def memory(*words: str) -> float:
    """The most memory of a command, in MB."""
    script = (
        "import resource, runpy, sys\n"
        "try:\n runpy.run_module('curate', run_name='__main__', alter_sys=True)\n"
        "finally:\n print('PEAK', resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", script, *words],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
    return float(done.stdout.split("PEAK")[1]) / 1024


def main() -> None:
    ways = {"bare": partial(run, "-c", "pass"), "help": partial(run, "-m", "curate", "--help")}
    for name, words in SLIPS.items():
        ways[f"{name} --help"] = partial(run, "-m", "curate", name, "--help")
        ways[name] = partial(run, "-m", "curate", name, *words)
    known = {file.stem for file in Path("curate/cli").glob("[!_]*.py")} - {"main", "options"}
    assert not known or known == set(SLIPS), "every command has its slip"
    alternate(ways, 1)
    seconds, _ = alternate(ways, N)
    lines = [
        "# Start-up",
        "",
        f"A bare interpreter takes {spread(seconds['bare'], 3)} s, `curate --help` "
        f"{spread(seconds['help'], 3)} s, {ratio(seconds['help'], seconds['bare'])} of it.",
        "",
        "| command | its help / bare | a slip / bare | a slip, s | a slip, MB |",
        "|---|---|---|---|---|",
    ]
    for name, words in SLIPS.items():
        helped, slipped = (ratio(seconds[way], seconds["bare"]) for way in (f"{name} --help", name))
        took = f"{statistics.mean(seconds[name]):.2f}"
        lines.append(
            f"| `{' '.join([name, *words])}` | {helped} | {slipped} | {took} | {memory(name, *words):.0f} |"
        )
    write("startup", [*lines, "", "`python benchmarks/startup.py`"], {"seconds": seconds})


if __name__ == "__main__":
    main()
