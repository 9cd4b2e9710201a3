"""Beat on a host whose clock is set: the tasks go on at their intervals."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import time_machine
from celery import Celery

from config.beat_scheduler import Beat

SCHEDULE = {name: {"task": name, "schedule": 1.0} for name in ("harkara.dispatch", "harkara.accept", "harkara.sweep")}


class RecordingBeat(Beat):
    """Beat that publishes into a list."""

    published: list[str]

    def apply_async(self, entry: Any, producer: Any = None, advance: bool = True, **options: Any) -> Any:
        self.published.append(entry.task)
        return self.reserve(entry) if advance else None


def published(beat: RecordingBeat, times: int) -> tuple[Counter[str], float]:
    """Let beat run until every task was published so often; return what was, and the seconds that have passed."""
    beat.published = []
    start = time.monotonic()
    while (passed := time.monotonic() - start) < 60:
        found = Counter(beat.published)
        if all(found[name] >= times for name in SCHEDULE):
            break
        time.sleep(min(0.05, max(0.0, beat.tick())))
    return found, passed


@pytest.mark.parametrize("step", [-3600.0, 3600.0])
def test_every_task_is_published_soon_after_the_clock_was_set(step: float, tmp_path: Path) -> None:
    with Celery(broker="memory://", set_as_current=False) as app, time_machine.travel(time.time(), tick=True) as clock:
        app.conf.beat_schedule = SCHEDULE
        beat = RecordingBeat(app, schedule_filename=str(tmp_path / "beat"))
        published(beat, 1)
        clock.shift(step)
        found, passed = published(beat, 3)
        assert {name: 3 <= found[name] <= passed + 2 for name in SCHEDULE} == dict.fromkeys(SCHEDULE, True)
        beat.close()


@pytest.mark.parametrize("left", [b"", b"\x80\x04", bytes(300)], ids=["nothing", "a beginning", "zeros"])
@pytest.mark.parametrize("suffix", ["", ".dat", ".dir", ".db"])
def test_beat_starts_with_what_a_full_disk_or_a_power_cut_has_left_of_its_file(
    left: bytes, suffix: str, tmp_path: Path
) -> None:
    with Celery(broker="memory://", set_as_current=False) as app:
        app.conf.beat_schedule = SCHEDULE
        RecordingBeat(app, schedule_filename=str(tmp_path / "beat")).close()
        file = tmp_path / f"beat{suffix}"
        if not file.exists():
            pytest.skip("the module that stores the file here has no such one")
        file.write_bytes(left)
        beat = RecordingBeat(app, schedule_filename=str(tmp_path / "beat"))
        assert published(beat, 1)[0].keys() == SCHEDULE.keys()
        beat.close()


def test_the_heartbeat_is_published_when_beat_starts(tmp_path: Path) -> None:
    names = ("harkara.heartbeat", "harkara.audit")
    with Celery(broker="memory://", set_as_current=False) as app:
        app.conf.beat_schedule = {name: {"task": name, "schedule": 3600.0} for name in names}
        for _ in range(2):  # also of a beat that has run before, and remembers when
            beat = RecordingBeat(app, schedule_filename=str(tmp_path / "beat"))
            beat.published = []
            for _ in range(5):
                beat.tick()
            assert beat.published == ["harkara.heartbeat"]
            beat.close()
