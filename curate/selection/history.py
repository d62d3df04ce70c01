"""What a run in a loop of one's own has done so far, and how it becomes a manifest."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from curate.artifacts.header import Cost, Header
from curate.artifacts.tables import sample_columns
from curate.manifests.manifest import Manifest, Selected, write_manifest
from curate.scores.trace import TRACE, write_seen
from curate.selection.known import group_samples, known_of_samples
from curate.selection.ledger import Ledger, Notes, put_together, seen_of
from curate.selection.own_samples import OwnSamples
from curate.selection.packing import pack, unpack


@dataclass(frozen=True)
class Done:
    """What is kept of a finished epoch; `asked` and `checkpoint` are those of the decision it followed."""

    epoch: int
    asked: bool
    checkpoint: int


@dataclass
class History:
    """The epochs that are done, what was selected at each checkpoint, and what a trace is made of."""

    done: list[Done] = field(default_factory=list)
    selections: dict[int, Selected] = field(default_factory=dict)
    traced: list[Notes] = field(default_factory=list)
    samples_seen: int = 0
    last_loss: float | None = None  # the mean over the presentations since the checkpoint before

    def write(
        self,
        path: Path,
        header: Header,
        samples: OwnSamples,
        decided: Mapping[str, Any],
        ledger: Ledger,
        force: bool,
    ) -> Manifest:
        """The manifest, with the trace where the header has one; `decided` is the state of the decisions."""
        asked, n = [one.asked for one in self.done], samples.n
        is_static = all(one.checkpoint == 0 for one in self.done)
        selection = [self.selections[one.checkpoint] for one in self.done]
        summary: dict[str, Any] = {
            "policy": header.options["policy"],
            "checkpoints": [0] if is_static else [one.epoch for one in self.done if one.asked],
            "samples_seen": self.samples_seen,
            "train_loss": self.last_loss,
        }
        distrusted = decided["observer"].get("distrusted")
        columns = sample_columns(samples.uids, samples.rows, samples.labels) | known_of_samples(
            decided["memory"],
            n,
            guard_margin=None if distrusted is None else ledger.mean_margins(),
            distrusted=distrusted,
        )
        if not is_static:
            counted, grouped = group_samples(selection, asked, n)
            summary |= counted
            columns |= grouped
        finished = replace(header, summary=summary)

        def extras(folder: Path) -> None:
            if header.options.get("trace"):
                self._write_trace(folder / TRACE, finished)

        return write_manifest(
            path, finished, selection[:1] if is_static else selection, columns, force=force, extras=extras
        )

    def state(self) -> dict[str, Any]:
        """In plain JSON values."""
        return {
            "done": [asdict(one) for one in self.done],
            "selections": {
                str(epoch): [pack(one.indices), None if one.weights is None else pack(one.weights)]
                for epoch, one in self.selections.items()
            },
            "traced": [pack(column) for column in put_together(self.traced).arrays()],
            "samples_seen": self.samples_seen,
            "last_loss": self.last_loss,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "History":
        """What `state` gave."""
        return cls(
            done=[Done(**one) for one in state["done"]],
            selections={
                int(epoch): Selected(unpack(indices), None if weights is None else unpack(weights))
                for epoch, (indices, weights) in state["selections"].items()
            },
            traced=[Notes(*map(unpack, state["traced"]))],
            samples_seen=state["samples_seen"],
            last_loss=state["last_loss"],
        )

    def _write_trace(self, path: Path, header: Header) -> None:
        notes = put_together(self.traced)
        epochs = (seen_of(notes.of(notes.epoch == one.epoch)) for one in self.done)
        summary = {"n_epochs": len(self.done), "n_models": 1, "samples_seen": self.samples_seen}
        cost = Cost(seconds=None, samples_seen=self.samples_seen)
        write_seen(path, replace(header, kind="trace", summary=summary, cost=cost), epochs)
