"""The laws of policies, held by curate's own checks."""

from curate_example_plugin.policies import EveryOther

from curate.testing import check_policy


def test_it_keeps_the_laws_of_policies():
    check_policy(EveryOther())
    check_policy(EveryOther(offset=1))
