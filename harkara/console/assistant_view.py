"""What a conversation shows of the assistant: whether it answers here, its draft, and why it handed over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from harkara.assistant.message_form import LONGEST
from harkara.assistant.rules import RolloutMode
from harkara.console.bubbles import MessageBubble
from harkara.console.bubbles.bubble import Label
from harkara.console.bubbles.sent import ERASED
from harkara.console.languages import N_
from harkara.console.visitors import SignedIn
from harkara.conversation import Conversation, ProposedAnswer
from harkara.ledger.conversations.people import Participant
from harkara.ledger.conversations.proposals import find_draft, list_proposals

CAUSES: Final[Mapping[str, str]] = {
    "asked": N_("the customer asks for a person"),
    "anger": N_("the customer is angry"),
    "repeated": N_("the customer asked the same twice"),
    "robot": N_("the customer asked twice whether a robot answers"),
    "unknown": N_("no entry and no source answers the question"),
    "unsafe": N_("the answer was not safe to send"),
    "model": N_("the model asks for a person"),
    "failed": N_("the assistant failed"),
}
"""Why the assistant hands over."""


@dataclass(frozen=True, slots=True)
class AssistantView:
    """The assistant in one conversation.

    `answers` says whether config/assistant.toml lets it answer this person, and `enabled` whether it answers anyone in
    the lane. `handed_over` is the turn that handed over, until a person replies. `texts` are
    those of the form for the draft. `news` says that the page which asks shows another draft than this one.
    """

    enabled: bool
    answers: bool
    rollout: RolloutMode
    minutes: int
    handed_over: ProposedAnswer | None
    draft: ProposedAnswer | None
    texts: Sequence[str]
    bubbles: Sequence[MessageBubble]
    shown: str
    news: bool
    longest: int = LONGEST


def assistant_view(
    visitor: SignedIn,
    person: Participant,
    conversation: Conversation,
    texts: Sequence[str] | None,
    shown: str | None,
) -> AssistantView:
    """Return what is shown, with `texts` in the form of the draft if given. `shown` is as in `render_chat`."""
    rules, db = visitor.console.assistant, visitor.console.db
    draft = find_draft(db, person) if conversation.draft else None
    waits = conversation.mode == "person" and conversation.mode_cause == "handed-over"
    ended = [turn for turn in list_proposals(db, person, limit=5) if turn.hand_over] if waits else []
    present = draft.id if draft else ""
    return AssistantView(
        enabled=person.lane in rules.lanes,
        answers=rules.answers(person.lane, person.id, person.number),
        rollout=rules.mode,
        minutes=round(rules.give_back / timedelta(minutes=1)),
        handed_over=ended[-1] if ended else None,
        draft=draft,
        texts=texts or (draft.texts if draft else ()),
        bubbles=bubbles_of_proposal(draft) if draft else (),
        shown=present if shown is None else shown,
        news=shown is not None and shown != present,
    )


def bubbles_of_proposal(turn: ProposedAnswer) -> Sequence[MessageBubble]:
    """Return the bubbles of an answer as a phone would show them."""
    if not turn.texts:
        return [] if turn.outcome == "silent" else [MessageBubble(note=ERASED)]
    *first, last = turn.texts
    buttons = tuple(Label("reply", title) for title in turn.buttons)
    return [*(MessageBubble(body=text) for text in first), MessageBubble(body=last, buttons=buttons)]
