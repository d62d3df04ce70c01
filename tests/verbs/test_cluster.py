"""cluster: its defaults and options, and selecting in the same step."""

import curate


def test_k_defaults_to_one_cluster_per_120_samples(digits_round, tmp_path):
    table = curate.cluster(digits_round.embedding, output=tmp_path / "c.parquet")
    assert table.header["summary"]["k"] == 12  # 1,443 / 120
