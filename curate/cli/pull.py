"""curate pull"""

import click

from curate.cli import options


@click.command()
@click.argument("reference", metavar="OWNER/NAME[/MANIFEST][@TAG]")
@options.output("FOLDER")
@options.JSON
@options.logs
def command(reference, output, force, as_json):
    """Fetch a manifest from the Hugging Face Hub into a folder, and check all of it.

    Without @TAG the newest; a commit serves as well. A manifest fetched before is used when the Hub is out of
    reach (HF_HUB_OFFLINE=1). `curate replay hf:OWNER/NAME@TAG` does without a folder.

    \b
      curate pull ann/digits-subsets@v1
      curate pull ann/digits-subsets/digits-furthest -o mine
    """
    from curate.show import talk
    from curate.verbs.pull import pull

    with talk.progress() as progress:
        made = pull(reference, output=output, force=force, progress=progress)
    talk.pulled(made)
    talk.result(made.path, made.header, as_json)
