"""curate push"""

import click

from curate.cli import options


@click.command()
@click.argument("folder")
@click.argument("repository", metavar="OWNER/NAME")
@click.option("--name", help="The manifest's name in the repository; by default that of the folder.")
@click.option("--private", is_flag=True, help="Make the repository private, where it is made.")
@click.option("--tag", metavar="v1", help="Name what is published, so that others can pull just that.")
@click.option("--message", metavar="TEXT", help="The commit's message.")
@click.option("--results", metavar="RESULTS", help="What `curate replay` wrote: accuracies for the card.")
@click.option("--licence", metavar="ID", help="Licence of the source dataset, where curate does not know it.")
@click.option("--link", metavar="URL", help="Page of the source dataset, where curate does not know it.")
@click.option("--dry-run", is_flag=True, help="List files and bytes; send and ask nothing.")
@options.JSON
@options.logs
def command(folder, repository, name, private, tag, message, results, licence, link, dry_run, as_json):
    """Publish the manifest in FOLDER in a dataset repository on the Hugging Face Hub.

    Only indices, uids, labels and scores are sent, with a card: no image, no weights, no trace. All goes into
    one commit; what is there already is not sent again. Several manifests can share a repository.

    Sign in with HF_TOKEN, or once with `hf auth login`.

    \b
      curate push digits-pca-k12-furthest-0.3 ann/digits-subsets --dry-run
      curate push digits-pca-k12-furthest-0.3 ann/digits-subsets --tag v1
    """
    from curate.show import talk
    from curate.verbs.push import push

    with talk.progress() as progress:
        made = push(
            folder,
            repository,
            name=name,
            private=private,
            tag=tag,
            message=message,
            results=results,
            licence=licence,
            link=link,
            dry_run=dry_run,
            progress=progress,
        )
    talk.pushed(made, as_json)
