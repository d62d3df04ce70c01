"""The store: a task is finished when its last file is written, and not before."""

import threading
import time

import pytest

from curate.errors import CurateError
from curate.recipes.store import Store, check_store
from curate.recipes.task import Task

TASK = Task("vectors", "embed", "digits", {}, id="0123456789abcdef")


def test_a_task_is_done_once_it_says_so(here):
    store = Store(here / "store")
    assert store.done(TASK) is None
    with store.working_on(TASK) as place:
        assert place == here / "store" / "embed" / TASK.id
        store.output(TASK).write_text("vectors")
    assert store.done(TASK) is None
    store.finish(TASK, 2.5, "a machine")
    done = store.done(TASK)
    assert (done.seconds, done.machine, done.outcome) == (2.5, "a machine", None)
    assert done.task["subject"] == "digits"
    assert list(store.finished()) == [done]


@pytest.mark.parametrize("content", ["", "{", "{}", "[]", "\x00"])
def test_a_damaged_task_says_what_to_remove(content, here):
    store = Store(here / "store")
    with store.working_on(TASK):
        store.finish(TASK, 1, "a machine")
    (store.place(TASK) / "done.json").write_text(content)
    with pytest.raises(
        CurateError, match=rf"embed/{TASK.id} is damaged: remove that folder, and it is made ag"
    ):
        store.done(TASK)
    assert list(store.finished()) == []


def test_one_at_a_time_works_on_a_task_and_the_others_wait(here):
    store, order = Store(here / "store"), []

    def work(name):
        with store.working_on(TASK):
            order.append(f"{name} begins")
            time.sleep(0.1)
            order.append(f"{name} ends")

    threads = [threading.Thread(target=work, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [line.split()[1] for line in order] == ["begins", "ends", "begins", "ends"]


def test_a_store_must_be_a_folder(here):
    (here / "file").write_text("")
    with pytest.raises(CurateError, match="file is a file: name a folder with --store"):
        check_store(here / "file")
    check_store(here / "deep" / "store")
    assert (here / "deep" / "store").is_dir()


def test_a_replay_leaves_nothing_to_build_on(here):
    with pytest.raises(CurateError, match="a step of replay leaves nothing to build on"):
        Store(here).output(Task("r", "replay", "", {}))
