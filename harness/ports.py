"""Free TCP ports on loopback."""

from __future__ import annotations

from workers.ports import reserve_port


def free_port() -> int:
    """Return a port that no process listens on at this moment.

    No other caller gets it while this process runs: the server that will listen there may start much later, and the
    kernel would give the port to another one meanwhile.
    """
    return reserve_port(0)
