"""Where tasks are carried out: processes of this machine, or the workers of a Dask cluster.

Both are executors of `concurrent.futures`. Ours is only what they leave open: how the threads and GPUs of
this machine are shared out, what a worker does with an interrupt, and that none outlives its run.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from curate.artifacts.header import thread_count
from curate.errors import CurateError
from curate.processes import end_with_parent


@dataclass
class Workers:
    """An executor, how many tasks it does at once, and the threads of each; None: as the workers have them.

    `lost` are the errors that mean that a worker is gone, not that its task failed. Where the whole executor
    went with it, `renew` makes another.
    """

    executor: Executor
    n_at_once: int
    n_threads: int | None
    lost: tuple[type[BaseException], ...]
    another: Callable[[], Executor] | None = None

    def renew(self) -> None:
        """Another executor, where one lost worker takes all of them along."""
        if self.another is not None:
            self.executor.shutdown(wait=False, cancel_futures=True)
            self.executor = self.another()


@contextmanager
def processes(jobs: int) -> Iterator[Workers]:
    """So many processes of this machine, which share out its threads, or have a GPU each."""
    if jobs < 1:
        raise CurateError(f"jobs={jobs} is too few: use 1 or more")
    n_threads = max(1, thread_count() // jobs)
    context = multiprocessing.get_context("spawn")
    gpus = _gpus()

    def pool() -> ProcessPoolExecutor:
        given = context.Queue()
        for number in range(jobs):
            given.put(gpus[number % len(gpus)] if gpus else None)
        return ProcessPoolExecutor(jobs, context, initializer=_begin, initargs=(n_threads, given))

    workers = Workers(pool(), jobs, n_threads, (BrokenProcessPool,), pool)
    try:
        yield workers
    finally:
        workers.executor.shutdown(wait=True, cancel_futures=True)


@contextmanager
def cluster(address: str) -> Iterator[Workers]:
    """The workers of a Dask scheduler, one task for each of their threads."""
    try:
        import distributed
        from distributed.comm.core import CommClosedError
    except ModuleNotFoundError:
        raise CurateError("--scheduler needs Dask: pip install 'curate[cluster]'") from None
    try:
        client = distributed.Client(address, timeout="10s", set_as_default=False)
    except (OSError, ValueError) as problem:
        reason = " ".join(str(problem).split())[:120]
        raise CurateError(
            f"no Dask scheduler answers at {address} ({reason}): start one with `dask scheduler`"
        ) from None
    try:
        n_at_once = sum(client.nthreads().values())
        if n_at_once == 0:
            raise CurateError(f"the scheduler at {address} has no workers: start some with `dask worker`")
        lost = (distributed.KilledWorker, CommClosedError)
        yield Workers(client.get_executor(pure=False), n_at_once, None, lost)
    finally:
        client.close()


def _gpus() -> list[str]:
    """The GPUs that this process may use, by number; without importing torch."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [one for one in visible.split(",") if one.strip()]
    if not os.path.exists("/proc/driver/nvidia/gpus"):
        return []
    return [str(number) for number in range(len(os.listdir("/proc/driver/nvidia/gpus")))]


_busy = threading.Event()


def _begin(n_threads: int, gpus: Any) -> None:
    """Runs once in every process, before anything heavy is imported."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(n_threads)
    gpu = gpus.get()
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu
    signal.signal(signal.SIGINT, _interrupted)
    end_with_parent()


def _interrupted(*_: Any) -> None:
    """Ctrl-C goes to every process: a worker ends its task, and waits in silence where it has none."""
    if _busy.is_set():
        raise KeyboardInterrupt


def at_work(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in a worker, where an interrupt may end it."""
    _busy.set()
    try:
        return function(*arguments)
    except KeyboardInterrupt:
        raise InterruptedError from None
    finally:
        _busy.clear()
