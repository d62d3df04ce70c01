"""The defaults of the command are those of the verb."""

import inspect

from curate.cli.cluster import command
from curate.verbs.cluster import cluster


def test_iterations_and_relocations_are_those_of_the_verb():
    defaults = {parameter.name: parameter.default for parameter in command.params}
    verb = inspect.signature(cluster).parameters
    for name in ("iterations", "relocate", "init"):
        assert defaults[name] == verb[name].default, name
