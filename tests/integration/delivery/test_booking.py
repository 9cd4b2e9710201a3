"""WhatsApp's limit of messages to one person counts all spellings of the number together."""

from __future__ import annotations

from harkara.delivery.booking import Booking, Passed
from harkara.inbound.window import WindowState
from harkara.lanes import Lane
from harkara.limits import Slot
from harkara.limits.limiter import PAIR_BURST, Limiter
from harness.valkey import ValkeyServer
from tests.integration.limits.booking import connect, no_seed
from tests.unit.test_gates import claimed


def test_messages_to_two_spellings_of_a_number_share_the_limit_of_one_person(valkey_server: ValkeyServer) -> None:
    with connect(valkey_server.url) as connection:
        booking = Booking(Limiter(connection, no_seed), {"default": Lane("default", "token", None)})
        numbers = ["5531988888888", "553188888888"] * PAIR_BURST
        passed = [Passed(claimed(recipient=number), WindowState("open", 60.0)) for number in numbers]
        booked = [result for _, result in booking.book(passed)]
    assert sum(isinstance(result, Slot) for result in booked) == PAIR_BURST
