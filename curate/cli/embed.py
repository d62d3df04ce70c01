"""curate embed"""

import click

from curate.cli import options


@click.command(cls=options.Listing, methods=["embedders"])
@click.argument("dataset")
@click.option("--method", default="pca", show_default=True, help="One of those above.")
@click.option("--dim", type=int, help="Numbers per vector; by default the method's own choice.")
@options.output("FILE.safetensors")
@options.SEED
@options.DEVICE
@options.SET
@options.JSON
@options.dataset
@options.logs
def command(dataset, method, dim, output, force, seed, device, settings, as_json, opening):
    """Turn the images of DATASET into vectors.

    {methods}

    weights=torchvision is that of ImageNet; a FILE or a FOLDER of `curate train` serves as well.

    \b
      curate embed digits
      curate embed cifar10 --download --method autoencoder --dim 64
      curate embed photos/ --image-size 224 --method features --set model=resnet18
    """
    from curate.show import talk
    from curate.verbs.embed import embed

    with talk.progress() as progress:
        made = embed(
            dataset,
            method=method,
            dim=dim,
            options=options.parse_settings(settings),
            opening=opening,
            seed=seed,
            device=device,
            output=output,
            force=force,
            progress=progress,
        )
    talk.embedding(made)
    talk.result(made.path, made.header, as_json)
