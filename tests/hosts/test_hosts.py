"""The hosts of the tests do what their faults promise, and leave nothing behind."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest

from harness.hosts import Loss, NetworkHost, remove_leftovers
from harness.process import ROOT
from harness.valkey import ValkeyServer, valkey

KILLED = """
import os, signal, subprocess
from harness.hosts import hosts
with hosts("left") as created:
    created["left"].start(["sleep", "1000"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    print(os.getpid(), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def server(network: dict[str, NetworkHost]) -> Iterator[ValkeyServer]:
    with valkey(network["valkey"]) as running:
        yield running


def seconds_to_connect(server: ValkeyServer, timeout: float = 2.0) -> float:
    began = monotonic()
    socket.create_connection((server.host.address, server.port), timeout).close()
    return monotonic() - began


def test_a_host_is_out_of_reach_while_it_is_cut_off(network: dict[str, NetworkHost], server: ValkeyServer) -> None:
    with network["valkey"].cut_off(), pytest.raises(TimeoutError):
        seconds_to_connect(server)
    seconds_to_connect(server)


@pytest.mark.parametrize("direction", ["incoming", "outgoing"])
def test_a_loss_in_one_direction_is_sufficient(
    network: dict[str, NetworkHost], server: ValkeyServer, direction: str
) -> None:
    with network["valkey"].slow(**{direction: Loss(share=1.0)}), pytest.raises(TimeoutError):
        seconds_to_connect(server)
    seconds_to_connect(server)


def test_a_delay_is_that_of_each_packet(network: dict[str, NetworkHost], server: ValkeyServer) -> None:
    with network["valkey"].slow(outgoing=Loss(delay=0.2)):
        assert seconds_to_connect(server) >= 0.2


def test_a_host_without_power_runs_nothing(network: dict[str, NetworkHost], server: ValkeyServer) -> None:
    network["valkey"].power_off()
    network["valkey"].plug()
    with pytest.raises(ConnectionRefusedError):
        seconds_to_connect(server)


def test_what_a_killed_test_left_behind_is_removed(network: dict[str, NetworkHost]) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED], cwd=ROOT, capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL
    left = Path(f"/run/netns/harkara-{killed.stdout.strip()}-left")
    assert left.exists()
    remove_leftovers()
    assert not left.exists()
    assert f"hk{killed.stdout.strip()}b" not in {name for _, name in socket.if_nameindex()}
    assert Path(f"/run/netns/{network['valkey'].namespace}").exists(), "this test's own hosts stay"
