"""The pool of threads: whoever comes has a thread, as long as there are some left."""

from __future__ import annotations

import asyncio
import threading

from enginehouse.tasks.threads import Threads


async def test_as_many_jobs_run_at_once_as_there_are_threads() -> None:
    count = 12
    for _ in range(150):
        pool = Threads(count)
        together = threading.Barrier(count, timeout=10)
        try:
            await asyncio.gather(
                *(pool.run(int) for _ in range(count // 2))
            )  # some threads idle, and have just fallen so
            await asyncio.gather(*(pool.run(together.wait) for _ in range(count)))
        finally:
            pool.close()


async def test_no_more_jobs_run_at_once_than_there_are_threads() -> None:
    pool, lock, now, most = Threads(3), threading.Lock(), 0, 0
    step = threading.Event()

    def job() -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        step.wait(0.005)
        with lock:
            now -= 1

    try:
        await asyncio.gather(*(pool.run(job) for _ in range(60)))
    finally:
        pool.close()
    assert most == 3


async def test_threads_are_kept_for_the_next_job() -> None:
    pool, names = Threads(64), set[str]()
    try:
        for _ in range(300):
            names.add(await pool.run(lambda: threading.current_thread().name))
    finally:
        pool.close()
    assert len(names) < 10
