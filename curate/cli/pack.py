"""curate pack"""

import click

from curate.cli import options


@click.command()
@click.argument("dataset")
@options.output("FILE.safetensors")
@options.JSON
@options.dataset
@options.logs
def command(dataset, output, force, as_json, opening):
    """Decode the images of DATASET once, and write them to one file.

    The file is a dataset like any other, of one split, and is mapped into memory, so that an epoch decodes
    nothing. Its samples have the uids of those they were made of: every manifest of the one fits the other
    (`curate replay MANIFEST --data FILE`).

    \b
      curate pack photos/ --image-size 256
      curate train photos-256px-pack.safetensors --augment resized-crop
    """
    from curate.show import talk
    from curate.verbs.pack import pack

    with talk.progress() as progress:
        made = pack(dataset, opening=opening, output=output, force=force, progress=progress)
    talk.packed(made, as_json)
