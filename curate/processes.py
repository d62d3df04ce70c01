"""Processes beside this one: forked, so that they have at once what it has, and gone when it is."""

import multiprocessing
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.process import BaseProcess
from typing import Any


def forked(
    n_workers: int, begin: Callable[..., object] | None = None, arguments: tuple[Any, ...] = ()
) -> ProcessPoolExecutor | None:
    """Workers that are forked now and call `begin` first; None where processes do not fork safely.

    They end with this process and at no signal that is meant for it. What they use must hold no lock of
    another thread.
    """
    if sys.platform != "linux":
        return None
    context = multiprocessing.get_context("fork")
    pool = ProcessPoolExecutor(n_workers, context, initializer=_begin, initargs=(begin, arguments))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # later Pythons warn of threads
        pool.submit(os.getpid).result()
    return pool


def _begin(begin: Callable[..., object] | None, arguments: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    end_with_parent()
    if begin is not None:
        begin(*arguments)


def end_with_parent() -> None:
    """End this process when the one that started it is gone; what it had finished is on the disk."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_follow, args=(parent,), daemon=True).start()


def _follow(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)
