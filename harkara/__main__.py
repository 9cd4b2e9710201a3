"""Start the `harkara` command of the deployment in the current directory, whose ledger and lanes it uses."""

from __future__ import annotations

import gc
import sys
from importlib import import_module

import harkara
from harkara.server_extra import require_server

_GARBAGE = 300_000
"""New objects between two searches for garbage: among a program's modules, most of what a command loads, is none."""


def main() -> None:
    if sys.argv[1:] == ["--version"]:
        print_version()
        return
    try:
        require_server("The harkara command")
        gc.set_threshold(_GARBAGE)
        command = import_module("workers.command")
    except ModuleNotFoundError as error:
        if error.name not in (None, "workers", "workers.command"):
            raise
        sys.exit(
            "The harkara command works in a deployment: run it from the checkout that holds config/ and workers/."
            if error.name
            else str(error)
        )
    try:
        command.main()
    finally:
        gc.freeze()  # the interpreter would search all that is loaded for garbage before it ends


def print_version() -> None:
    """Print the version, also where only the client is installed and outside of a deployment."""
    sys.stdout.write(f"harkara {harkara.__version__}\n")


if __name__ == "__main__":
    main()
