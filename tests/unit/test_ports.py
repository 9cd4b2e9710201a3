"""The ports of `make up` and of the tests."""

from __future__ import annotations

import socket

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
    """The port of a bound socket that does not listen is free, unless another process has reserved it before."""
    assert any(port == reserved for port, reserved in (hold_and_reserve() for _ in range(20)))


def hold_and_reserve() -> tuple[int, int]:
    """Return a port that the kernel gives to no one else meanwhile, and the one that is given for it."""
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        return port, reserve_port(port)


def test_a_test_holds_its_port_although_nothing_listens_there_yet() -> None:
    port = free_port()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", port))
    assert reserve_port(port) != port
