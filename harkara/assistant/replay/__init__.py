"""Replay recorded talks against an assistant, and measure how it does."""

from harkara.assistant.replay.run import Measures, TurnOutcome, measure, replay_talk
from harkara.assistant.replay.talks import ExpectedTurn, RecordedTalk, read_talks

__all__ = ["ExpectedTurn", "Measures", "RecordedTalk", "TurnOutcome", "measure", "read_talks", "replay_talk"]
