"""The reminder plan of a deployment: it decides which reminders an occasion has and builds their messages."""

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
from harkara.messages.validation import as_handed_over
from harkara.occasions.occasion import Occasion
from harkara.occasions.rules import Rule, Rules
from harkara.occasions.schedule import PlannedReminder, SkippedReminder, schedule
from harkara.phone import normalize

NO_RULES: Final = "none"
"""The digest of a kind without rules, such as one that was removed from the file. It has no reminders."""


@dataclass(frozen=True, slots=True)
class LaneHours:
    """The time zone of a lane and its quiet hours."""

    zone: ZoneInfo
    quiet: QuietHours | None = None


_HOURS = TypeAdapter(Mapping[str, LaneHours])


@dataclass(frozen=True, slots=True)
class ReminderMessage:
    """The message of one rule for one occasion."""

    rule: str
    envelope: Envelope


@dataclass(frozen=True, slots=True)
class ReminderPlan:
    """The reminder rules, the catalogue of their templates, and the hours of each lane by name."""

    rules: Rules
    catalogue: Catalogue
    hours: Mapping[str, LaneHours]

    @classmethod
    def from_lanes(cls, rules: Rules, catalogue: Catalogue, lanes: Mapping[str, Lane]) -> Self:
        return cls(rules, catalogue, {name: LaneHours(lane.zone, lane.quiet_hours) for name, lane in lanes.items()})

    @classmethod
    def from_json(cls, text: str | bytes, catalogue: Catalogue) -> Self:
        """Parse the output of `to_json`, also of a later release. Raises Invalid."""
        try:
            fields = json.loads(text)
            rules = Rules.model_validate(fields["rules"], extra="ignore")
            return cls(rules, catalogue, _HOURS.validate_python(fields["hours"]))
        except (ValidationError, ValueError, KeyError, TypeError):
            rule = "are in the format of another release; run the same release in all processes"
            raise Invalid("reminder rules", rule) from None

    def to_json(self) -> str:
        """Return rules and hours, for `from_json`. The catalogue is published on its own."""
        rules = self.rules.model_dump(mode="json", exclude_none=True)
        return json.dumps({"rules": rules, "hours": _HOURS.dump_python(self.hours, mode="json")})

    def validate(self) -> None:
        """Check each rule against the catalogue.

        Raises Invalid, which names the rule, for a template that is unknown or marketing, and for a `set` that names
        no parameter of the template.
        """
        for kind, rules in self.rules.kind.items():
            for name, rule in rules.items():
                self._validate_rule(f"reminder {kind} {name}", rule)

    def lane_zone(self, lane: str) -> str:
        """Return the name of the lane's time zone. Raises Invalid for an unknown lane."""
        if lane not in self.hours:
            raise Invalid("zone", "is not known for this lane here; name one, such as Asia/Kolkata")
        return self.hours[lane].zone.key

    def parameters(self, kind: str) -> tuple[str, ...]:
        """List the parameters that an occasion of this kind must have. Raises Invalid for an unknown kind."""
        names = (
            name
            for rule in self.rules.for_kind(kind).values()
            for name in self.catalogue.find(rule.template).parameters
            if name not in rule.set
        )
        return tuple(dict.fromkeys(names))

    def validate_occasion(self, occasion: Occasion) -> None:
        """Build the message of each reminder once.

        Raises Invalid for an unknown kind, and for a parameter that is unknown, missing, or not valid in its template.
        """
        names = self.parameters(occasion.kind)
        for unknown in occasion.parameters.keys() - set(names):
            raise Invalid(f"{occasion.kind}.{unknown[:40]}", f"is no parameter here; {_names(names)}")
        for missing in (name for name in names if name not in occasion.parameters):
            raise Invalid(f"{occasion.kind}.{missing}", f"is missing; {_names(names)}")
        for rule in self.rules.for_kind(occasion.kind).values():
            self._envelope(occasion, rule)

    def digest(self, kind: str, lane: str) -> str:
        """Return 16 hexadecimal digits that change with any input of the reminders of this kind in this lane.

        The inputs are the rules, their templates and the lane's hours.
        """
        if kind not in self.rules.kind:
            return NO_RULES
        names = sorted({rule.template for rule in self.rules.for_kind(kind).values()})
        templates = to_jsonable_python([self.catalogue.kind.get(name) for name in names])
        own_hours = {name: hours for name, hours in self.hours.items() if name == lane}
        return self.rules.digest(kind, lane, _HOURS.dump_python(own_hours, mode="json"), templates)

    def reminders(self, occasion: Occasion, now: datetime) -> list[ReminderMessage | SkippedReminder]:
        """Return one result for each rule of the kind, the one nearest to the occasion last.

        An unknown kind has none.
        """
        rules = self.rules.kind.get(occasion.kind, {})
        hours = self.hours.get(occasion.lane)
        results = schedule(occasion.at, ZoneInfo(occasion.zone), rules, now, hours.quiet if hours else None)
        return [
            self._message(occasion, rules[result.rule], result) if isinstance(result, PlannedReminder) else result
            for result in results
        ]

    def envelope(self, occasion: Occasion, rule: str) -> Envelope | None:
        """Return the message of this rule as it would be sent now; None without such a rule or valid parameters."""
        found = self.rules.kind.get(occasion.kind, {}).get(rule)
        try:
            return self._envelope(occasion, found) if found else None
        except Invalid:
            return None

    def _validate_rule(self, place: str, rule: Rule) -> None:
        template = self.catalogue.kind.get(rule.template)
        if template is None:
            raise Invalid(f"{place}: template", "is not in the catalogue; `harkara templates` lists all")
        if template.category == "marketing":
            raise Invalid(f"{place}: template", "is marketing; a reminder needs a template of another category")
        for unknown in rule.set.keys() - set(template.parameters):
            raise Invalid(f"{place}: set", f"the template has no parameter {unknown}")

    def _message(self, occasion: Occasion, rule: Rule, planned: PlannedReminder) -> ReminderMessage | SkippedReminder:
        try:
            with as_handed_over():
                envelope = self._envelope(occasion, rule, planned)
        except Invalid:  # the rule or its template was edited after the occasion had been validated
            return SkippedReminder(planned.rule, "parameters")
        return ReminderMessage(planned.rule, envelope)

    def _envelope(self, occasion: Occasion, rule: Rule, planned: PlannedReminder | None = None) -> Envelope:
        names = self.catalogue.find(rule.template).parameters
        values = {name: value for name, value in {**occasion.parameters, **rule.set}.items() if name in names}
        return Envelope(
            to=normalize(f"+{occasion.to}", strict=False),  # Occasion validated the number
            messages=[self.catalogue.message(rule.template, values, language=occasion.language)],
            lane=occasion.lane,
            producer=occasion.producer,
            quiet=rule.quiet != "ignore",
            at=planned.due_at if planned else None,
            expires=planned.expires_at if planned else None,
        )


def _names(parameters: tuple[str, ...]) -> str:
    return f"this kind needs {', '.join(parameters)}" if parameters else "this kind has no parameters"
