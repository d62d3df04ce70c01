"""curate inspect"""

import click

from curate.cli import options


@click.command()
@click.argument("anything", nargs=-1, required=True)
@click.option("--by", metavar="class", help="Break the groups of a dynamic manifest down by class.")
@click.option(
    "--sheet",
    is_flag=False,
    flag_value="",
    metavar="[FILE]",
    help="Draw images: a picture (.png, .webp), or a page that opens them (.html).",
)
@click.option("--samples", metavar="INDICES", help="Draw a sheet of these, 3,17,200, and no others.")
@click.option("--column", metavar="NAME", help="Draw a sheet of scores by this one; by default the first.")
@click.option(
    "--data", metavar="DATASET", help="For --sheet, where the dataset is not at its recorded place."
)
@click.option(
    "--html",
    "page",
    is_flag=False,
    flag_value="",
    metavar="[FILE]",
    help="Write one page that needs nothing else.",
)
@click.option("--force", is_flag=True, help="Replace sheet and page if they exist.")
@options.JSON
@options.dataset
@options.logs
def command(anything, by, sheet, samples, column, data, page, force, as_json, opening):
    """Show what ANYTHING is: a dataset, an embedding, a table or a manifest (a folder, or hf:OWNER/NAME).

    Of all that has images it can draw a sheet: of clusters and scores the easy beside the hard, of a manifest
    what is kept beside what is left out, of a session what is selected least and most often. Under an image
    stands its number, which --samples takes. Of sessions `inspect` shows how often samples are selected, and
    the fitted groups of those that are always, sometimes or never selected. Several of them, such as trials
    of one command, count together.

    \b
      curate inspect digits
      curate inspect digits-pca-k12.parquet --sheet digits.png
      curate inspect digits-pca-k12-furthest-0.3 --sheet kept.html
      curate inspect digits --samples 3,17,200
      curate inspect digits-ucb-0.3 --by class --html ucb.html
    """
    import sys
    from pathlib import Path

    from curate.artifacts.files import check_ending, check_output
    from curate.show import talk
    from curate.show.description import print_description
    from curate.verbs.inspect import inspect
    from curate.verbs.naming import name_of, stem, told

    if sheet == "" or (sheet is None and (samples or column)):
        said = {"samples": samples, "column": column, "size": opening.image_size, "split": opening.split}
        sheet = f"{name_of(anything[0], told(said))}-sheet.png"
    if page == "":
        page = f"{stem(anything[0])}.html"
    if page:
        check_ending(Path(page), ".html")
        check_output(Path(page), force=True)

    with talk.progress() as progress:
        report = inspect(
            *anything,
            by=by,
            sheet=sheet,
            samples=options.parse_indices(samples),
            column=column,
            data=data,
            opening=opening,
            force=force,
            progress=progress,
        )
    if page:
        from curate.show.description_page import write_page

        write_page(Path(page), report, Path(sheet) if sheet else None, force)
    if as_json:
        talk.json_object(report.as_dict())
    else:
        print_description(report, talk.console(sys.stdout))
        for written in filter(None, (sheet, page)):
            click.echo(written)
