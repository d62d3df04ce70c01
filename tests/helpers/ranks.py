"""Ranks as torchrun starts them, but each to be looked at and killed: forks that know their number."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from torch.distributed import TCPStore

from helpers.forks import Fork, Forks

_STORES: list[TCPStore] = []  # as torchrun's own process has it, which outlives the ranks


def together(
    forks: Forks,
    size: int,
    words: Sequence[object] | Callable[[int], Sequence[object]],
    folder: Path | Sequence[Path],
    before: str = "",
) -> list[Fork]:
    """Start `curate WORDS` as so many ranks, in one folder or each in its own; `before` is run first.

    A function of the rank may say its words.
    """
    _STORES.append(TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False))
    port = _STORES[-1].port
    folders = [folder] * size if isinstance(folder, Path) else folder
    each = [words(rank) if callable(words) else words for rank in range(size)]
    own = [{**os.environ, **environment(rank, size, port)} for rank in range(size)]
    return [forks.start(each[rank], folders[rank], own[rank], before) for rank in range(size)]


def environment(rank: int, size: int, port: int) -> dict[str, str]:
    """What torchrun tells a rank."""
    here = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "GLOO_SOCKET_IFNAME": "lo"}
    here["TORCHELASTIC_USE_AGENT_STORE"] = "True"
    who = {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(size)}
    return here | who | {"OMP_NUM_THREADS": "1"}


def codes(ranks: Sequence[Fork], seconds: float = 90) -> list[int | None]:
    """The exit code of each, when all have ended."""
    return [rank.wait(seconds) for rank in ranks]


def done(ranks: Sequence[Fork]) -> str:
    """What the first wrote to stdout, where all ended well, and the others said nothing."""
    assert codes(ranks) == [0] * len(ranks), [rank.err.read_text() for rank in ranks]
    for rank in ranks[1:]:
        assert (rank.out.read_text(), rank.err.read_text()) == ("", "")
    return ranks[0].out.read_text()


def errors(ranks: Sequence[Fork]) -> list[str]:
    """The lines of all that begin with `error`, in the order of ranks."""
    return [line for rank in ranks for line in rank.err.read_text().splitlines() if line.startswith("error")]
