"""Manifests made from manifests: the laws of set algebra, epochs, copies in another order, parents."""

from pathlib import Path

import pytest
from helpers.comparing import LABELS, ORDER, UIDS, manifest, moved, scores
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.artifacts.tables import open_table
from curate.errors import CurateError
from curate.manifests.manifest import open_manifest
from curate.verbs.compare import compare
from curate.verbs.select import select


def chosen(*words):
    """The epochs, as sets, of a combination of manifests; the last word says of which kind."""
    *things, how = words
    output = Path(things[0]).parent / f"made-{how}"
    made = compare(*things, combine=how, output=output, force=output.exists()).combined
    opened = open_manifest(made.path)
    return [set(opened.selected(epoch).indices.tolist()) for epoch in range(opened.n_epochs)]


SOME = st.sets(st.integers(0, 5))


@given(st.lists(st.tuples(SOME, SOME, SOME), min_size=8, max_size=16))
@settings(max_examples=2, deadline=None)
def test_the_laws_of_sets(tmp_path_factory, triples):
    # Every epoch is a case of its own. 6 is in all, and 7, 8 and 9 in one each: no epoch comes out empty.
    cases = [[members | {6, 7 + i} for i, members in enumerate(triple)] for triple in triples]
    folder = tmp_path_factory.mktemp("sets")
    a, b, c = (manifest(folder / name, [case[i] for case in cases]) for i, name in enumerate("abc"))
    assert chosen(a, b, "union") == chosen(b, a, "union") == [x | y for x, y, _ in cases]
    assert chosen(a, b, "intersect") == chosen(b, a, "intersect") == [x & y for x, y, _ in cases]
    assert chosen(a, a, "intersect") == chosen(a, a, "union") == [x for x, _, _ in cases]
    for how in ("union", "intersect", "minus"):  # three at once are the first two, and then the third
        compare(a, b, combine=how, output=folder / how)
        assert chosen(a, b, c, how) == chosen(folder / how, c, how)
    parts = zip(chosen(a, b, "minus"), chosen(a, b, "intersect"), chosen(b, a, "minus"), strict=True)
    whole = chosen(a, b, "union")  # the parts make it up, and share nothing
    assert [sorted(i for part in result for i in part) for result in parts] == [sorted(x) for x in whole]


class TestCombining:
    """Manifests made from manifests."""

    def test_dynamic_ones_combine_epoch_by_epoch_and_a_static_one_counts_for_all(self, here):
        one = manifest(here / "one", [{0, 1}, {2, 3}, {4, 5}])
        other = manifest(here / "other", [{1, 2}, {3, 4}, {5, 6}])
        static = manifest(here / "static", [{1, 3, 5}])
        assert chosen(one, other, "union") == [{0, 1, 2}, {2, 3, 4}, {4, 5, 6}]
        assert chosen(one, other, "intersect") == [{1}, {3}, {5}]
        assert chosen(static, one, "intersect") == [{1}, {3}, {5}]
        assert chosen(one, static, "minus") == [{0}, {2}, {4}]
        n_selected = open_manifest(here / "made-union").samples["n_selected"]
        assert "".join(map(str, n_selected)) == "1121211000"

    def test_copies_in_another_order_follow_the_order_of_the_first(self, here):
        a = manifest(here / "a", [{0, 1, 2}], labels=LABELS)
        place = {sample: row for row, sample in enumerate(ORDER)}
        theirs = {"uids": moved(UIDS), "labels": moved(LABELS)}
        b = manifest(here / "b", [{place[1], place[2], place[7]}], **theirs)
        assert chosen(a, b, "intersect") == [{1, 2}]
        assert chosen(a, b, "minus") == [{0}]
        made = compare(a, b, combine="union", output=here / "u").combined
        assert set(made.selected(0).indices.tolist()) == {0, 1, 2, 7}
        assert (made.samples["uid"].tolist(), made.samples["label"].tolist()) == (UIDS, LABELS)

    def test_what_is_left_empty_is_an_error_and_nothing_is_written(self, here):
        one = manifest(here / "one", [{0, 1}, {2, 3}])
        other = manifest(here / "other", [{1, 2}, {4, 5}])
        before = sorted(here.iterdir())
        with pytest.raises(CurateError, match=r"no sample is in all of .*one, .*other in epoch 1: nothing"):
            compare(one, other, combine="intersect", output=here / "x")
        with pytest.raises(CurateError, match=r"every sample of the first is in another of .*one in epoch 0"):
            compare(one, one, combine="minus", output=here / "x")
        with pytest.raises(CurateError, match="no way to combine called 'minos': did you mean minus"):
            compare(one, other, combine="minos")
        assert sorted(here.iterdir()) == before

    def test_the_same_bytes_again_with_every_parent_on_record(self, here):
        table = scores(here / "t.parquet", list(range(10)), labels=LABELS)
        a = select(table, "top", keep=4, output=here / "a").path
        b = select(table, "random", keep=4, output=here / "b").path
        for folder in ("one", "two"):
            (here / folder).mkdir()
            compare(a, b, combine="union", output=here / folder / "u")
        for file in sorted((here / "one" / "u").iterdir()):
            assert file.read_bytes() == (here / "two" / "u" / file.name).read_bytes(), file.name
        made = open_manifest(here / "one" / "u")
        header, parents = made.header, made.header.parents
        seals = [open_manifest(path).header.sha256 for path in (a, b)]
        assert [parents["manifest-1"], parents["manifest-2"]] == seals
        assert [parents[f"manifest-{i}/scores"] for i in (1, 2)] == [open_table(table).header.sha256] * 2
        assert (header.command, header.options) == ("compare", {"combine": "union"})
        n_kept = int(made.samples["n_selected"].sum())
        assert {"policy": "static", "n_kept": n_kept, "n_epochs": 1}.items() <= header.summary.items()
        assert list(made.samples) == ["index", "uid", "label", "n_selected"]
        nested = compare(made, a, combine="intersect", output=here / "nested").combined.header.parents
        assert (nested["manifest-1/manifest-2"], nested["manifest-2"], len(nested)) == (*seals[::-1], 7)

    def test_a_combined_manifest_replays(self, cli, here, digits_round):
        words = (digits_round.manifest, digits_round.manifest, "--intersect", "-o", "both")
        assert cli("compare", *words).last == "both"
        assert cli("replay", "both", "--epochs", 1, "--trials", 1).code == 0
        assert "compare (combine=intersect; seed 0)" in " ".join(cli("inspect", "both").out.split())
