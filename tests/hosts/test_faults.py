"""A fault of a host under load: no message is lost, none is sent twice in silence, and the limit holds."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from harness.hosts import NetworkHost
from tests.hosts.false_clocks import FaketimeUnavailable, false_clocks
from tests.hosts.faults import FAULTS, SECONDS, Fault
from tests.hosts.fleet import COUNT, WINDOW, Fleet, fleet
from tests.hosts.load import Load
from tests.hosts.servers import Servers
from tests.hosts.table import Table

MESSAGES = 240
BEFORE = 30
"""Messages that are sent before the fault."""


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_of_a_host_loses_no_message_and_repeats_none_in_silence(
    fault: Fault, network: dict[str, NetworkHost], tmp_path: Path, table: Table
) -> None:
    """Half of the messages come by HTTP, and half through Redis."""
    try:
        with (
            fault.servers(network) as servers,
            false_clocks(tmp_path, fault.clocks) as clocks,
            fleet(tmp_path, network, servers, clocks) as harkara,
        ):
            survive(harkara, servers, fault, table)
    except FaketimeUnavailable as error:
        pytest.skip(str(error))


def survive(harkara: Fleet, servers: Servers, fault: Fault, table: Table) -> None:
    """Cause the fault under load, and examine every message when all have settled and every worker sends again."""
    load = Load(harkara, MESSAGES, SECONDS + 10, fault.replicas)
    harkara.wait_accepted(BEFORE)
    with fault.cause(harkara, servers):
        pass
    healed = time.monotonic()
    envelopes = load.finish()
    settled = harkara.wait_settled_supervised(len(envelopes)) - healed
    envelopes += harkara.wait_workers_send()
    back = time.monotonic() - healed
    harkara.wait_settled_supervised(len(envelopes))
    verdict = harkara.examine(envelopes)
    counts = harkara.sandbox.counts(WINDOW)
    table.add(fault.name, verdict, counts["refused"], settled, back)
    verdict.assert_kept(uncertain=fault.uncertain)
    assert counts["most_received_in_window"] <= COUNT
    assert counts["refused"] == 0
