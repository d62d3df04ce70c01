"""The Hugging Face Hub. The only file that knows huggingface_hub.

Whatever goes wrong becomes one line of its own. The client takes a token from HF_TOKEN or the saved login;
it is never touched here. What may pass is tried again, a few times, and the user is told.
"""

import hashlib
import logging as standard_logging
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies

from curate.errors import CurateError
from curate.progress import LOGGED, Progress

TAG = "curate"  # on every repository of manifests
_TRIES = 4
_PASSING = (408, 429, 500, 502, 503, 504)
_FIRST_WAIT = 1.0
_KNOCK, _KNOCKS = 6.0, 3  # seconds until a host that does not answer is given up, and tries until then
_OUT_OF_REACH = "hf:{} is not in the local cache and the Hub is out of reach: connect, and try again"

Content = bytes | Path
T = TypeVar("T")


class UnreachableError(CurateError):
    """The Hub is out of reach: offline, or the connection was lost."""


class NotThereError(CurateError):
    """There is no such repository, or it is not open to the user."""


@dataclass(frozen=True)
class RemoteFile:
    """A file in a repository: its size in bytes, and what tells its content."""

    size: int
    git_sha1: str
    sha256: str | None

    def holds(self, content: Content) -> bool:
        """Whether it is the same file as this one here."""
        data = content if isinstance(content, bytes) else content.read_bytes()
        if self.sha256 is not None:
            return hashlib.sha256(data).hexdigest() == self.sha256
        blob = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
        return blob == self.git_sha1


@dataclass(frozen=True)
class Remote:
    """A dataset repository as of one commit: its files by path."""

    repository: str
    commit: str
    private: bool
    files: dict[str, RemoteFile]


def look(repository: str, revision: str | None = None, progress: Progress = LOGGED) -> Remote:
    """What a repository holds at a revision (a tag, a branch or a commit), by default main."""
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoFile

    def ask() -> Remote:
        about = HfApi().dataset_info(repository, revision=revision)
        commit = str(about.sha)
        files = {
            entry.path: RemoteFile(entry.size, entry.blob_id, entry.lfs.sha256 if entry.lfs else None)
            for entry in HfApi().list_repo_tree(
                repository, recursive=True, revision=commit, repo_type="dataset"
            )
            if isinstance(entry, RepoFile)
        }
        return Remote(repository, commit, bool(about.private), files)

    return _with_retries(ask, repository, revision, progress)


def fetch(remote: Remote, path: str, progress: Progress = LOGGED) -> Path:
    """A file of a repository, in the Hub's own cache."""
    from huggingface_hub import hf_hub_download

    def ask() -> Path:
        path_there = hf_hub_download(remote.repository, path, repo_type="dataset", revision=remote.commit)
        return Path(path_there)

    return _with_retries(ask, remote.repository, remote.commit, progress)


def create(repository: str, private: bool, progress: Progress = LOGGED) -> None:
    """A dataset repository, where there is none yet."""
    from huggingface_hub import HfApi

    def ask() -> None:
        HfApi().create_repo(repository, repo_type="dataset", private=private, exist_ok=True)

    _with_retries(ask, repository, None, progress)


def commit(remote: Remote, files: Mapping[str, Content], message: str, progress: Progress = LOGGED) -> str:
    """Add files in one commit on top of the one looked at; the new one. Refused if that is not the last."""
    from huggingface_hub import CommitOperationAdd, HfApi

    operations = [
        CommitOperationAdd(path, content if isinstance(content, bytes) else str(content))
        for path, content in sorted(files.items())
    ]
    _knock(remote.repository)
    with _translated_errors(remote.repository, None, progress):
        made = HfApi().create_commit(
            remote.repository,
            operations,
            commit_message=message,
            repo_type="dataset",
            parent_commit=remote.commit,
        )
    return str(made.oid)


def tag(repository: str, name: str, at: str, progress: Progress = LOGGED) -> None:
    """Name a commit; a name that means another commit already is an error."""
    from huggingface_hub import HfApi, errors

    def ask() -> None:
        try:
            HfApi().create_tag(repository, tag=name, revision=at, repo_type="dataset")
        except errors.HfHubHTTPError as problem:
            if problem.response.status_code != 409:
                raise
            if HfApi().dataset_info(repository, revision=name).sha != at:
                raise CurateError(
                    f"hf:{repository} has a tag {name} already, of something else: the files are published "
                    f"as {at[:12]}, choose another --tag"
                ) from None

    _with_retries(ask, repository, None, progress)


def search(owner: str, progress: Progress = LOGGED) -> list[dict[str, Any]]:
    """The dataset repositories of an owner that carry our tag: id, private and the metadata of their card."""
    from huggingface_hub import HfApi

    def ask() -> list[dict[str, Any]]:
        repositories = HfApi().list_datasets(author=owner, filter=TAG, expand=["cardData", "private"])
        return [
            {
                "repository": one.id,
                "private": bool(one.private),
                "card": dict(one.card_data.to_dict()) if one.card_data else {},
            }
            for one in repositories
        ]

    return _with_retries(ask, owner, None, progress)


def pause(times: int) -> None:
    """Wait before something is tried again: longer with every time it was."""
    time.sleep(_FIRST_WAIT * 2**times)


def is_offline() -> bool:
    """Whether the user asked to leave the network alone (HF_HUB_OFFLINE)."""
    from huggingface_hub import constants

    return bool(constants.HF_HUB_OFFLINE)


def address(repository: str) -> str:
    """The page of a dataset repository."""
    from huggingface_hub import constants

    return f"{constants.ENDPOINT}/datasets/{repository}"


def fetch_parquet(repository: str, revision: str | None) -> Path:
    """A folder with the Parquet files of a dataset repository, fetched into the Hub's cache."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.utils import disable_progress_bars  # type: ignore[attr-defined]

    if not sys.stderr.isatty():
        disable_progress_bars()
    with _translated_errors(repository, revision, LOGGED):
        folder = snapshot_download(
            repository,
            repo_type="dataset",
            revision=revision,
            allow_patterns=["*.parquet"],
            local_files_only=not _is_there(repository),
        )
    if not any(Path(folder).rglob("*.parquet")):
        raise CurateError(f"hf:{repository} has no Parquet files: use a dataset that has")
    return Path(folder)


_let_in: set[tuple[str, int]] = set()  # hosts that answered this process


def _knock(repository: str) -> None:
    """See that the Hub's host takes connections, since its client goes on trying for minutes where none does.

    A network without answer is given up after a few seconds, the look-up of the name included, which no
    timeout of a socket bounds. Through a proxy there is nothing to see.
    """
    from huggingface_hub import constants

    parts = urlsplit(constants.ENDPOINT)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    if is_offline() or parts.scheme in getproxies() or (host, port) in _let_in:
        return
    until, reason = time.monotonic() + _KNOCK, "no answer"
    for times in range(_KNOCKS):
        if times:
            pause(times - 1)
        answer: list[str] = []
        knocking = threading.Thread(target=_try_to_connect, args=(host, port, answer), daemon=True)
        knocking.start()
        knocking.join(max(0.0, until - time.monotonic()))
        if answer == [""]:
            _let_in.add((host, port))
            return
        reason = answer[0] if answer else reason
    raise UnreachableError(f"hf:{repository}: {host} is out of reach ({reason}): connect, and try again")


def _is_there(repository: str) -> bool:
    """Whether the Hub's host takes connections."""
    try:
        _knock(repository)
    except UnreachableError:
        return False
    return True


def _try_to_connect(host: str, port: int, answer: list[str]) -> None:
    """Connect and hang up; the answer is empty where that works, and else says why not."""
    try:
        socket.create_connection((host, port), timeout=_KNOCK).close()
    except OSError as problem:
        answer.append(" ".join(str(problem).split())[:120])
    else:
        answer.append("")


class _PassingError(Exception):
    """What may work if tried again; its text says what happened."""


def _with_retries(ask: Callable[[], T], repository: str, revision: str | None, progress: Progress) -> T:
    """Ask, and ask again a few times where that may help."""
    _knock(repository)
    for left in range(_TRIES - 1, -1, -1):
        try:
            with _translated_errors(repository, revision, progress, passing=left > 0):
                return ask()
        except _PassingError as problem:
            progress.note(f"{problem}: trying again ({left} more)")
            pause(_TRIES - 1 - left)
    raise AssertionError("the last try raises an error of its own")


@contextmanager
def _translated_errors(
    repository: str, revision: str | None, progress: Progress, passing: bool = False
) -> Iterator[None]:
    """Every way in which the Hub can fail, in one line; with `passing`, what may pass as _PassingError."""
    from huggingface_hub import errors
    from huggingface_hub.utils import httpx, logging  # type: ignore[attr-defined]  # its errors

    with _retries_as_notes(logging.get_logger("huggingface_hub"), progress):
        try:
            yield
        except errors.GatedRepoError:
            raise NotThereError(
                f"hf:{repository} is gated: ask for access on its page, and sign in with HF_TOKEN"
            ) from None
        except (errors.RepositoryNotFoundError, errors.HFValidationError):
            raise NotThereError(
                f"hf:{repository} is not on the Hub, or not open to you: check the name, or set HF_TOKEN"
            ) from None
        except errors.RevisionNotFoundError:
            raise CurateError(
                f"hf:{repository} has no revision '{revision}': leave out @{revision}"
            ) from None
        except errors.OfflineModeIsEnabled:
            raise UnreachableError(_OUT_OF_REACH.format(repository)) from None
        except errors.LocalEntryNotFoundError:
            if passing:
                raise _PassingError(f"hf:{repository} could not be reached") from None
            raise UnreachableError(_OUT_OF_REACH.format(repository)) from None
        except errors.HfHubHTTPError as problem:
            raise _of_status(problem, repository, passing) from None
        except (httpx.HTTPError, OSError) as problem:
            reason = " ".join(str(problem).split())[:120] or type(problem).__name__
            if passing:
                raise _PassingError(f"the connection to the Hub was lost ({reason})") from None
            raise UnreachableError(
                f"hf:{repository}: the connection to the Hub was lost ({reason}): try again"
            ) from None


def _of_status(problem: Any, repository: str, passing: bool) -> Exception:
    """The error that an answer of the Hub means."""
    status = getattr(problem.response, "status_code", 0)
    if status in (401, 403):
        return CurateError(
            f"hf:{repository} does not let you do this ({status}): set HF_TOKEN to a token that may write"
        )
    if status in (409, 412):
        return CurateError(
            f"hf:{repository} was changed by someone else meanwhile: nothing was published, run this again"
        )
    if status in _PASSING and passing:
        return _PassingError(f"the Hub answered {status}")
    reason = " ".join(str(problem).split())[:120]
    return UnreachableError(f"hf:{repository}: the Hub answered {status} ({reason}): try again later")


class _NoteHandler(standard_logging.Handler):
    """Hands the user what the client warns of while it tries again."""

    def __init__(self, progress: Progress) -> None:
        super().__init__(standard_logging.WARNING)
        self._progress = progress

    def emit(self, record: standard_logging.LogRecord) -> None:
        text = " ".join(record.getMessage().split())
        if "retry" in text.lower():
            self._progress.note(text[:160])


@contextmanager
def _retries_as_notes(logger: standard_logging.Logger, progress: Progress) -> Iterator[None]:
    """While the block runs, the client's own warnings come as notes, and only those of trying again."""
    handler, before, passed_on = _NoteHandler(progress), logger.handlers, logger.propagate
    logger.handlers, logger.propagate = [handler], False
    try:
        yield
    finally:
        logger.handlers, logger.propagate = before, passed_on
