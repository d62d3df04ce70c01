"""curate embed"""

import click

from curate.cli import options


@click.command(cls=options.Listing, methods=["embedders"])
@click.argument("dataset")
@click.option("--method", default="pca", show_default=True, help="One of those above.")
@click.option("--dim", type=int, help="Numbers per vector; by default the method's own choice.")
@click.option("--dtype", default="float32", show_default=True, help="float16 takes half as much room.")
@click.option(
    "--shard-size", type=int, metavar="N", help="Write a folder of files of N vectors each; resumes."
)
@options.output("FILE.safetensors")
@options.SEED
@options.DEVICE
@options.SET
@options.JSON
@options.dataset
@options.logs
def command(dataset, method, dim, dtype, shard_size, output, force, seed, device, settings, as_json, opening):
    """Turn the images of DATASET into vectors.

    {methods}

    weights=torchvision is that of ImageNet; a FILE or a FOLDER of `curate train` serves as well.

    \b
      curate embed digits
      curate embed cifar10 --download --method autoencoder --dim 64
      curate embed photos/ --image-size 224 --method features --set model=resnet18
      curate embed photos/ --method features --shard-size 100000 --dtype float16
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
            dtype=dtype,
            shard_size=shard_size,
            device=device,
            output=output,
            force=force,
            progress=progress,
        )
    talk.embedding(made)
    talk.result(made.path, made.header, as_json)
