"""Replace what is personal or secret in a talk before it leaves the machine.

A value becomes a placeholder such as `[card-1]`, and the same value has the same placeholder within a talk.
"""

from harkara.assistant.privacy.found import PLACEHOLDER
from harkara.assistant.privacy.redaction import Redaction, TalkFilter, redact, redact_talk

__all__ = ["PLACEHOLDER", "Redaction", "TalkFilter", "redact", "redact_talk"]
