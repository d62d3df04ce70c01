"""Draws docs/terminal.svg: the commands below, run one after another, and all that they say.

python docs/terminal.py
"""

import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

COMMANDS = [
    "curate embed digits",
    "curate cluster digits-pca.safetensors -k 12 --strategy furthest --keep 0.3",
    "curate replay digits-pca-k12-furthest-0.3 --against full,random",
    "curate train digits --policy ucb --keep 0.3 -o digits-ucb",
]
WIDTH = 104
PICTURE = Path(__file__).with_suffix(".svg")
FONTS = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"


def said(command: str, folder: Path) -> str:
    """What a terminal of WIDTH columns shows of a command, in the order in which it was said."""
    terminal = {"COLUMNS": str(WIDTH), "TERM": "xterm-256color", "FORCE_COLOR": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(  # noqa: S603  the commands above
        [sys.executable, "-m", *shlex.split(command)],
        cwd=folder,
        env={**os.environ, **terminal},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    return done.stdout


def drawn(folder: Path) -> str:
    """The picture. It needs no font from elsewhere: a browser takes one of its own."""
    with (folder / "nothing").open("w") as nothing:
        console = Console(record=True, width=WIDTH, file=nothing, force_terminal=True)
        for command in COMMANDS:
            console.print(Text.assemble(("$ ", "green"), (command, "bold")))
            console.print(Text.from_ansi(said(command, folder).rstrip()))
            console.print()
        frame = re.sub(r"@font-face \{\{.*?\}\}\s*|<!--.*?-->\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
        frame = frame.replace("Fira Code, monospace", FONTS).replace("<svg ", '<svg xml:space="preserve" ')
        return console.export_svg(title="curate", code_format=frame, unique_id="terminal")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        picture = drawn(Path(folder))
    PICTURE.write_text(picture)
    print(f"{PICTURE.name}: {len(picture):,} bytes")  # noqa: T201  a script
