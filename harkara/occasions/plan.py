"""The plan of a deployment: all that decides which reminders an occasion has, and what each of them says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_jsonable_python

from harkara.catalogue import Catalogue
from harkara.errors import Invalid
from harkara.lanes import Lane, QuietHours
from harkara.messages import Envelope
from harkara.occasions.occasion import Occasion
from harkara.occasions.rules import Rule, Rules
from harkara.occasions.schedule import Planned, Skipped, schedule
from harkara.phone import normalise

NO_RULES: Final = "none"
"""The digest of a kind that is not in the file any more: it has no reminders."""


@dataclass(frozen=True, slots=True)
class Hours:
    """How a lane tells the time, and when it keeps quiet."""

    zone: ZoneInfo
    quiet: QuietHours | None = None


_HOURS = TypeAdapter(Mapping[str, Hours])


@dataclass(frozen=True, slots=True)
class Reminder:
    """The message by which a rule reminds of an occasion."""

    rule: str
    envelope: Envelope


@dataclass(frozen=True, slots=True)
class ReminderPlan:
    """The rules, the templates that they name, and the hours of each lane that is known here."""

    rules: Rules
    catalogue: Catalogue
    hours: Mapping[str, Hours]

    @classmethod
    def of(cls, rules: Rules, catalogue: Catalogue, lanes: Mapping[str, Lane]) -> Self:
        return cls(rules, catalogue, {name: Hours(lane.zone, lane.quiet_hours) for name, lane in lanes.items()})

    @classmethod
    def from_json(cls, text: str | bytes, catalogue: Catalogue) -> Self:
        """Reads what `to_json` wrote, also in a later release. Raises Invalid."""
        try:
            said = json.loads(text)
            rules = Rules.model_validate(said["rules"], extra="ignore")
            return cls(rules, catalogue, _HOURS.validate_python(said["hours"]))
        except (ValidationError, ValueError, KeyError, TypeError):
            raise Invalid("rules of reminders", "have another form than here; are all of one release?") from None

    def to_json(self) -> str:
        """Rules and hours, for `from_json`; the catalogue has a way of its own."""
        rules = self.rules.model_dump(mode="json", exclude_none=True)
        return json.dumps({"rules": rules, "hours": _HOURS.dump_python(self.hours, mode="json")})

    def verify(self) -> None:
        """Raises Invalid, which names the rule, where its template is unknown, is marketing, or lacks what is `set`."""
        for kind, rules in self.rules.kind.items():
            for name, rule in rules.items():
                place = f"reminder {kind} {name}"
                template = self.catalogue.kind.get(rule.template)
                if template is None:
                    raise Invalid(f"{place}: template", "is not in the catalogue; `harkara templates` lists all")
                if template.category == "marketing":
                    raise Invalid(f"{place}: template", "is marketing, which no reminder may be")
                for stranger in rule.set.keys() - set(template.parameters):
                    raise Invalid(f"{place}: set", f"the template has no parameter {stranger}")

    def zone(self, lane: str) -> str:
        """The lane's. Raises Invalid where it is not known."""
        if lane not in self.hours:
            raise Invalid("zone", "is not known for this lane here; name one, such as Asia/Kolkata")
        return self.hours[lane].zone.key

    def parameters(self, kind: str) -> tuple[str, ...]:
        """What an occasion of the kind brings for all its templates. Raises Invalid for an unknown kind."""
        wanted = (
            name
            for rule in self.rules.of(kind).values()
            for name in self.catalogue.find(rule.template).parameters
            if name not in rule.set
        )
        return tuple(dict.fromkeys(wanted))

    def check(self, occasion: Occasion) -> None:
        """Builds every reminder's message once. Raises Invalid for what is unknown, missing or not as it has to be."""
        wanted = self.parameters(occasion.kind)
        for unknown in occasion.parameters.keys() - set(wanted):
            raise Invalid(f"{occasion.kind}.{unknown[:40]}", f"is no parameter here; {_wants(wanted)}")
        for missing in (name for name in wanted if name not in occasion.parameters):
            raise Invalid(f"{occasion.kind}.{missing}", f"is missing; {_wants(wanted)}")
        for rule in self.rules.of(occasion.kind).values():
            self._envelope(occasion, rule)

    def digest(self, kind: str, lane: str) -> str:
        """16 hexadecimal digits that change when anything does by which the kind's reminders are derived."""
        if kind not in self.rules.kind:
            return NO_RULES
        names = sorted({rule.template for rule in self.rules.of(kind).values()})
        templates = to_jsonable_python([self.catalogue.kind.get(name) for name in names])
        mine = {name: hours for name, hours in self.hours.items() if name == lane}
        return self.rules.digest(kind, lane, _HOURS.dump_python(mine, mode="json"), templates)

    def reminders(self, occasion: Occasion, now: datetime) -> list[Reminder | Skipped]:
        """One answer for each rule of the kind, the one nearest to the occasion last; none for an unknown kind."""
        rules = self.rules.kind.get(occasion.kind, {})
        hours = self.hours.get(occasion.lane)
        answers = schedule(occasion.at, ZoneInfo(occasion.zone), rules, now, hours.quiet if hours else None)
        return [
            self._reminder(occasion, rules[each.rule], each) if isinstance(each, Planned) else each for each in answers
        ]

    def _reminder(self, occasion: Occasion, rule: Rule, planned: Planned) -> Reminder | Skipped:
        try:
            envelope = self._envelope(occasion, rule, planned)
        except Invalid:  # the rule or its template was edited since the occasion was checked
            return Skipped(planned.rule, "parameters")
        return Reminder(planned.rule, envelope)

    def _envelope(self, occasion: Occasion, rule: Rule, planned: Planned | None = None) -> Envelope:
        wanted = self.catalogue.find(rule.template).parameters
        values = {name: value for name, value in {**occasion.parameters, **rule.set}.items() if name in wanted}
        return Envelope(
            to=normalise(f"+{occasion.to}", strict=False),  # it was judged when the occasion was handed over
            messages=[self.catalogue.message(rule.template, values, language=occasion.language)],
            lane=occasion.lane,
            producer=occasion.producer,
            quiet=rule.quiet != "ignore",
            at=planned.due_at if planned else None,
            expires=planned.expires_at if planned else None,
        )


def _wants(names: tuple[str, ...]) -> str:
    return f"this kind wants {', '.join(names)}" if names else "this kind has no parameters"
