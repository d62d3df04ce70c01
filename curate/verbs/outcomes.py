"""From what was trained to a row of results."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from curate.artifacts.header import canonical, cost_of, versions
from curate.artifacts.kinds import header_at, kind_of
from curate.artifacts.results import Outcome, add_results, key_of, machine, read_results
from curate.data.dataset import Dataset
from curate.errors import CurateError
from curate.manifests.manifest import Manifest
from curate.networks.model import Hyperparameters
from curate.statistics import spread
from curate.training.outcome import Record, Trial
from curate.verbs.naming import public


def identity_of(
    what: Mapping[str, Any],
    *,
    data: Dataset,
    test: Dataset,
    model: str,
    options: Mapping[str, Any],
    hyperparameters: Hyperparameters,
    seed: int,
    device: str,
    n_threads: int,
) -> dict[str, Any]:
    """All that a trial depends on; `what` says what it is trained on."""
    return {
        **what,
        "data": data.fingerprint,
        "test": test.fingerprint,
        "image": [data.options.image_size, data.options.channels],
        "model": model,
        "model_options": dict(options),
        "hyperparameters": asdict(hyperparameters),
        "seed": seed,
        "device": device,
        "n_threads": n_threads,
        "versions": versions(),
    }


def outcome_of_trial(
    identity: Mapping[str, Any],
    trial: Trial,
    *,
    name: str,
    data: Dataset,
    manifest: Manifest | None,
    n_selected_per_epoch: float,
) -> Outcome:
    """The row of a trial of `replay`: of its manifest, or of a control where there is none."""
    scoring_seconds, scoring_samples_seen = (
        cost_of(manifest.header.lineage) if manifest is not None else (0.0, 0)
    )
    return Outcome(
        **_shared("replay", identity, name, data),
        manifest=manifest.path.name if manifest is not None else "",
        manifest_sha256=manifest.header.sha256 if manifest is not None else "",
        n_selected_per_epoch=n_selected_per_epoch,
        accuracy=trial.accuracy,
        worst_class=trial.worst_class,
        test_loss=trial.test_loss,
        accuracy_per_epoch=trial.accuracy_per_epoch,
        samples_seen=trial.samples_seen,
        scoring_samples_seen=scoring_samples_seen,
        scoring_seconds=scoring_seconds,
        select_seconds=trial.select_seconds,
        train_seconds=trial.train_seconds,
        evaluate_seconds=trial.evaluate_seconds,
        times_selected=[],
        weights_sha256=trial.weights_sha256,
    )


def trial_of(row: Outcome) -> Trial:
    """The trial of `replay` that a row was made from."""
    return Trial(
        seed=row.seed,
        accuracy=row.accuracy,
        worst_class=row.worst_class,
        test_loss=row.test_loss,
        samples_seen=row.samples_seen,
        select_seconds=row.select_seconds or 0.0,
        train_seconds=row.train_seconds or 0.0,
        evaluate_seconds=row.evaluate_seconds or 0.0,
        accuracy_per_epoch=row.accuracy_per_epoch,
        weights_sha256=row.weights_sha256,
    )


def replay_in(rows: Sequence[Outcome], manifest: Manifest, path: str | Path) -> dict[str, Any]:
    """The latest replay of a manifest among the rows of a results file, beside its controls, for a card."""
    sizes = sorted({manifest.n_selected(epoch) for epoch in range(manifest.n_epochs)})
    ours = [row for row in rows if row.manifest_sha256 == manifest.header.sha256 and row.command == "replay"]
    if not ours:
        raise CurateError(f"{path} is of another manifest than {manifest.path}: replay this one")
    setting = _setting(ours[-1])
    runs: dict[str, list[Outcome]] = {"manifest": [row for row in ours if _setting(row) == setting]}
    for row in rows:
        settings = json.loads(row.settings)
        matched = "sizes" not in settings or sorted(set(settings["sizes"])) == sizes
        if "control" in settings and matched and _setting(row) == setting:
            runs.setdefault(settings["control"], []).append(row)
    return {
        "model": ours[-1].model,
        "device": ours[-1].device,
        "recipe": json.loads(ours[-1].settings)["hyperparameters"],
        "runs": [
            {
                "name": name,
                "accuracy": asdict(spread([row.accuracy for row in trials])),
                "seconds": _spread_of_seconds(trials),
                "trials": [{"samples_seen": row.samples_seen} for row in trials],
            }
            for name, trials in runs.items()
        ],
    }


def seconds_of(row: Outcome, scoring: bool = True) -> float | None:
    """Seconds of selecting and training, and of scoring where asked for; None where one is not known."""
    parts = [row.select_seconds, row.train_seconds, *([row.scoring_seconds] if scoring else [])]
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None


def _setting(row: Outcome) -> dict[str, Any]:
    """All that trials of one comparison have in common."""
    own = ("manifest", "freeze", "control", "sizes", "seed", "versions")
    return {name: value for name, value in json.loads(row.settings).items() if name not in own}


def _spread_of_seconds(trials: Sequence[Outcome]) -> dict[str, Any] | None:
    seconds = [seconds_of(row) for row in trials]
    known = [each for each in seconds if each is not None]
    return asdict(spread(known)) if len(known) == len(seconds) else None


@dataclass(frozen=True)
class SessionRow:
    """The row of a run of `train` in a results file; nothing where there is no such file."""

    path: Path | None
    identity: Mapping[str, Any]
    data: Dataset

    def found(self, output: Path) -> Outcome | None:
        """The row of an earlier run of the same command, where what it wrote stands."""
        if self.path is None or not self.path.exists() or kind_of(output) != "manifest":
            return None
        key, header = key_of({"command": "train", **self.identity}), header_at(output) or {}
        rows = [row for row in read_results(self.path) if row.key == key]
        return rows[0] if rows and rows[0].manifest_sha256 == header.get("sha256") else None

    def add(self, manifest: Manifest, records: Sequence[Record], weights_sha256: str) -> Outcome | None:
        """Add the row of a run that is finished."""
        if self.path is None:
            return None
        row = _outcome_of_session(self.identity, manifest, records, weights_sha256, self.data)
        add_results(self.path, [row], replaces=True)
        return row


def _outcome_of_session(
    identity: Mapping[str, Any],
    manifest: Manifest,
    records: Sequence[Record],
    weights_sha256: str,
    data: Dataset,
) -> Outcome:
    last = records[-1]
    counts = manifest.samples.get("n_checkpoints_selected")
    asked = sum(record.asked for record in records)
    times_selected = [] if counts is None else np.bincount(counts, minlength=asked + 1).tolist()
    scoring_seconds, scoring_samples_seen = cost_of(manifest.header.lineage)
    tests = [record.test_accuracy for record in records]
    assert last.test_accuracy is not None
    assert last.test_worst_class is not None
    assert last.test_loss is not None
    return Outcome(
        **_shared("train", identity, str(identity["policy"]), data),
        manifest=manifest.path.name,
        manifest_sha256=manifest.header.sha256,
        n_selected_per_epoch=last.samples_seen / len(records),
        accuracy=last.test_accuracy,
        worst_class=last.test_worst_class,
        test_loss=last.test_loss,
        accuracy_per_epoch=[math.nan if accuracy is None else accuracy for accuracy in tests],
        samples_seen=last.samples_seen,
        scoring_samples_seen=scoring_samples_seen,
        scoring_seconds=scoring_seconds,
        select_seconds=sum(record.select_seconds for record in records),
        train_seconds=sum(record.train_seconds for record in records),
        evaluate_seconds=sum(record.evaluate_seconds for record in records),
        times_selected=times_selected,
        weights_sha256=weights_sha256,
    )


def _shared(command: str, identity: Mapping[str, Any], name: str, data: Dataset) -> dict[str, Any]:
    return {
        "key": key_of({"command": command, **identity}),
        "name": name,
        "varied": "{}",
        "command": command,
        "settings": canonical(identity).decode(),
        "dataset": public(data.reference),
        "fingerprint": data.fingerprint,
        "test_fingerprint": identity["test"],
        "model": identity["model"],
        "seed": identity["seed"],
        "n": len(data),
        "n_epochs": identity["hyperparameters"]["n_epochs"],
        "device": identity["device"],
        "machine": machine(),
        "n_threads": identity["n_threads"],
        "versions": canonical(identity["versions"]).decode(),
    }
