"""index: look at every image of a dataset once, so that no later command has to."""

from curate.data.dataset import Dataset, Options, open_dataset
from curate.errors import CurateError
from curate.progress import LOGGED, Progress


def index(dataset: str | Dataset, *, opening: Options = Options(), progress: Progress = LOGGED) -> Dataset:
    """Bring the index of a dataset up to date; returns the dataset, whose `looked` says what was done.

    Only what is new or has changed since is read. A pass that was killed goes on where it was, and two at
    once do no harm. With `Options(verify=True)` all is read, and the index is held to it.
    """
    opened = open_dataset(dataset, opening, progress)
    if opened.looked is None:
        raise CurateError(
            f"{opened.reference} has no index: it is not made of files that curate reads one by one"
        )
    return opened
