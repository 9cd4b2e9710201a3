"""The lock of a folder with data: two runs would write to one append-only file, and each would use up the limit."""

from __future__ import annotations

import errno
import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self, TextIO

_OF_A_FOLDER: Final = frozenset(
    {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EEXIST, errno.ENOENT, errno.ENOTDIR}
)


@contextmanager
def needs_folder(folder: Path) -> Iterator[None]:
    """Exit with the next step if the folder cannot be created or written, or its disk is full."""
    try:
        yield
    except OSError as error:
        if error.errno not in _OF_A_FOLDER:
            raise
        sys.exit(
            f"{folder} cannot be used: {error.strerror}. Let this user write it, and see that its disk has room, or "
            "set HARKARA_VAR to another folder."
        )


class FolderLock:
    """Held by the one run that uses the folder. The system releases the lock of a run that was killed."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    @classmethod
    def acquire(cls, folder: Path) -> Self:
        """Lock the folder; if missing, create it for this user alone. Raises SystemExit, which names the other run."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = (folder / "lock").open("a+")  # "w" would erase what the other run has noted
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):  # POSIX permits either
            file.seek(0)
            sys.exit(
                f"`make up` is running in {folder} already: {file.read() or 'it has just started'}. "
                "Use that one or stop it, or set HARKARA_VAR to another folder."
            )
        lock = cls(file)
        lock._write(f"process {os.getpid()}")
        return lock

    def note(self, url: str) -> None:
        """Note the URL for a run that is refused."""
        self._write(f"process {os.getpid()} at {url}")

    def release(self) -> None:
        self._write("")
        self._file.close()

    def _write(self, text: str) -> None:
        self._file.seek(0)
        self._file.truncate()
        self._file.write(text)
        self._file.flush()
