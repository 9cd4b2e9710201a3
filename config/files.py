"""The files of `config/` that the processes read, as one value: all of them are valid, or none is used."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from config.environment import DOTENV
from config.lanes import lanes
from config.lanes_file import read_lane_settings
from config.reminders import load_reminder_plan
from config.settings import Settings
from config.templates import catalogue
from harkara.assistant.knowledge.faq import Faq
from harkara.assistant.knowledge.words import Synonyms
from harkara.assistant.rules import AssistantRules, Billing
from harkara.errors import Invalid
from harkara.goals import Goals
from harkara.inbound.words import Words
from harkara.lanes import Lane
from harkara.money.prices import Prices
from harkara.occasions import ReminderPlan, Rules
from harkara.playbook import Playbook


@dataclass(frozen=True, eq=False)
class ConfigFiles:
    """What the files say. `digests` has a digest of each file's content by its name, empty for a missing file."""

    lanes: dict[str, Lane]
    plan: ReminderPlan
    words: Words
    playbook: Playbook
    goals: Goals
    prices: Prices
    assistant: AssistantRules
    faq: Faq
    synonyms: Synonyms
    digests: Mapping[str, str]

    @classmethod
    def load(cls, settings: Settings) -> ConfigFiles:
        """Read every file. Raises SystemExit, which names the file, the entry and the problem."""
        digests = {path.name: digest(path) for path in paths(settings)}  # first: a later change is seen as one
        configured = lanes(settings)
        plan = load_reminder_plan(settings, configured)
        zones = {name: lane.zone for name, lane in configured.items()}
        try:
            prices = Prices.load(settings.prices_file)
            return cls(
                configured,
                plan,
                Words.load(settings.words_file),
                Playbook.load(settings.playbook_file),
                Goals.load(settings.goals_file),
                prices,
                AssistantRules.load(settings.assistant_file).billed(Billing(prices.currency, zones)),
                Faq.load(settings.faq_file),
                Synonyms.load(settings.synonyms_file),
                digests,
            )
        except Invalid as error:
            raise SystemExit(str(error)) from error

    def changed(self, former: ConfigFiles) -> list[str]:
        """Return the names of the files whose content differs, also of those that are new or gone."""
        names = self.digests.keys() | former.digests.keys()
        return sorted(name for name in names if self.digests.get(name, "") != former.digests.get(name, ""))


class LoadedFiles:
    """The files as this process uses them: read at its start, and again by `reload`."""

    def __init__(self, read: Callable[[], ConfigFiles], dotenv: Path = DOTENV) -> None:
        """Read the files. Raises SystemExit, as `read` does."""
        self._read = read
        self._dotenv = dotenv
        self._dotenv_at_start = digest(dotenv)
        self.current = read()

    def reload(self) -> list[str]:
        """Read the files again; use all of them or none. Return the names of those that changed. Raises SystemExit."""
        fresh = self._read()
        changed = fresh.changed(self.current)
        if changed:
            self.current = fresh
        return changed

    @property
    def restart_needed(self) -> bool:
        """Whether `.env` has changed since the start: settings are read only then."""
        return digest(self._dotenv) != self._dotenv_at_start


def paths(settings: Settings) -> Sequence[Path]:
    """Return the files that are read at the start and by a reload."""
    return (
        settings.lanes_file,
        settings.reminders_file,
        *settings.template_files,
        settings.words_file,
        settings.playbook_file,
        settings.goals_file,
        settings.prices_file,
        settings.assistant_file,
        settings.faq_file,
        settings.synonyms_file,
    )


def digest(path: Path) -> str:
    """Return a digest of the content, empty for a file that cannot be read."""
    try:
        return sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


def readers(settings: Settings) -> dict[str, Callable[[], object]]:
    """Return, for each setting that names a file, the function that reads it. Raises Invalid or SystemExit."""
    return {
        "lanes_file": lambda: read_lane_settings(settings.lanes_file),
        "templates_file": lambda: catalogue(settings),
        "reminders_file": lambda: Rules.load(settings.reminders_file),
        "words_file": lambda: Words.load(settings.words_file),
        "playbook_file": lambda: Playbook.load(settings.playbook_file),
        "goals_file": lambda: Goals.load(settings.goals_file),
        "prices_file": lambda: Prices.load(settings.prices_file),
        "assistant_file": lambda: AssistantRules.load(settings.assistant_file),
        "faq_file": lambda: Faq.load(settings.faq_file),
        "synonyms_file": lambda: Synonyms.load(settings.synonyms_file),
    }
