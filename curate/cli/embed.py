"""curate embed"""

import click

from curate.cli import options


@click.command()
@click.argument("dataset")
@click.option("--method", default="pca", show_default=True, help="pca, autoencoder or features.")
@click.option("--dim", type=int, help="Numbers per vector; by default the method's own choice.")
@options.output("FILE.safetensors")
@options.SEED
@options.DEVICE
@options.SET
@options.JSON
@options.dataset
@options.DEBUG
def command(dataset, method, dim, output, force, seed, device, settings, as_json, opening):
    """Turn the images of DATASET into vectors.

    \b
    pca          principal components of the pixels
                 --set whiten=true, exact_up_to=4096 (pixel values; above: incremental)
    autoencoder  the code of a small convolutional autoencoder, trained here
                 --set n_steps=2000, width=16, batch_size=128, lr=0.001
    features     what the last layer of a trained network sees
                 --set model=resnet18, weights=torchvision|FILE|FOLDER, input_size=224

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
