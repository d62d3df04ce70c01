"""curate run"""

import click

from curate.cli import options
from curate.errors import CurateError


@click.command()
@click.argument("recipe", required=False)
@click.option("--profile", metavar="NAME", help="Use the changes of [profiles.NAME], such as cpu.")
@click.option("--jobs", default=1, show_default=True, help="Processes, which share the threads or GPUs.")
@click.option("--scheduler", metavar="ADDRESS", help="Use the workers of a Dask cluster: tcp://host:8786.")
@click.option("--dry-run", is_flag=True, help="Print the steps, what is done and what the rest will take.")
@click.option("--only", metavar="STEP", multiple=True, help="Run these steps and what they build on.")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Replace a value of [values].")
@click.option("--store", default="curate-store", show_default=True, help="Folder of finished steps.")
@click.option("-o", "--output", metavar="RESULTS", help="Results file; by default RECIPE.parquet.")
@click.option("--list", "listed", is_flag=True, help="List the recipes that come with curate.")
@options.JSON
@options.logs
def command(recipe, profile, jobs, scheduler, dry_run, only, settings, store, output, listed, as_json):
    """Carry out RECIPE: a file, or the name of one that comes with curate.

    A recipe is a grid of commands in TOML. What is done lies in the store, so the same command goes on after
    a kill, a changed line redoes only what depends on it, and recipes share what they have in common. Every
    trial is a row of the results file, for `curate report`.

    \b
      curate run digits-quick --dry-run
      curate run digits-quick --jobs 2
      curate run mnist-centroids --profile cpu --set data=path/to/mnist
    """
    import sys

    from curate.recipes.reading import names
    from curate.recipes.run import plan, run
    from curate.show import talk
    from curate.show.run import print_list, print_plan, print_run, view

    console = talk.console(sys.stdout)
    if listed:
        print_list(names(), console, as_json)
        return
    if recipe is None:
        raise click.UsageError("name a recipe: a .toml file, or one of `curate run --list`")
    values = options.parse_values(settings)
    if dry_run:
        planned = plan(recipe, profile=profile, values=values, only=only, store=store, missing_data=True)
        print_plan(planned, jobs, console, as_json)
        return
    try:
        with view() as watch:
            result = run(
                recipe,
                profile=profile,
                values=values,
                only=only,
                jobs=jobs,
                scheduler=scheduler,
                store=store,
                output=output,
                watch=watch,
            )
    except KeyboardInterrupt:
        talk.say(f"{store} keeps the steps that are done: run the same command again to go on")
        raise
    print_run(result, console, as_json)
    if result.failed:
        raise CurateError(
            f"{len(result.failed):,} of {len(result.plan.tasks):,} steps failed: mend that, and run the same "
            "command again; what is done stays"
        )
