"""curate compare"""

import click

from curate.cli import options


@click.command()
@click.argument("things", nargs=-1, metavar="A B ...")
@click.option(
    "--budgets",
    default="0.05,0.1,0.2,0.3,0.5,0.7",
    show_default=True,
    metavar="KEEP,KEEP",
    help="Fractions or counts at which to compare what is kept.",
)
@click.option("--column", metavar="NAME", help="Column that ranks a table; by default its first that does.")
@click.option("--by", metavar="class", help="Also the share of every class kept, at the first budget.")
@click.option("--union", is_flag=True, help="Write the manifest of what any of them selects.")
@click.option("--intersect", is_flag=True, help="Write the manifest of what all of them select.")
@click.option("--minus", is_flag=True, help="Write the manifest of what A selects and no other does.")
@options.output("FOLDER")
@options.JSON
@options.logs
def command(things, budgets, column, by, union, intersect, minus, output, force, as_json):
    """Compare scores and selections of one dataset: two or more tables (.parquet) and manifests (folders, or
    hf:OWNER/NAME). One table alone is compared with itself, score by score.

    Overlap is Jaccard: samples kept by both, of those kept by either. Tables rank their samples hardest
    first; a manifest of `curate select` by its rank, another one by how often it selects a sample.
    Spearman correlations compare whole rankings. Of three or more, such as one score from several seeds,
    the mean and spread over all pairs say how stable they are. Results of trials are compared by accuracy,
    paired by seed.

    \b
      curate compare digits-pca-k12.parquet digits-pca-k12-furthest-0.3 --by class
      curate compare digits-forgetting-aum.parquet
      curate compare seed0.parquet seed1.parquet seed2.parquet --budgets 0.3,600
      curate compare digits-ucb digits-ema --intersect -o digits-both
      curate compare digits-ucb-trials.parquet digits-random-trials.parquet
    """
    import sys

    from curate.artifacts.kinds import kind_of
    from curate.errors import CurateError
    from curate.show import talk

    if things and all(kind_of(thing) == "results" for thing in things):
        _compare_results(things, as_json)
        return
    from curate.show.compare import print_comparison
    from curate.verbs.compare import compare

    flags = {"union": union, "intersect": intersect, "minus": minus}
    ways = [name for name, given in flags.items() if given]
    if len(ways) > 1:
        raise CurateError(f"{' and '.join(f'--{name}' for name in ways)} are given: use one of them")
    with talk.progress() as progress:
        comparison = compare(
            *things,
            budgets=[keep for keep in budgets.split(",") if keep.strip()],
            column=column,
            by=by,
            combine=ways[0] if ways else None,
            output=output,
            force=force,
            progress=progress,
        )
    for note in comparison.notes:
        talk.say(note)
    if not as_json:
        print_comparison(comparison, talk.console(sys.stdout))
    if comparison.combined is not None:
        summary = comparison.combined.header.summary
        talk.say(
            f"{ways[0]}: {summary['n_selected_per_epoch']:,.0f} of {comparison.combined.n:,} samples "
            f"({summary['keep']:.1%}){'' if comparison.combined.is_static else ' per epoch'}"
        )
        talk.next_step(f"curate replay {comparison.combined.path} --against full,random")
    if as_json:
        talk.json_object(comparison.as_dict())
    elif comparison.combined is not None:
        click.echo(comparison.combined.path)


def _compare_results(things, as_json):
    """Results of trials, put together in one table."""
    import sys
    from dataclasses import asdict

    from curate.recipes.comparison import comparison_of
    from curate.show import talk
    from curate.show.run import print_table

    comparison = comparison_of(things)
    if as_json:
        talk.json_object({"against_random": [asdict(one) for one in comparison.against_random]})
    else:
        print_table(comparison, talk.console(sys.stdout))
