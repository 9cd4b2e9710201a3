"""The playbook: what each answer of Chat Mitra, or the lack of one, means for the message."""

from harkara.playbook.judge import WINDOW_CLOSED, Case, Playbook, Window

__all__ = ["WINDOW_CLOSED", "Case", "Playbook", "Window"]
