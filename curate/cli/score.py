"""curate score"""

import click

from curate.cli import options


def _made_from(summary):
    """What a scorer is made from, and how much training that takes by default."""
    places = {"trace": "a trace", "network": "training", "clusters": "clusters", "embedding": "an embedding"}
    reads = summary.facts["reads"]
    places |= {"trace": "training or a trace"} if reads[0] == "trace" else {}
    made_from = " or ".join(places[place] for place in reads)
    n_models, share = summary.facts.get("n_models"), summary.facts.get("schedule_share")
    if n_models is None:
        return f"(from {made_from})"
    length = "all epochs" if share == 1 else f"{share:.0%} of the epochs"
    amount = f"{n_models} model{'s' * (n_models > 1)}, {length}"
    return f"(from {made_from}; {amount})"


@click.command(cls=options.Listing, methods=["scorers"], remark=_made_from)
@click.argument("source", required=False)
@click.option(
    "--method",
    help="One of those above, or several with commas between; by default el2n, of vectors prototypicality.",
)
@click.option(
    "--models",
    type=int,
    metavar="K",
    help="Models of different seeds to train; by default as many as are listed above.",
)
@click.option("--epochs", type=int, metavar="E", help="Score after so many epochs of the schedule.")
@click.option("--trace", metavar="TRACE", help="Score from this trace; written if SOURCE has none there yet.")
@click.option("--model", help=f"The model to train, as in `train`; {options.BY_SIZE}.")
@click.option(
    "--side-by-side/--one-by-one",
    "side_by_side",
    default=None,
    help="Train the models as one computation, or one after another; by default small models are one "
    "computation on a GPU, and several run at once on a CPU.",
)
@click.option("--from", "from_", metavar="FILE", help="Scores made elsewhere: .npy, .csv or .parquet.")
@click.option("--hard-is", help="With --from: whether high or low is hard.")
@click.option("--by", help="With --from: samples are known by index, row, uid or name (of their file).")
@options.hyperparameters(epochs=False)
@options.WEIGHTS
@click.option("--seed", type=int, help="Of the first model, by default 0; the others take those after it.")
@options.DEVICE
@options.output("FILE.parquet")
@click.option("--fresh", is_flag=True, help="Drop an unfinished run of this output; do not resume it.")
@options.SET
@options.JSON
@options.dataset
@options.logs
def command(
    source,
    method,
    models,
    epochs,
    trace,
    model,
    side_by_side,
    from_,
    hard_is,
    by,
    hyperparameters,
    weights,
    seed,
    device,
    output,
    force,
    fresh,
    settings,
    as_json,
    opening,
):
    """Score every sample of SOURCE; write the table that `select` chooses from.

    SOURCE is a dataset, on which models are trained, or what `cluster` or `embed` wrote.

    {methods}

    Where --epochs is more than the schedule has, the schedule gets longer. Killed half-way, the same command
    goes on where it was.

    \b
      curate score digits --method el2n --models 3
      curate score digits --method forgetting,aum --trace digits-trace.parquet
      curate score --trace digits-trace.parquet --method margin --epochs 10
      curate score digits-pca.safetensors --method duplicate
      curate score digits --from scores.npy --hard-is high
    """
    from curate.show import talk
    from curate.verbs.score import score

    with talk.progress() as progress:
        made = score(
            source,
            None if method is None else [name.strip() for name in method.split(",") if name.strip()],
            models=models,
            epochs=epochs,
            trace=trace,
            model=model,
            options=options.parse_settings(settings),
            hyperparameters=hyperparameters,
            weights=weights,
            side_by_side=side_by_side,
            from_=from_,
            hard_is=hard_is,
            by=by,
            opening=opening,
            seed=seed,
            device=device,
            output=output,
            force=force,
            fresh=fresh,
            progress=progress,
        )
    talk.scores(made)
    talk.result(made.path, made.header, as_json)
