"""A plain sentence for each line of a message's trace, for people who do not know its words."""

from __future__ import annotations

SENTENCES = {
    "accepted here": "Handed over and stored.",
    "claimed": "A worker has taken it up.",
    "posted": "Every gate passed it, and it was sent to Chat Mitra.",
    "accepted": "Chat Mitra accepted it.",
    "wait": "Chat Mitra asked for a pause.",
    "refused": "Chat Mitra refused it.",
    "replaced": "Its fallback template replaces it.",
    "waiting": "It waits and is sent later.",
    "uncertain": "Whether it arrived is not known.",
    "sent": "Chat Mitra has sent it to WhatsApp.",
    "delivered": "It has reached the phone.",
    "read": "The recipient has read it.",
    "failed": "It failed.",
    "cancelled": "It was cancelled and is not sent.",
    "resent": "It was sent again, as a new message.",
}


def trace_sentence(event: str) -> str:
    """Return the sentence of an event; one of a later release is its own."""
    return SENTENCES.get(event, f"{event.capitalize()}.")
