"""Runs a command as a fork of the fork server, as a process of a shell: `forked_command.py ADDRESS ARGUMENTS…`.

It imports little, since it is started for each command. The fork has its streams, environment and folder, and ends with
its signals; it ends with the exit status of the fork.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence


def request(
    server: socket.socket, arguments: Sequence[str], environment: Mapping[str, str], folder: str, streams: list[int]
) -> tuple[int, int]:
    """Ask for a fork that runs `python -m ARGUMENTS`; return its pid, and a descriptor to read its wait status from."""
    status, theirs = os.pipe()
    message = json.dumps([list(arguments), dict(environment), folder]).encode()
    try:
        socket.send_fds(server, [message], [*streams, theirs])
    finally:
        os.close(theirs)
    return int(server.recv(16)), status


def main() -> None:
    address, *arguments = sys.argv[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as server:
        server.connect(address)
        pid, status = request(server, arguments, os.environ, os.getcwd(), [0, 1, 2])
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: os.kill(pid, number))
    code = os.waitstatus_to_exitcode(int(os.read(status, 16)))
    sys.exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    main()
