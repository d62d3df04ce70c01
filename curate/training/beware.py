"""What goes wrong in a session, said when it first happens and again at the end, with the remedy."""

from collections.abc import Sequence

from curate.selection.policy import Policy
from curate.selection.session import Session
from curate.selection.warm_up import warms_up
from curate.training.outcome import Record

MOST_CHANGED = 0.9  # of a selection by losses, from one decision to the next


def beware(records: Sequence[Record], policy: Policy, session: Session) -> list[str]:
    """What to say after the last of the epochs so far; nothing of a policy that sizes itself."""
    if policy.sizing != "keep":
        return []
    last, ranks = records[-1], warms_up(policy)
    texts = []
    if _lacks(last) and sum(map(_lacks, records)) == 1:
        where = f"epoch {last.epoch + 1}: {_classes(last)} without a sample until the next checkpoint"
        texts.append(f"{where}: {_floor(session, ranks)}")
    if ranks and _turns(records)[-1:] == [last.epoch] and len(_turns(records)) == 1:
        texts.append(
            f"epoch {last.epoch + 1}: {last.changed:.0%} of the selection changed at once: {_start(session)}"
        )
    return texts


def beware_in_all(records: Sequence[Record], policy: Policy, session: Session) -> list[str]:
    """What to say of a whole run; nothing of a policy that sizes itself."""
    if policy.sizing != "keep":
        return []
    ranks = warms_up(policy)
    decisions = [record for record in records if record.asked]
    lacking, turns = list(filter(_lacks, records)), _turns(records) if ranks else []
    texts = []
    if lacking:
        of = f"{len(lacking)} of {len(decisions)} decisions left a class without a sample"
        texts.append(f"{of}: {_floor(session, ranks)}")
    if ranks and len(records) > 1 and session.adapt is None:
        texts += _hardly_asked(decisions, len(records), session)
    if turns:
        of = f"{len(turns)} of {len(decisions) - 1} decisions changed more than {MOST_CHANGED:.0%}"
        texts.append(f"{of} of the selection: {_start(session)}")
    return texts


def _hardly_asked(decisions: Sequence[Record], n_epochs: int, session: Session) -> list[str]:
    """That a policy decided only once, so that the run is hardly one under that policy."""
    own = [record.epoch for record in decisions if not session.is_warming_up(record.epoch)]
    if len(own) != 1:
        return []
    return [
        f"the policy decided once, before epoch {own[0] + 1} of {n_epochs}: this run says little of it; use "
        "more --epochs, or a shorter --period"
    ]


def _floor(session: Session, ranks: bool) -> str:
    """What helps where classes are lacking, and is not in use already."""
    remedies = ["use --class-floor 1"] if session.class_floor < 1 else []
    remedies += ["a longer --warm-up"] if ranks else []
    return ", or ".join([*remedies, "keep more samples"])


def _start(session: Session) -> str:
    """What helps where selections turn over, and is not in use already."""
    remedies = ["--observe training"] if session.observes != "training" else []
    return f"samples take turns; use {', '.join([*remedies, 'a longer --warm-up'])}, or the policy random"


def _lacks(record: Record) -> bool:
    return record.asked and record.n_classes_lacking > 0


def _classes(record: Record) -> str:
    n = record.n_classes_lacking
    return f"{n} class{'es' * (n > 1)} {'are' if n > 1 else 'is'}"


def _turns(records: Sequence[Record]) -> list[int]:
    """The epochs whose decision changed nearly everything that the decision before had selected."""
    decisions = [record for record in records if record.asked]
    return [one.epoch for one in decisions[1:] if one.changed is not None and one.changed > MOST_CHANGED]
