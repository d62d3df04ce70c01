"""curate advise"""

import click

from curate.cli import options


@click.command()
@click.argument("dataset")
@click.option("--model", help=f"The model to be trained; {options.BY_SIZE}.")
@click.option(
    "--accuracy-loss",
    type=float,
    metavar="POINTS",
    help="What may be lost against full training; by default 1.",
)
@click.option("--hours", type=float, metavar="HOURS", help="How long the whole run may take on this machine.")
@click.option("--epochs", type=int, help="Epochs of the whole run; by default the model's own.")
@click.option("--trials", default=3, show_default=True, help="Seeds of every run of the pilot.")
@click.option("--jobs", default=1, show_default=True, help="Processes, which share the threads or GPUs.")
@click.option("--store", default="curate-store", show_default=True, help="Folder of finished steps.")
@click.option("-o", "--output", metavar="RESULTS", help="Results of the pilot; by default a name that tells.")
@click.option("--against", metavar="RESULTS", help="Whole runs to hold the predictions to.")
@options.JSON
@options.dataset
@options.logs
def command(
    dataset, model, accuracy_loss, hours, epochs, trials, jobs, store, output, against, as_json, opening
):
    """Propose what to keep of DATASET, under which policy, from a cheap pilot.

    The pilot trains for a fifth of the epochs, on everything and on a few budgets. Its errors are fitted
    against what is kept and against how often samples are presented, and carried over to the whole run. Where
    full training, or a shorter schedule of it, is as good, that is said: then pruning does not pay. --against
    shows beside the predictions what the runs of a results file lost.

    \b
      curate advise digits --accuracy-loss 0.5
      curate advise path/to/cifar10 --model resnet8 --hours 0.2 --jobs 2
    """
    import sys

    from curate.recipes.advise import advise
    from curate.show import talk
    from curate.show.advice import print_advice
    from curate.show.run import view

    with view() as watch:
        advice = advise(
            dataset,
            model,
            accuracy_loss=accuracy_loss,
            hours=hours,
            epochs=epochs,
            trials=trials,
            jobs=jobs,
            store=store,
            output=output,
            against=against,
            opening=opening,
            watch=watch,
        )
    print_advice(advice, talk.console(sys.stdout), as_json)
