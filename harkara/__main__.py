"""Start the `harkara` command of the deployment in the current directory, whose ledger and lanes it uses."""

from __future__ import annotations

import sys
from importlib import import_module


def main() -> None:
    try:
        command = import_module("workers.command")
    except ModuleNotFoundError as error:
        if error.name not in ("workers", "workers.command"):
            raise
        sys.exit("The harkara command works in a deployment: run it from the checkout that holds config/ and workers/.")
    command.main()


if __name__ == "__main__":
    main()
