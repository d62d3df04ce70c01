"""What Python shows of curate's things is one line."""

from dataclasses import replace

import curate


def test_each_thing_says_in_one_line_what_it_is(digits_round, digits_session, here):
    digits = curate.open_dataset("digits")
    assert repr(digits) == "<Dataset digits: 1,443 samples (train split), 8 x 8 grey, 10 classes>"
    bare = replace(digits, labels=None, options=curate.Options())
    assert repr(bare) == "<Dataset digits: 1,443 samples (train split), 8 x 8 grey, no labels>"
    embedding = curate.open_embedding(digits_round.embedding)
    assert repr(embedding) == f"<Embedding {digits_round.embedding}: 1,443 vectors of 16 numbers>"
    table = curate.open_table(digits_round.table)
    named = "index, row, uid, label, cluster, distance>"
    assert repr(table) == f"<Table of clusters {digits_round.table}: 1,443 samples, {named}"
    static, dynamic = map(curate.open_manifest, (digits_round.manifest, digits_session))
    assert repr(static) == f"<Manifest {static.path}: 433 of 1,443 samples of digits in every epoch>"
    assert repr(dynamic).endswith(" of 1,443 samples of digits in each of 10 epochs>")
    how = {"n_epochs": 1, "batch_size": 200}
    result = curate.replay(static, trials=2, hyperparameters=how, output="r.parquet")
    accuracy = result.runs[0].summary("accuracy")
    assert repr(result) == (
        f"<ReplayResult r.parquet: test accuracy in %, manifest {100 * accuracy.mean:.2f} ± "
        f"{100 * accuracy.std:.2f}>"
    )


def test_a_table_is_a_frame_of_polars(digits_round):
    table = curate.open_table(digits_round.table)
    frame = table.to_polars()
    assert frame.columns == list(table.columns)
    assert len(frame) == len(table)
    for name, column in table.columns.items():
        assert (frame[name].to_numpy() == column).all()
