"""curate methods"""

import click

from curate.cli import options


@click.command()
@click.argument("kind", required=False)
@click.argument("name", required=False)
@options.JSON
@options.logs
def command(kind, name, as_json):
    """List the methods of KIND, or of all kinds; or show the one called NAME.

    Kinds are sources, models, embedders, scorers, strategies, policies, exports, schedules and augmentations.
    NAME may be file.py:Name. What installed packages bring is in the list.

    \b
      curate methods policies
      curate methods policies ucb
      curate methods models net.py:Net
    """
    import sys
    from dataclasses import asdict

    from curate.show import talk
    from curate.show.methods import print_method, print_methods
    from curate.verbs.methods import methods

    found = methods(kind, name)
    if as_json:
        talk.json_object({"methods": [asdict(method) for method in found]})
    elif name is not None:
        print_method(found[0], talk.console(sys.stdout))
    else:
        print_methods(found, talk.console(sys.stdout))
