"""Change the conditions of the one voice one by one, and show which change no test finds: `make mutants`.

Each change is made in a copy of the project, in which the tests of the one voice run without their random steps. The
command exits with 1 if they pass in spite of a change.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("harkara", "config", "harness", "sandbox", "tasks", "tests", "workers", "pyproject.toml")
TESTS = ("tests/integration/ledger/test_voice_conditions.py", "tests/integration/ledger/test_one_voice.py")
RANDOM = "no_order_of_steps"

_CLAIM = "harkara/ledger/messages/claim.py"
_BEGIN = "harkara/ledger/messages/begin.py"
_VOICE = "harkara/assistant/voice.py"
_GATES = "harkara/delivery/gates.py"
_DUE = "harkara/ledger/conversations/due_turns.py"
_TURNS = "harkara/ledger/conversations/turns.py"
_DRAFTS = "harkara/ledger/conversations/drafts.py"
_RECORD = "harkara/ledger/conversations/record.py"


class Mutant(NamedTuple):
    """One change: a text that the file has once, and what replaces it."""

    file: str
    old: str
    new: str


MUTANTS: tuple[Mutant, ...] = (
    Mutant(_CLAIM, "SET state = 'claimed', epoch = epoch + 1,", "SET state = 'claimed', epoch = epoch,"),
    Mutant(
        _CLAIM,
        "WHERE coalesce(state, '') IN ({sql_list(allowed_from(State.CLAIMED, by=Action.CLAIM))})",
        "WHERE state <> 'cancelled'",
    ),
    Mutant(_CLAIM, "AND (coalesce(state, '') <> 'waiting' OR due_at <= :now)", ""),
    Mutant(_CLAIM, "coalesce(state, '') <> 'waiting' OR due_at <= :now", "due_at <= :now"),
    Mutant(_CLAIM, "WHERE conversation.lane = message.lane AND conversation.person", "WHERE conversation.person"),
    Mutant(_CLAIM, " AND conversation.person = message.talk_person", ""),
    Mutant(_CLAIM, "coalesce(mode_cause, '')", "'handed-over'"),
    Mutant(_BEGIN, "WHERE message.id = each.id AND message.epoch = each.epoch", "WHERE message.id = each.id"),
    Mutant(_BEGIN, "message.epoch = each.epoch", "message.epoch >= each.epoch"),
    Mutant(
        _BEGIN,
        "AND coalesce(message.state, '') IN ({sql_list(allowed_from(State.SENDING, by=Action.BEGIN))})",
        "AND message.state <> 'cancelled'",
    ),
    Mutant(
        _BEGIN,
        "AND coalesce(message.state, '') IN ({sql_list(allowed_from(State.SENDING, by=Action.BEGIN))})",
        "AND message.state IN ('claimed', 'cancelled')",
    ),
    Mutant(_BEGIN, "AND message.lease_until > :now", ""),
    Mutant(_VOICE, 'if self.mode != "assistant" and not', 'if self.mode == "off" and not'),
    Mutant(_VOICE, 'self.mode != "assistant" and not (self.mode == "person" and', "not ("),
    Mutant(_VOICE, '(self.mode == "person" and self.cause == HANDED_OVER)', '(self.mode == "person")'),
    Mutant(_VOICE, '(self.mode == "person" and self.cause == HANDED_OVER)', "(self.cause == HANDED_OVER)"),
    Mutant(_VOICE, ' and not (self.mode == "person" and self.cause == HANDED_OVER)', ""),
    Mutant(_VOICE, "if self.revision != revision:", "if False:"),
    Mutant(_VOICE, "if self.revision != revision:", "if revision is None or self.revision > revision:"),
    Mutant(_VOICE, "if self.revision != revision:", "if revision is None or self.revision < revision:"),
    Mutant(_VOICE, "self.unanswered > most_unanswered", "False"),
    Mutant(_VOICE, "self.unanswered > most_unanswered", "self.unanswered >= most_unanswered"),
    Mutant(_VOICE, "self.unanswered > most_unanswered", "self.unanswered > most_unanswered + 1"),
    Mutant(
        _GATES, "    if message.voice is None:\n", "    if message.voice is None:\n        return None\n    if False:\n"
    ),
    Mutant(_GATES, 'elif ("", MODEL, OFF) in context.halts:', "elif False:"),
    Mutant(_GATES, 'elif rules.mode == "shadow" or not rules.answers(', "elif not rules.answers("),
    Mutant(
        _GATES,
        'rules.mode == "shadow" or not rules.answers(message.lane, message.talk_person, message.recipient)',
        'rules.mode == "shadow"',
    ),
    Mutant(_GATES, "elif not message.fallback and needs_window(message) and _shut(message, context):", "elif False:"),
    Mutant(_GATES, "elif not message.fallback and needs_window(message)", "elif needs_window(message)"),
    Mutant(_DUE, "where(_DUE, conversation.c.turn_due_at <= tx.now, free, is_on())", "where(_DUE, free, is_on())"),
    Mutant(_DUE, "turn_due_at <= tx.now, free, is_on())", "turn_due_at <= tx.now, is_on())"),
    Mutant(_DUE, "turn_due_at <= tx.now, free, is_on())", "turn_due_at <= tx.now, free)"),
    Mutant(_DUE, '"epoch": conversation.c.epoch + 1,', '"epoch": conversation.c.epoch,'),
    Mutant(_TURNS, "return (*of_person, conversation.c.epoch == claimed.epoch)", "return of_person"),
    Mutant(
        _TURNS, "unchanged = (*_unchanged(claimed), *is_open(claimed, rules))", "unchanged = is_open(claimed, rules)"
    ),
    Mutant(
        _TURNS,
        "(*_own(claimed), conversation.c.revision == claimed.revision)\n",
        "_own(claimed)\n",
    ),
    Mutant(
        _TURNS,
        "        conversation.c.revision == claimed.revision,\n        and_(",
        "        and_(",
    ),
    Mutant(_TURNS, 'if handed_over else mode == "assistant",', 'if handed_over else mode != "off",'),
    Mutant(_TURNS, 'if handed_over else mode == "assistant",', 'if handed_over else mode != "person",'),
    Mutant(_TURNS, 'and_(mode == "person", cause == HANDED_OVER) if', 'and_(mode == "person") if'),
    Mutant(_TURNS, 'and_(mode == "person", cause == HANDED_OVER) if', "and_(cause == HANDED_OVER) if"),
    Mutant(_TURNS, "conversation.c.unanswered < rules.most_unanswered,", ""),
    Mutant(_TURNS, "conversation.c.unanswered < rules", "conversation.c.unanswered <= rules"),
    Mutant(_TURNS, "        is_on(),\n", ""),
    Mutant(_TURNS, '"talk_revision": revision}', '"talk_revision": revision + 1}'),
    Mutant(_TURNS, 'revision = claimed.revision + ("mode" in values)', "revision = claimed.revision"),
    Mutant(_DRAFTS, '    if "mode" not in values:\n        return None\n', ""),
    Mutant(_RECORD, "(text(OPEN_ANSWER), message.c.talk_person.in_(people), ", "(text(OPEN_ANSWER), "),
    Mutant(_RECORD, 'bool(row["epoch"]) and drop_answers(tx, lane, [person])', "False"),
)


def main() -> int:
    """Return 1 if a change is found by no test."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", type=int, action="append", help="number of a change; all by default")
    chosen = parser.parse_args().only or range(len(MUTANTS))
    with tempfile.TemporaryDirectory() as folder:
        copy = _copied(Path(folder))
        if not _tests_pass(copy):
            print("The tests fail without any change.")
            return 1
        survivors = [number for number in chosen if _survives(copy, number)]
    print(f"{len(survivors)} of {len(chosen)} changes are found by no test: {survivors}")
    return bool(survivors)


def mutated(content: str, mutant: Mutant) -> str:
    """Return the content of the file with the change. Raises ValueError if the text is not there once."""
    if content.count(mutant.old) != 1:
        raise ValueError(f"{mutant.file} has {content.count(mutant.old)} times: {mutant.old}")
    return content.replace(mutant.old, mutant.new)


def _copied(folder: Path) -> Path:
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / part)
    return folder


def _survives(copy: Path, number: int) -> bool:
    mutant = MUTANTS[number]
    path = copy / mutant.file
    content = path.read_text("utf-8")
    path.write_text(mutated(content, mutant), "utf-8")
    try:
        survives = _tests_pass(copy)
    finally:
        path.write_text(content, "utf-8")
    print(f"{number:3} {'NOT FOUND' if survives else 'found'}  {mutant.file}: {mutant.new or 'without ' + mutant.old}")
    return survives


def _tests_pass(copy: Path) -> bool:
    """Run the tests on SQLite, whose statements are those of PostgreSQL but for their locks."""
    words = ["-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-k", f"not postgres and not {RANDOM}", *TESTS]
    ended = subprocess.run([sys.executable, *words], cwd=copy, capture_output=True, text=True, check=False)
    if ended.returncode not in (0, 1):
        raise SystemExit(ended.stdout + ended.stderr)
    return ended.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
