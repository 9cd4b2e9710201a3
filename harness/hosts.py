"""Hosts on this machine: network namespaces on one bridge, which a test cuts off, slows down and powers off.

Every name contains the process id of the test. What a killed test left behind is removed at the next start.
"""

from __future__ import annotations

import array
import fcntl
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from harness.host import Host
from harness.waiting import wait_until

NETWORK = "198.18"
"""The range for tests between networks (RFC 2544), of which each process uses one /24."""

_NAMESPACE = re.compile(r"harkara-(\d+)-\S+")
_DEVICE = re.compile(r"hk(\d+)[a-z]\d*")

_OFFLOADS = (0x17, 0x1F, 0x24)
"""ETHTOOL_STXCSUM, ETHTOOL_STSO and ETHTOOL_SGSO (linux/ethtool.h)."""
_SIOCETHTOOL = 0x8946


class HostsUnavailable(Exception):
    """This process may not create network namespaces, or this machine lacks a program for it."""


@dataclass(frozen=True)
class Loss:
    """What a direction of a slow link does to each packet: `delay` in seconds, and the share that it loses."""

    delay: float = 0.0
    share: float = 0.0


NO_LOSS = Loss()


@dataclass(frozen=True)
class NetworkHost(Host):
    """A host with one cable to the bridge."""

    name: str = ""
    cable: str = ""
    """The bridge's end of the cable, a device of the test's own namespace."""
    bridge: str = ""
    gateway: str = ""
    """The address of the test itself."""

    @contextmanager
    def cut_off(self) -> Iterator[None]:
        """Let the bridge drop every packet from and to the host meanwhile. Its own processes do not notice at once."""
        self.unplug()
        try:
            yield
        finally:
            self.plug()

    def unplug(self) -> None:
        _ip(f"link set {self.cable} nomaster")

    def plug(self) -> None:
        _ip(f"link set {self.cable} master {self.bridge}")

    @contextmanager
    def slow(self, *, outgoing: Loss = NO_LOSS, incoming: Loss = NO_LOSS) -> Iterator[None]:
        """Delay and lose packets from and to the host meanwhile, by a program between its cable and the bridge.

        netem of the kernel does the same, but the kernels of many virtual machines do not have it.
        """
        near, far = self.cable.replace("c", "n"), self.cable.replace("c", "f")
        _ip(f"link add {near} type veth peer name {far}")
        relay = None
        try:
            complete_packets(near)
            _ip(f"link set {near} master {self.bridge} up", f"link set {far} up", f"link set {self.cable} nomaster")
            directions = (str(each) for loss in (outgoing, incoming) for each in (loss.delay, loss.share))
            relay = subprocess.Popen([sys.executable, "-m", "harness.slow_link", self.cable, far, *directions])
            yield
        finally:
            if relay:
                relay.kill()
                relay.wait()
            _ip(f"link del {near}", f"link set {self.cable} master {self.bridge}")

    def power_off(self) -> None:
        """End every process by SIGKILL, unplugged before, so that no other host gets a last packet."""
        self.unplug()
        _kill_all(self.namespace or "")


@contextmanager
def hosts(*names: str) -> Iterator[dict[str, NetworkHost]]:
    """Create hosts that reach each other and this process, whose address is the first of their network.

    Kills what still runs on them at the end. Raises HostsUnavailable.
    """
    _require()
    remove_leftovers()
    bridge, network = f"hk{os.getpid()}b", _free_network()
    created = {name: _new_host(name, number, network, bridge) for number, name in enumerate(names)}
    try:
        try:
            _ip(f"link add {bridge} type bridge", f"addr add {network}.1/24 dev {bridge}", f"link set {bridge} up")
        except subprocess.CalledProcessError as error:
            raise HostsUnavailable(f"this process may not create a network: {error.stderr.strip()}") from None
        for host in created.values():
            _connect(host)
        yield created
    finally:
        _remove(os.getpid())


def remove_leftovers() -> None:
    """Remove the processes, namespaces and devices of tests that were killed."""
    for pid in {*_pids(_NAMESPACE, _namespaces()), *_pids(_DEVICE, _devices())}:
        if not Path(f"/proc/{pid}").exists():
            _remove(pid)


def complete_packets(device: str) -> None:
    """Let the kernel finish each packet before it reaches the device, so that a program reads no unfinished ones."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for command in _OFFLOADS:
            value = array.array("B", struct.pack("II", command, 0))
            fcntl.ioctl(control, _SIOCETHTOOL, struct.pack("16sP", device.encode(), value.buffer_info()[0]))


def _require() -> None:
    if sys.platform != "linux" or os.geteuid() != 0:
        raise HostsUnavailable("network namespaces need Linux and root")
    if missing := [program for program in ("ip", "nsenter") if shutil.which(program) is None]:
        raise HostsUnavailable(f"not found: {', '.join(missing)}; install your system's packages iproute2, util-linux")


def _new_host(name: str, number: int, network: str, bridge: str) -> NetworkHost:
    pid = os.getpid()
    return NetworkHost(
        f"{network}.{number + 2}", f"harkara-{pid}-{name}", name, f"hk{pid}c{number}", bridge, f"{network}.1"
    )


def _connect(host: NetworkHost) -> None:
    inside = host.cable.replace("c", "i")
    _ip(f"netns add {host.namespace}", f"link add {host.cable} type veth peer name {inside}")
    complete_packets(inside)
    _ip(
        f"link set {inside} netns {host.namespace} name eth0",
        f"link set {host.cable} master {host.bridge} up",
    )
    _ip("link set lo up", f"addr add {host.address}/24 dev eth0", "link set eth0 up", namespace=host.namespace)


def _remove(pid: int) -> None:
    for namespace in _namespaces():
        if _pids(_NAMESPACE, [namespace]) == {pid}:
            _kill_all(namespace)
            _ip(f"netns del {namespace}")
    for device in _devices():
        if _pids(_DEVICE, [device]) == {pid}:
            with suppress(subprocess.CalledProcessError):  # its other end has gone, and it as well
                _ip(f"link del {device}")


def _kill_all(namespace: str) -> None:
    """Kill all processes of a namespace, and wait until none runs; one may start another meanwhile."""

    def are_gone() -> bool:
        living = [pid for pid in _processes(namespace) if not _is_zombie(pid)]
        for pid in living:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not living

    wait_until(are_gone, 20, f"the processes of {namespace} end")


def _processes(namespace: str) -> list[int]:
    found = subprocess.run(["ip", "netns", "pids", namespace], capture_output=True, text=True, check=True)
    return [int(pid) for pid in found.stdout.split()]


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def _namespaces() -> list[str]:
    folder = Path("/run/netns")
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def _devices() -> list[str]:
    return [name for _, name in socket.if_nameindex()]


def _pids(pattern: re.Pattern[str], names: Sequence[str]) -> set[int]:
    return {int(found[1]) for name in names if (found := pattern.fullmatch(name))}


def _free_network() -> str:
    """Return the first three numbers of a network that no other test of this machine uses."""
    shown = subprocess.run(["ip", "-json", "-4", "addr"], capture_output=True, text=True, check=True)
    used = {each["local"].rpartition(".")[0] for device in json.loads(shown.stdout) for each in device["addr_info"]}
    candidates = (f"{NETWORK}.{(os.getpid() + number) % 256}" for number in range(256))
    return next(network for network in candidates if network not in used)


def _ip(*commands: str, namespace: str | None = None) -> None:
    """Run commands of iproute2. Raises subprocess.CalledProcessError with the message of the first that fails."""
    where = ("-netns", namespace) if namespace else ()
    subprocess.run(["ip", *where, "-batch", "-"], input="\n".join(commands), text=True, check=True, capture_output=True)
