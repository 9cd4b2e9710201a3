"""Start the `harkara` command of the deployment in the current directory, whose ledger and lanes it uses."""

from __future__ import annotations

import sys
from importlib import import_module

from harkara.server_extra import require_server
from harkara.version import __version__


def main() -> None:
    if sys.argv[1:] == ["--version"]:
        print_version()
        return
    try:
        require_server("The harkara command")
        command = import_module("workers.command")
    except ModuleNotFoundError as error:
        if error.name not in (None, "workers", "workers.command"):
            raise
        sys.exit(
            "The harkara command works in a deployment: run it from the checkout that holds config/ and workers/."
            if error.name
            else str(error)
        )
    command.main()


def print_version() -> None:
    """Print the version, also where only the client is installed and outside of a deployment."""
    sys.stdout.write(f"harkara {__version__}\n")


if __name__ == "__main__":
    main()
