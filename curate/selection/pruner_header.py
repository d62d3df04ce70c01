"""How the manifest of a Pruner tells what was asked for, and by what two Pruners are the same."""

import hashlib
import sys
from dataclasses import asdict

from curate import finder, outside
from curate.artifacts.header import Header, canonical, make_header
from curate.selection.own_samples import OwnSamples
from curate.selection.policy import Policy
from curate.selection.precomputed import parents_of
from curate.selection.session import Asked, Session
from curate.selection.warm_up import warms_up


def header_of(
    samples: OwnSamples, policy: str, plan: Policy, asked: Asked, session: Session, n_epochs: int, seed: int
) -> Header:
    """The header of a Pruner's manifest, before anything was trained."""
    settings = finder.settings(plan)
    origin = outside.origin("policies", policy)
    return make_header(
        "manifest",
        "pruner",
        {
            "policy": outside.called(policy),
            **({"outside": {"policies": origin}} if origin else {}),
            "policy_options": settings,
            "session": {name: value for name, value in asdict(asked).items() if value is not None},
            **({"warm_up": {"n_epochs": session.warm_up_epochs}} if warms_up(plan) else {}),
            **({"observes": session.observes} if session.observes != "nothing" else {}),
            **({"trace": True} if session.trace else {}),
            "epochs": n_epochs,
        },
        seed=seed,
        dataset=samples.reference,
        parents=parents_of(settings),
        n_threads=_torch_threads(),
    )


def _torch_threads() -> int | None:
    """The threads of torch, where the loop has it; it can be told another number than the environment is."""
    torch = sys.modules.get("torch")
    return None if torch is None else int(torch.get_num_threads())


def identity_of(header: Header) -> str:
    """All that what a Pruner selects depends on, but for the losses."""
    what = [header.options, header.seed, header.dataset.fingerprint, header.parents]
    return hashlib.sha256(canonical(what)).hexdigest()
