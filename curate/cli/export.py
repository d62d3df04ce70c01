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
    """
    from curate.show import talk
    from curate.verbs.export import export

    with talk.progress() as progress:
        made = export(
            folder,
            to,
            epoch=epoch,
            keys=keys,
            data=data,
            options=options.parse_settings(settings),
            opening=opening,
            output=output,
            force=force,
            progress=progress,
        )
    talk.say(f"{made.n_selected:,} of {made.n:,} samples, as {made.what}")
    talk.result(made.path, {"n_selected": made.n_selected, "n": made.n}, as_json)
