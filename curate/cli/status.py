"""curate status"""

import click

from curate.cli import options


@click.command()
@click.argument("folder", default=".")
@options.JSON
@options.logs
def command(folder, as_json):
    """List the unfinished runs in FOLDER, how far they are, and the command that goes on with each.

    \b
      curate status
      curate status runs/
    """
    import sys
    from dataclasses import asdict

    from curate.show import talk
    from curate.show.status import print_status
    from curate.verbs.status import status

    runs = status(folder)
    if as_json:
        talk.json_object({"folder": folder, "unfinished": [asdict(run) for run in runs]})
    else:
        print_status(folder, runs, talk.console(sys.stdout))
