"""No altered or forged file is misread, ends in an error that is not curate's, or fills the memory."""

import pytest
from fuzz.fuzzing import FORGEABLE, tries, workshop


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return workshop(tmp_path_factory.mktemp("workshop"))


KINDS = (
    *FORGEABLE,
    *("npz", "photos", "vectors.npy", "vectors.npz"),
)


@pytest.mark.parametrize("kind", KINDS)
def test_a_few_of_every_kind(made, tmp_path, kind):
    found = tries((kind,), range(4), made, tmp_path, forge=False)
    if kind in FORGEABLE:
        found += tries((kind,), range(4), made, tmp_path, forge=True)
    assert [one for one in found if one.bad] == []


@pytest.mark.slow
@pytest.mark.parametrize("forge", [False, True])
def test_two_thousand(made, tmp_path, forge):
    kinds = FORGEABLE if forge else KINDS
    found = tries(kinds, range(100, 100 + 1000 // len(kinds)), made, tmp_path, forge)
    assert [one for one in found if one.bad] == []
