"""How long `curate --help` takes beyond a bare interpreter.

python benchmarks/startup.py
"""

import subprocess
import sys

from common import alternate, spread, write


def run(*words: str) -> None:
    subprocess.run([sys.executable, *words], stdout=subprocess.DEVNULL, check=True)


def main() -> None:
    ways = {"bare": lambda: run("-c", "pass"), "help": lambda: run("-m", "curate", "--help")}
    alternate(ways, 2)
    seconds, _ = alternate(ways, 20)
    beyond = [one - other for one, other in zip(seconds["help"], seconds["bare"], strict=True)]
    lines = [
        "# Start-up",
        "",
        "| | seconds, mean ± std (n) |",
        "|---|---|",
        f"| `python -c pass` | {spread(seconds['bare'], 3)} |",
        f"| `curate --help` | {spread(seconds['help'], 3)} |",
        f"| difference | {spread(beyond, 3)} |",
        "",
        "`python benchmarks/startup.py`",
    ]
    write("startup", lines, {"seconds": seconds})


if __name__ == "__main__":
    main()
