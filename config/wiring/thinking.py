"""The part of a worker that lets the assistant answer. While it is enabled for no lane, nothing of it is built."""

from __future__ import annotations

from functools import cache, partial
from time import sleep

from config.assistant_metrics import AssistantCollector, observe_turn
from config.crash_points import CheckpointedThinker
from config.files import ConfigFiles
from config.settings import settings
from config.wiring.assistant import proposer, think_seconds
from config.wiring.background import lone_sender
from config.wiring.loaded_files import config_files, of_files
from config.wiring.sending import crash_checkpoint, leases
from config.wiring.shared import database
from harkara.chatmitra.webhooks import parse
from harkara.delivery.thinking import Thinker
from harkara.errors import Unavailable
from harkara.ledger.assistant_switch import off_since
from harkara.ledger.conversations.proposals import count_drafts
from harkara.ledger.conversations.turns import AnswerLimits
from harkara.ledger.model_halt import read_breaker


@of_files
def thinker(files: ConfigFiles) -> Thinker | None:
    """Return None while no lane has the assistant. Raises SystemExit, with the next step, for a wrong setting."""
    if not files.assistant.lanes:
        return None
    checkpoint = crash_checkpoint()
    build = partial(CheckpointedThinker, checkpoint=checkpoint) if checkpoint else Thinker
    return build(
        database(),
        proposer(files),
        files.assistant,
        AnswerLimits(settings().deadlines, leases().queued, files.assistant.human_help),
        parse,
        lone_sender().hint,
        on_turn=observe_turn,
        lease_seconds=settings().lease.total_seconds() + think_seconds(files.assistant),
    )


def wait_for_turns(seconds: float) -> int:
    """Start the turns that are due within so many seconds; return how many, at once if some are. Raises Unavailable."""
    if one := _thinker():
        return one.wait(seconds)
    sleep(seconds)
    return 0


def start_turns() -> int:
    """Start the turns that are due now; return how many. Raises Unavailable."""
    one = _thinker()
    return one.start() if one else 0


def finish_turns() -> None:
    """Wait until the present thoughts are written. Raises Unavailable."""
    if one := _thinker():
        one.close()


@cache
def assistant_collector() -> AssistantCollector:
    return AssistantCollector(
        lambda: off_since(database()) is not None,
        lambda: read_breaker(database()).state,
        lambda: count_drafts(database(), config_files().assistant.lanes),
    )


def _thinker() -> Thinker | None:
    """Return the thinker of the current files. Raises Unavailable if a reload has made a setting wrong."""
    try:
        return thinker()
    except SystemExit as error:  # at the start it ends the worker; later it must not end a thread
        raise Unavailable(f"the assistant cannot answer: {error}") from error
