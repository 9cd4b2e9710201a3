"""Runs the Python text of its first argument as a program, with the other arguments: as `python -c`, for a fork."""

from __future__ import annotations

import sys

if __name__ == "__main__":
    del sys.argv[0]
    exec(compile(sys.argv[0], "<program>", "exec"), {"__name__": "__main__"})
