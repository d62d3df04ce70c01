"""What goes wrong in a session, said when it first happens and again at the end, with the remedy."""

from collections.abc import Sequence

from curate.training.outcome import Record

MOST_CHANGED = 0.9  # of a selection by losses, from one decision to the next


def beware(records: Sequence[Record], ranks: bool) -> list[str]:
    """What to say after the last of the epochs so far, `ranks` being whether the policy ranks by losses."""
    last = records[-1]
    texts = []
    if _lacks(last) and sum(map(_lacks, records)) == 1:
        where = f"epoch {last.epoch + 1}: {_classes(last)} without a sample until the next checkpoint"
        texts.append(f"{where}: {_FLOOR}")
    if ranks and _turns(records)[-1:] == [last.epoch] and len(_turns(records)) == 1:
        texts.append(f"epoch {last.epoch + 1}: {last.changed:.0%} of the selection changed at once: {_START}")
    return texts


def beware_in_all(records: Sequence[Record], ranks: bool) -> list[str]:
    """What to say of a whole run."""
    decisions = [record for record in records if record.asked]
    lacking, turns = list(filter(_lacks, records)), _turns(records) if ranks else []
    texts = []
    if lacking:
        of = f"{len(lacking)} of {len(decisions)} decisions left a class without a sample"
        texts.append(f"{of}: {_FLOOR}")
    if turns:
        of = f"{len(turns)} of {len(decisions) - 1} decisions changed more than {MOST_CHANGED:.0%}"
        texts.append(f"{of} of the selection: {_START}")
    return texts


_FLOOR = "use --class-floor 0.5, or a longer --warm-up"
_START = "samples take turns; use a longer --warm-up, --observe training, or the policy random"


def _lacks(record: Record) -> bool:
    return record.asked and record.n_classes_lacking > 0


def _classes(record: Record) -> str:
    n = record.n_classes_lacking
    return f"{n} class{'es' * (n > 1)} {'are' if n > 1 else 'is'}"


def _turns(records: Sequence[Record]) -> list[int]:
    """The epochs whose decision changed nearly everything that the decision before had selected."""
    decisions = [record for record in records if record.asked]
    return [one.epoch for one in decisions[1:] if one.changed is not None and one.changed > MOST_CHANGED]
