"""curate replay"""

import click

from curate.cli import options


@click.command()
@click.argument("folder")
@click.option("--data", metavar="DATASET", help="The dataset, where it is not at the recorded place.")
@click.option("--model", help="Model to train; by default the recorded one, else as in `train`.")
@options.hyperparameters()
@click.option("--trials", default=3, show_default=True, help="Runs, each with a seed of its own.")
@click.option("--seed", type=int, help="Seed of the first trial; by default the recorded one, else 0.")
@click.option("--against", default="", metavar="CONTROLS", help="Controls to run as well: full,random")
@click.option("--jobs", default=1, show_default=True, help="Runs to train at the same time on a CPU.")
@click.option("--freeze", default="", metavar="last", help="Train on the last epoch's selection throughout.")
@click.option(
    "--count-scoring/--no-scoring",
    "count_scoring",
    default=True,
    help="Add what the scores cost; the default.",
)
@click.option(
    "--evaluate-every", default=0, metavar="EPOCHS", help="Test along the run too, not at the end only."
)
@options.WEIGHTS
@options.TEST
@options.DEVICE
@click.option(
    "-o",
    "--output",
    metavar="RESULTS",
    help="Results file to add the trials to; by default NAME-replay.parquet.",
)
@click.option("--force", is_flag=True, help="Begin the results file anew if it exists.")
@options.SET
@options.JSON
@options.dataset
@options.logs
def command(
    folder,
    data,
    model,
    hyperparameters,
    trials,
    seed,
    against,
    jobs,
    freeze,
    count_scoring,
    evaluate_every,
    weights,
    test,
    device,
    output,
    force,
    settings,
    as_json,
    opening,
):
    """Train and test from the manifest in FOLDER, or on the Hub, several trials, next to controls.

    Accuracies are on the test set after the last epoch, never the best one. The difference to a control
    is paired by seed, with its 95% confidence interval. Every finished trial is kept in the results file:
    run the same command again after a kill, or with more trials, and it goes on.

    \b
      curate replay digits-pca-k12-furthest-0.3 --against full,random
      curate replay hf:ann/digits-subsets@v1 --data digits
      curate replay manifests/mnist-furthest-30000 --data mnist --model lenet5 --trials 5
    """
    import sys

    from curate.show import talk
    from curate.show.replay import print_replay
    from curate.verbs.replay import replay

    with talk.progress() as progress:
        result = replay(
            folder,
            data,
            model=model,
            options=options.parse_settings(settings) or None,
            hyperparameters=hyperparameters,
            trials=trials,
            against=against.split(","),
            opening=opening,
            test=test,
            seed=seed,
            device=device,
            jobs=jobs,
            weights=weights,
            freeze=freeze,
            count_scoring=count_scoring,
            evaluate_every=evaluate_every,
            output=output,
            force=force,
            progress=progress,
        )
    if as_json:
        talk.json_object(result.as_dict())
    else:
        print_replay(result, talk.console(sys.stdout))
        print(result.path)  # noqa: T201  stdout is data
