"""The ports of `make up` and of the tests."""

from __future__ import annotations

import socket
from contextlib import ExitStack

from harness.ports import free_port
from workers.ports import reserve_port


def test_a_preferred_port_is_given_once_although_nothing_listens_there_yet() -> None:
    first = reserve_port(0)
    assert reserve_port(first) != first


def test_a_port_where_another_program_listens_is_not_given() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]
        assert reserve_port(taken) != taken


def test_a_free_port_is_given_as_preferred() -> None:
    """The port of a bound socket that does not listen is free, and the kernel gives it to no one else."""
    with ExitStack() as stack:
        port = hold_port(stack)
        while is_reserved(port):
            port = hold_port(stack)
        assert reserve_port(port) == port


def hold_port(stack: ExitStack) -> int:
    held = stack.enter_context(socket.socket())
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    return int(held.getsockname()[1])


def is_reserved(port: int) -> bool:
    """Whether another process has reserved it before, for a server that does not listen yet."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mark:
        try:
            mark.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def test_a_test_holds_its_port_although_nothing_listens_there_yet() -> None:
    port = free_port()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", port))
    assert reserve_port(port) != port
