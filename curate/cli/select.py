"""curate select"""

import click

from curate.cli import options


@click.command(cls=options.Listing, methods=["strategies"])
@click.argument("table")
@click.option("--strategy", help="One of those above; by default furthest for clusters, top for scores.")
@click.option("--regime", metavar="auto", help="Instead: hard, easy, stratified, or auto, which says why.")
@click.option("--keep", default="0.5", show_default=True, help="A share (0.3 or 30%), or a count.")
@click.option(
    "--class-floor",
    default=0.0,
    show_default=True,
    help="No class falls below this share of its fair quota (0 to 1).",
)
@options.SEED
@options.output("FOLDER")
@options.SET
@options.JSON
@options.logs
def command(table, strategy, regime, keep, class_floor, seed, output, force, settings, as_json):
    """Rank the samples of TABLE, keep the best, and write the manifest.

    {methods}

    --regime chooses among hard (furthest, top), easy (closest, bottom) and stratified, with auto by how many
    samples of a class are kept, and how many of the hardest the model that scored them had learned.

    \b
      curate select digits-pca-k12.parquet --strategy furthest --keep 0.3
      curate select mnist-pca-k500.parquet --strategy closest --keep 600 --class-floor 0.5
      curate select digits-el2n.parquet --regime auto --keep 0.5
    """
    from curate.show import talk
    from curate.verbs.select import select

    with talk.progress() as progress:
        made = select(
            table,
            strategy,
            regime=regime,
            keep=keep,
            class_floor=class_floor,
            options=options.parse_settings(settings),
            seed=seed,
            output=output,
            force=force,
            progress=progress,
        )
    talk.manifest(made)
    talk.result(made.path, made.header, as_json)
