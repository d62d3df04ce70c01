"""Unfinished runs on the terminal: how far each is, and the command that goes on."""

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from curate.verbs.status import UnfinishedRun, state_of


def print_status(folder: str, runs: Sequence[UnfinishedRun], console: Console) -> None:
    """Two or three lines for each run."""
    if not runs:
        console.print(Text(f"no unfinished runs in {folder}"), soft_wrap=True)
    for run in runs:
        far = f", epoch {run.n_done:,} of {run.n_epochs:,}, saved {run.saved}" if run.n_epochs else ""
        console.print(Text(run.folder, style="bold"), soft_wrap=True)
        console.print(Text(f"  {state_of(run)}{far}"), soft_wrap=True)
        if not run.is_running:
            console.print(Text(f"  {run.said or 'go on with the same call'}"), soft_wrap=True)
