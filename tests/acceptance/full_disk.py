"""A small disk that a test fills and frees."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True, slots=True)
class Disk:
    """A file system of its own."""

    folder: Path

    @contextmanager
    def full(self) -> Iterator[None]:
        """Leave no byte free meanwhile."""
        self.fill()
        try:
            yield
        finally:
            self._ballast.unlink()

    def fill(self) -> None:
        """Fill what has become free, too."""
        with self._ballast.open("ab", buffering=0) as file, suppress(OSError):
            for size in (1 << 20, 1 << 12, 1):
                with suppress(OSError):
                    while True:
                        file.write(b"\0" * size)

    @property
    def _ballast(self) -> Path:
        return self.folder / "ballast"


@contextmanager
def small_disk(megabytes: int) -> Iterator[Disk]:
    """Mount an empty file system of this size in memory. Skips where this process may not mount one."""
    with tempfile.TemporaryDirectory(prefix="harkara-disk-") as folder:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "harkara-test", folder]
        try:
            subprocess.run(mount, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("this process may not mount a file system")
        os.chmod(folder, 0o755)  # PostgreSQL runs as another user
        try:
            yield Disk(Path(folder))
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)
