"""The playbook: what each answer of the provider, or the lack of one, means for a message."""

from harkara.playbook.context import AttemptContext, Window
from harkara.playbook.judge import WINDOW_CLOSED, Playbook

__all__ = ["WINDOW_CLOSED", "AttemptContext", "Playbook", "Window"]
