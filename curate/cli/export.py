"""curate export"""

import click

from curate.cli import options


@click.command(cls=options.Listing, methods=["exports"])
@click.argument("folder")
@click.option("--to", default="txt", show_default=True, metavar="FORMAT", help="One of those above.")
@click.option("--epoch", type=int, help="Which epoch of a dynamic manifest; -1 is the last.")
@click.option("--keys", metavar="FILE", help="For webdataset: the key of every sample, in order of index.")
@click.option("--data", metavar="DATASET", help="For imagefolder-list: the folder, where it has moved.")
@options.SET
@options.output("FILE")
@options.JSON
@options.dataset
@options.logs
def command(folder, to, epoch, keys, data, settings, output, force, as_json, opening):
    """Write what the manifest in FOLDER selects in the format of another tool.

    {methods}

    \b
      curate export digits-pca-k12-furthest-0.3 --to npy
      curate export digits-ucb --to csv --epoch -1
      curate export digits-ucb -o - | head
    """
    import sys
    import tempfile
    from pathlib import Path

    from curate.errors import CurateError
    from curate.show import talk
    from curate.verbs.export import export

    if output == "-" and as_json:
        raise CurateError("-o - writes the list itself to standard output: leave out --json")
    with talk.progress() as progress, tempfile.TemporaryDirectory() as aside:
        made = export(
            folder,
            to,
            epoch=epoch,
            keys=keys,
            data=data,
            options=options.parse_settings(settings),
            opening=opening,
            output=Path(aside, "list") if output == "-" else output,
            force=force,
            progress=progress,
        )
        listed = made.path.read_bytes() if output == "-" else b""
    talk.say(f"{made.n_selected:,} of {made.n:,} samples, as {made.what}")
    if output == "-":
        sys.stdout.flush()
        sys.stdout.buffer.write(listed)
        sys.stdout.flush()
        return
    talk.result(made.path, {"n_selected": made.n_selected, "n": made.n}, as_json)
