"""curate list"""

import click

from curate.cli import options


@click.command()
@click.argument("owner")
@options.JSON
@options.logs
def command(owner, as_json):
    """List the manifests that OWNER has published on the Hugging Face Hub.

    \b
      curate list ann
    """
    import sys

    from curate.show import talk
    from curate.show.published import print_published
    from curate.verbs.pull import published

    with talk.progress() as progress:
        manifests = published(owner, progress)
    if as_json:
        talk.json_object({"owner": owner, "manifests": manifests})
    else:
        print_published(owner, manifests, talk.console(sys.stdout))
