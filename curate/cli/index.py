"""curate index"""

import click

from curate.cli import options


@click.command()
@click.argument("dataset")
@options.JSON
@options.dataset
@options.logs
def command(dataset, as_json, opening):
    """Look at every image of DATASET once, so that no later command has to.

    Every command does so by itself; this one does nothing else. It goes on after a kill, and reads only what
    is new or has changed in size or time since. The index lies in the cache (CURATE_CACHE) and may be
    deleted; --verify reads all again.

    \b
      curate index photos/
      curate index photos/ --split test --verify
    """
    from curate.show import talk
    from curate.verbs.index import index

    with talk.progress() as progress:
        made = index(dataset, opening=opening, progress=progress)
    talk.indexed(made, as_json)
