"""What a customer reads when no answer can be made: that the team goes on, said once in a talk."""

from __future__ import annotations

from harkara.assistant.knowledge.language import CustomerLanguage
from harkara.assistant.message_form import script_of
from harkara.assistant.rules import AssistantRules
from harkara.assistant.sentences import fixed_sentence
from harkara.assistant.talk import Proposal, Talk

_LANGUAGES: tuple[CustomerLanguage, ...] = ("en", "hi", "hi-Latn")


def backup(talk: Talk, rules: AssistantRules, failure: str) -> Proposal:
    """Return the proposal of an assistant that broke: the backup sentence, and a person goes on.

    It needs no vocabulary and no FAQ, which may be what is broken: the script of the customer's words decides.
    """
    language: CustomerLanguage = "hi" if script_of(talk.question) == "devanagari" else "en"
    said = () if has_said_backup(talk, rules) else (backup_sentence(rules, language),)
    return Proposal(texts=said, source="backup", hand_over="failed", failure=failure)


def backup_sentence(rules: AssistantRules, language: CustomerLanguage) -> str:
    return fixed_sentence("backup", language, rules.sentences, rules.business)


def has_said_backup(talk: Talk, rules: AssistantRules) -> bool:
    """Return whether the customer has read it in this talk: a second time it would be no news."""
    sentences = [backup_sentence(rules, language) for language in _LANGUAGES]
    return any(one.by == "assistant" and sentence in one.text for one in talk.said for sentence in sentences)
