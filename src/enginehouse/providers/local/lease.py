"""Who drives a store: one engine at a time, by a lock that the kernel drops with the process, also after kill -9."""

from __future__ import annotations

import fcntl
import os
import socket
import threading


class Lease:
    """A lock on ``<store>.lock``. It holds between processes of one machine, and between providers of one process."""

    def __init__(self, store: str) -> None:
        self._path = f"{store}.lock"
        self._file: int | None = None
        self._closed = False
        self._guard = threading.Lock()

    def take(self) -> bool:
        """Whether this engine now drives the store. Gives up at once where another does. Raises ``OSError``."""
        with self._guard:
            return self._file is not None or (not self._closed and self._lock())

    def _lock(self) -> bool:
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return False
        except BaseException:
            os.close(file)
            raise
        os.ftruncate(file, 0)
        os.write(file, f"{os.getpid()} {socket.gethostname()}\n".encode())
        self._file = file
        return True

    def holder(self) -> str:
        """The process that took the lease last, for messages: ``4711 on host``."""
        try:
            with open(self._path, encoding="utf-8") as file:
                return " on ".join(file.read().split()[:2])
        except OSError:
            return ""

    def abandoned(self) -> bool:
        """Whether nobody drives the store, as far as can be told without trying for the lock, which would be in an engine's
        way: nobody ever did, or who did last was a process of this machine that is gone."""
        try:
            with open(self._path, encoding="utf-8") as file:
                pid, host = file.read().split()
            if host == socket.gethostname():
                os.kill(int(pid), 0)
        except (FileNotFoundError, ProcessLookupError):
            return True
        except (OSError, ValueError):
            return False
        return False

    def release(self) -> None:
        with self._guard:
            if self._file is not None:
                os.close(self._file)
                self._file = None

    def close(self) -> None:
        """Release, and take it no more: not by a thread that was about to, either."""
        self._closed = True
        self.release()
