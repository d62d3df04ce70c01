"""Random streams: each by its name."""

from curate.rng import stream_seed


def test_streams_are_named_and_independent():
    assert stream_seed(0, "order", 1) == stream_seed(0, "order", 1)
    assert len({stream_seed(s, n, e) for s in range(3) for n in ("order", "init") for e in range(3)}) == 18
    assert 0 <= stream_seed(123, "x") < 2**63
