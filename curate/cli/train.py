"""curate train"""

import click

from curate.cli import options


@click.command()
@click.argument("dataset")
@click.option(
    "--model",
    default="basic-cnn",
    show_default=True,
    help="lenet5, basic-cnn, resnet18, resnet34 or vgg16.",
)
@click.option(
    "--policy", default="full", show_default=True, help="full, or recorded (--set manifest=FOLDER)."
)
@options.recipe
@click.option("--evaluate-every", default=0, metavar="EPOCHS", help="How often to test; by default 20 times.")
@options.TEST
@options.SEED
@options.DEVICE
@options.output("FOLDER")
@options.SET
@options.JSON
@options.dataset
@options.DEBUG
def command(
    dataset,
    model,
    policy,
    recipe,
    evaluate_every,
    test,
    seed,
    device,
    output,
    force,
    settings,
    as_json,
    opening,
):
    """Train a model on DATASET; write weights, metrics and the manifest.

    What is not said comes from the model's own recipe. Options of a model or policy, with --set: width=32
    (basic-cnn), manifest=FOLDER (recorded).

    \b
      curate train digits
      curate train mnist --download --model lenet5 --epochs 5
    """
    from curate.show import talk
    from curate.verbs.train import train

    with talk.progress() as progress:
        made = train(
            dataset,
            model,
            policy=policy,
            options=options.parse_settings(settings),
            recipe=recipe,
            opening=opening,
            test=test,
            evaluate_every=evaluate_every,
            seed=seed,
            device=device,
            output=output,
            force=force,
            progress=progress,
        )
    talk.training(made)
    talk.result(made.manifest.path, made.manifest.header, as_json)
