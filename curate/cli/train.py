"""curate train"""

from functools import partial

import click

from curate.cli import options


def _needs(summary):
    """The options that a policy needs."""
    needs = ["--from"] if {"scores", "manifest"} & summary.options.keys() else []
    return f"[{' '.join(needs)}]" if needs else ""


@click.command(cls=options.Listing, methods=["models", "policies"], remark=_needs)
@click.argument("dataset")
@click.option(
    "--model",
    help=f"One of the first list above, net.py:Net, torchvision:NAME or timm:NAME; {options.BY_SIZE}.",
)
@click.option(
    "--policy",
    help="What selects the samples: one of the second list above, or file.py:Name; by default full, with "
    "--keep random.",
)
@click.option(
    "--keep",
    metavar="K",
    help="Share (0.3, 30%) or count to keep, by default 0.5 where a policy is named; 0.2:0.6 changes it.",
)
@click.option(
    "--period", type=int, metavar="EPOCHS", help="How often to select; by default a twentieth of the run."
)
@click.option("--budget", default="epochs", show_default=True, help="epochs, or samples: as many as full.")
@click.option("--observe", metavar="WHERE", help="Losses of training (free), or of an evaluation pass.")
@click.option("--adapt", type=float, metavar="R", help="Select anew only when loss ranks correlate below R.")
@click.option("--trust", type=float, metavar="SHARE", help="Keep the 1 - SHARE most doubtful labels out.")
@click.option(
    "--warm-up",
    metavar="EPOCHS|SHARE",
    help="Begin with random draws; by default 10%, for policies that rank by losses. 10%:full takes all.",
)
@click.option(
    "--class-floor", type=float, metavar="SHARE", help="No class keeps less than SHARE of its fair part."
)
@click.option("--trace", is_flag=True, help="Keep what training sees of each sample, for `curate score`.")
@click.option("--from", "from_", metavar="PATH", help="Earlier manifest or scores that the policy needs.")
@options.hyperparameters()
@click.option("--evaluate-every", default=0, metavar="EPOCHS", help="How often to test; by default 20 times.")
@options.WEIGHTS
@options.TEST
@click.option("--trials", default=1, show_default=True, help="Runs, each with a seed of its own.")
@options.SEED
@options.DEVICE
@options.output("FOLDER")
@click.option("--results", metavar="RESULTS", help="Results file to add each run to as a row.")
@click.option("--fresh", is_flag=True, help="Drop an unfinished run of this output; do not resume it.")
@options.SET
@options.JSON
@options.dataset
@options.logs
def command(
    dataset,
    model,
    policy,
    keep,
    period,
    budget,
    observe,
    adapt,
    trust,
    warm_up,
    class_floor,
    trace,
    from_,
    hyperparameters,
    evaluate_every,
    weights,
    test,
    trials,
    seed,
    device,
    output,
    results,
    force,
    fresh,
    settings,
    as_json,
    opening,
):
    """Train a model on DATASET; write weights, metrics and the manifest.

    Every --period epochs a policy selects the samples to train on. Killed half-way, the same command goes
    on where it was.

    {methods}

    With --trials, each seed is a run in a folder of its own, and a row of NAME-trials.parquet.

    Options of the policy and of the model are given with --set; --from sets scores=TABLE or manifest=FOLDER.
    What is not given comes from the model's own hyperparameters.

    \b
      curate train digits
      curate train digits --policy ucb --keep 0.3 --epochs 20 --period 2
      curate train digits --policy random --keep 0.3 --trials 4
      curate train mnist --download --model lenet5 --epochs 5
    """
    from curate.show import talk
    from curate.verbs.train import train
    from curate.verbs.train_trials import train_trials

    several = trials != 1
    with talk.progress() as progress:
        made = (partial(train_trials, trials=trials) if several else train)(
            dataset,
            model,
            policy=policy,
            keep=keep,
            period=period,
            budget=budget,
            observe=observe,
            adapt=adapt,
            trust=trust,
            warm_up=warm_up,
            class_floor=class_floor,
            trace=trace,
            from_=from_,
            options=options.parse_settings(settings),
            hyperparameters=hyperparameters,
            opening=opening,
            test=test,
            evaluate_every=evaluate_every,
            weights=weights,
            seed=seed,
            device=device,
            output=output,
            results=results,
            force=force,
            fresh=fresh,
            progress=progress,
        )
    if several:
        talk.trials(made, as_json)
        return
    talk.training(made, dataset, model)
    talk.result(made.manifest.path, made.manifest.header, as_json)
