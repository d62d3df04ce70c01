"""curate select"""

import click

from curate.cli import options


@click.command()
@click.argument("table")
@click.option(
    "--strategy",
    default="furthest",
    show_default=True,
    help="closest, furthest, random, hybrid or top.",
)
@click.option("--keep", default="0.5", show_default=True, help="A fraction in (0, 1], or a count.")
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
@options.DEBUG
def command(table, strategy, keep, class_floor, seed, output, force, settings, as_json):
    """Rank the samples of TABLE, keep the best, and write the manifest.

    \b
    closest   nearest to their centroid, equal numbers per cluster
    furthest  furthest from their centroid, equal numbers per cluster
    hybrid    both ends of every cluster in turn (--set closest_share=0.5)
    random    a uniform draw (--set within=cluster: equal numbers per cluster)
    top       the hardest of all by one column (--set column=distance)

    \b
      curate select digits-pca-k12.parquet --strategy furthest --keep 0.3
      curate select mnist-pca-k500.parquet --strategy closest --keep 600 --class-floor 0.5
    """
    from curate.show import talk
    from curate.verbs.select import select

    made = select(
        table,
        strategy,
        keep=keep,
        class_floor=class_floor,
        options=options.parse_settings(settings),
        seed=seed,
        output=output,
        force=force,
    )
    talk.manifest(made)
    talk.result(made.path, made.header, as_json)
