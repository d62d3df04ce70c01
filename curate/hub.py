"""The Hugging Face Hub. The only file that knows huggingface_hub.

Whatever goes wrong becomes one line of its own. The client takes a token from HF_TOKEN or the saved login;
it is never touched here. What may pass is tried again, a few times, and the user is told. Nothing is waited
for without end, and no file is longer than it was listed.
"""

import contextvars
import hashlib
import logging as standard_logging
import shutil
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
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
_SILENCE, _ANSWER = 15.0, 50.0  # seconds without a byte, and for all that one question needs
_SLOWEST = 20_000  # bytes a second, below which a file is given up
_MOST_ANSWER, _MOST_FILES = 64 * 2**20, 100_000  # bytes of an answer, and files or repositories of a listing
_CHUNK = 2**20
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
        listed = HfApi().list_repo_tree(repository, recursive=True, revision=commit, repo_type="dataset")
        files = {
            entry.path: _remote_file(entry)
            for entry in _not_endless(listed, repository)
            if isinstance(entry, RepoFile)
        }
        return Remote(repository, commit, bool(about.private), files)

    return _with_retries(ask, repository, revision, progress)


def _remote_file(entry: Any) -> RemoteFile:
    """A file as it is listed; ValueError where the listing is none."""
    sha256 = entry.lfs.sha256 if entry.lfs else None
    texts = [entry.path, entry.blob_id, *([sha256] if entry.lfs else [])]
    if not isinstance(entry.size, int) or entry.size < 0 or not all(isinstance(one, str) for one in texts):
        raise ValueError(f"a file that is listed as {entry.size!r} bytes")
    return RemoteFile(entry.size, entry.blob_id, sha256)


def _not_endless(listed: Iterable[T], repository: str) -> Iterator[T]:
    """A listing; an error where it goes on and on."""
    for number, one in enumerate(listed):
        if number >= _MOST_FILES:
            raise CurateError(f"hf:{repository} lists more than {_MOST_FILES:,} files: it is not read")
        yield one


def fetch(remote: Remote, path: str, target: Path, progress: Progress = LOGGED) -> None:
    """Write a file of a repository to `target`: never more of it than was listed."""
    from huggingface_hub import hf_hub_url
    from huggingface_hub.utils import (  # type: ignore[attr-defined]
        build_hf_headers,
        get_session,
        hf_raise_for_status,
    )

    size = remote.files[path].size
    url = hf_hub_url(remote.repository, path, repo_type="dataset", revision=remote.commit)

    def ask() -> None:
        until, n = time.monotonic() + _ANSWER + size / _SLOWEST, 0
        asked = get_session().stream("GET", url, headers=build_hf_headers())
        with target.open("wb") as file, asked as answer:
            hf_raise_for_status(answer)
            for part in answer.iter_bytes(_CHUNK):
                n += len(part)
                if n > size:
                    raise CurateError(
                        f"hf:{remote.repository}: {path} is longer than the {size:,} bytes that are listed"
                    )
                if time.monotonic() > until:
                    raise OSError(f"{path} comes too slowly: {n:,} of {size:,} bytes")
                file.write(part)
        if n < size:
            raise OSError(f"{path} ended after {n:,} of {size:,} bytes")

    _with_retries(ask, remote.repository, remote.commit, progress, _ANSWER + size / _SLOWEST)


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
    size = sum(
        len(content) if isinstance(content, bytes) else content.stat().st_size for content in files.values()
    )

    def ask() -> str:
        made = HfApi().create_commit(
            remote.repository,
            operations,
            commit_message=message,
            repo_type="dataset",
            parent_commit=remote.commit,
        )
        return str(made.oid)

    _knock(remote.repository)
    with _translated_errors(remote.repository, None, progress):
        return _in_time(ask, 4 * _ANSWER + size / _SLOWEST)


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
            for one in _not_endless(repositories, owner)
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
    listed = _listed(repository, revision)
    size = sum(file.size for path, file in (listed or {}).items() if path.endswith(".parquet"))
    _check_room(repository, size)
    with _translated_errors(repository, revision, LOGGED):
        folder = snapshot_download(
            repository,
            repo_type="dataset",
            revision=revision,
            allow_patterns=["*.parquet"],
            local_files_only=listed is None,
            tqdm_class=_bar_that_counts(repository, size),
        )
    if not any(Path(folder).rglob("*.parquet")):
        raise CurateError(f"hf:{repository} has no Parquet files: use a dataset that has")
    return Path(folder)


def _check_room(repository: str, size: int) -> None:
    """Refuse what does not fit on the disk of the Hub's cache."""
    from huggingface_hub import constants

    place = Path(constants.HF_HUB_CACHE)
    place = next(folder for folder in (place, *place.absolute().parents) if folder.is_dir())
    if size > (free := shutil.disk_usage(place).free):
        raise CurateError(f"hf:{repository} has {size:,} bytes of Parquet, and {place} has room for {free:,}")


def _bar_that_counts(repository: str, size: int) -> type[Any]:
    """A progress bar of the client that ends a download of more than `size` bytes, or too slow a one."""
    from huggingface_hub.utils import tqdm  # type: ignore[attr-defined]

    class Counting(tqdm):  # type: ignore[misc,unused-ignore]
        n_bytes, until = 0, time.monotonic() + 4 * _ANSWER + size / _SLOWEST

        def update(self, n: float | None = 1) -> bool | None:
            Counting.n_bytes += int(n or 0)
            if Counting.n_bytes > 2 * size + _MOST_FILES:  # what is fetched, and what is put together
                raise CurateError(f"hf:{repository} is longer than the {size:,} bytes that are listed")
            if time.monotonic() > Counting.until:
                raise CurateError(f"hf:{repository} comes too slowly: try again later")
            return super().update(n)  # type: ignore[no-any-return,unused-ignore]

    return Counting


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


def _listed(repository: str, revision: str | None) -> dict[str, RemoteFile] | None:
    """The files of a repository; None where the Hub cannot be asked, or is not to be."""
    if is_offline():
        return None
    try:
        return look(repository, revision).files
    except NotThereError:
        raise
    except UnreachableError:
        return None


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


def _with_retries(
    ask: Callable[[], T],
    repository: str,
    revision: str | None,
    progress: Progress,
    seconds: float | None = None,
) -> T:
    """Ask, and ask again a few times where that may help; for so many seconds at most, all in all."""
    _knock(repository)
    until = time.monotonic() + (_ANSWER if seconds is None else seconds)
    for left in range(_TRIES - 1, -1, -1):
        try:
            passing = left > 0 and time.monotonic() < until
            with _translated_errors(repository, revision, progress, passing=passing):
                return _in_time(ask, until - time.monotonic())
        except _PassingError as problem:
            progress.note(f"{problem}: trying again ({left} more)")
            pause(_TRIES - 1 - left)
    raise AssertionError("the last try raises an error of its own")


def _in_time(ask: Callable[[], T], seconds: float) -> T:
    """What `ask` returns or raises; TimeoutError where it takes longer, whatever the client waits for."""
    found: list[T] = []
    raised: list[BaseException] = []

    def run() -> None:
        try:
            with _bounded_answers():
                found.append(ask())
        except BaseException as problem:  # noqa: BLE001  raised again, by the one who asked
            raised.append(problem)

    asking = threading.Thread(target=contextvars.copy_context().run, args=(run,), daemon=True)
    asking.start()
    asking.join(max(0.0, seconds))
    if raised:
        raise raised[0]
    if not found:
        raise _TooLongError("the Hub gives no whole answer")
    return found[0]


class _TooLongError(OSError):
    """The Hub did not come to an end; asking again would take as long."""


@contextmanager
def _bounded_answers() -> Iterator[None]:
    """While the block runs, the client waits no longer than it should, and reads no more than an answer."""
    from huggingface_hub.utils import get_session, httpx  # type: ignore[attr-defined]

    class Counted(httpx.SyncByteStream):  # type: ignore[misc,unused-ignore]
        def __init__(self, stream: Any) -> None:
            self._stream = stream

        def __iter__(self) -> Iterator[bytes]:
            n = 0
            for part in self._stream:
                n += len(part)
                if n > _MOST_ANSWER:
                    raise ValueError(f"an answer of more than {_MOST_ANSWER:,} bytes")
                yield part

        def close(self) -> None:
            self._stream.close()

    def hurry(request: Any) -> None:
        limits = request.extensions.get("timeout") or dict.fromkeys(("connect", "read", "write", "pool"))
        request.extensions["timeout"] = {
            name: min(value or _SILENCE, _SILENCE) for name, value in limits.items()
        }

    def count(response: Any) -> None:
        if "/resolve/" not in response.request.url.path and response.request.url.path.startswith("/api/"):
            response.stream = Counted(response.stream)

    session = get_session()
    before = session.event_hooks
    session.event_hooks = {
        "request": [*before.get("request", []), hurry],
        "response": [*before.get("response", []), count],
    }
    try:
        yield
    finally:
        session.event_hooks = before


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
        except (CurateError, _PassingError):
            raise
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
        except _TooLongError as problem:
            raise UnreachableError(f"hf:{repository}: {problem}: try again later") from None
        except (httpx.HTTPError, OSError) as problem:
            reason = " ".join(str(problem).split())[:120] or type(problem).__name__
            if passing:
                raise _PassingError(f"the connection to the Hub was lost ({reason})") from None
            raise UnreachableError(
                f"hf:{repository}: the connection to the Hub was lost ({reason}): try again"
            ) from None
        except Exception as problem:  # noqa: BLE001  the client raises anything on what is no answer
            reason = " ".join(f"{type(problem).__name__}: {problem}".split())[:120]
            raise UnreachableError(
                f"hf:{repository}: what answered is not the Hub, or it is broken ({reason}): see whether the "
                "network asks for a login, or try again later"
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
