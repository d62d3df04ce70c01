"""curate report"""

import click

from curate.cli import options


@click.command()
@click.argument("results")
@click.option("-o", "--output", metavar="FOLDER", help="Where to write; by default RESULTS-report.")
@click.option(
    "--store", default="curate-store", show_default=True, help="Where the run left its steps, for images."
)
@click.option("--force", is_flag=True, help="Write the report anew if it exists.")
@options.JSON
@options.logs
def command(results, output, store, force, as_json):
    """Draw the trials in RESULTS, as `curate run`, `replay` and `train --trials` leave them.

    Writes one page that needs nothing else (index.html), the tables as Markdown (report.md), and every figure
    as PNG and SVG. A method is called better than random only where that is clear for all comparisons
    together.

    \b
      curate report digits-quick.parquet
      curate report digits-furthest-replay.parquet -o furthest
    """
    import sys

    from curate.show import talk
    from curate.show.report import PAGE, report
    from curate.show.run import print_table

    with talk.progress() as progress:
        made = report(results, output, store=store, force=force, progress=progress)
    page = made.path / PAGE
    if as_json:
        talk.json_object({"path": str(page), "verdicts": dict(made.verdicts), "warnings": made.warnings})
        return
    print_table(made.comparison, talk.console(sys.stdout))
    print(page)  # noqa: T201  stdout is data
