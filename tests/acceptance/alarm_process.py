"""`python -m tests.acceptance.alarm_process`: measures the goals as workers do, but does not wait for a minute."""

from __future__ import annotations

from threading import Event

from config.wiring.alarms import alarm_round
from harkara.delivery.periodic_thread import PeriodicThread

if __name__ == "__main__":
    PeriodicThread(lambda: alarm_round().run()).start()
    print("measuring", flush=True)
    Event().wait()
