"""The reminder plan of a deployment: it decides which reminders an occasion has and builds their messages."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter, ValidationError

from harkara.catalogue import Catalogue
from harkara.errors import Invalid
from harkara.lanes import Lane, QuietHours
from harkara.messages import Envelope
from harkara.messages.validation import as_handed_over
from harkara.occasions.occasion import Closing, Occasion
from harkara.occasions.reminder_builder import ReminderBuilder
from harkara.occasions.rules import Origin, Rule, Rules
from harkara.occasions.schedule import Ending, PlannedReminder, SkippedReminder, schedule, useful_now

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
    """The message of one rule for one occasion, and what the rule counts from."""

    rule: str
    envelope: Envelope
    origin: Origin = "at"


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
            rules = Rules.model_validate(fields.get("all_rules", fields["rules"]), extra="ignore")
            return cls(rules, catalogue, _HOURS.validate_python(fields["hours"]))
        except (ValidationError, ValueError, KeyError, TypeError):
            rule = "are in the format of another release; run the same release in all processes"
            raise Invalid("reminder rules", rule) from None

    def to_json(self) -> str:
        """Return rules and hours, for `from_json`. The catalogue is published on its own.

        Producers of the first release read `rules` alone, and refuse what they do not know.
        """
        hours = _HOURS.dump_python(self.hours, mode="json")
        return json.dumps({"rules": self.rules.first_release(), "all_rules": self.rules.dump(), "hours": hours})

    def validate(self) -> None:
        """Check each rule against the catalogue.

        Raises Invalid, which names the rule, for a template that is unknown, for one that is marketing without
        `opted_in`, and for a `set` or a `fill` that names no parameter of a template.
        """
        for kind, rules in self.rules.kind.items():
            for name, rule in rules.items():
                self._validate_rule(f"reminder {kind} {name}", rule)
        for kind, filled in self.rules.fill.items():
            self._validate_fill(kind, filled)

    def lane_zone(self, lane: str) -> str:
        """Return the name of the lane's time zone. Raises Invalid for an unknown lane."""
        if lane not in self.hours:
            raise Invalid("zone", "is not known for this lane here; name one, such as Asia/Kolkata")
        return self.hours[lane].zone.key

    def parameters(self, kind: str) -> tuple[str, ...]:
        """List the parameters that an occasion of this kind must have. Raises Invalid for an unknown kind."""
        return self._builder.parameters(kind)

    def optional_parameters(self, kind: str) -> tuple[str, ...]:
        """List those that it may have: filled from the occasion itself, or used only by a message after its end.

        Raises Invalid for an unknown kind.
        """
        return self._builder.optional_parameters(kind)

    def validate_occasion(self, occasion: Occasion) -> None:
        """Build the message of each reminder once.

        Raises Invalid for an unknown kind, for a parameter that is unknown, missing, or not valid in its template, and
        for one that says another date or time than `at`.
        """
        self._builder.validate(occasion)

    def validate_closing(self, closing: Closing) -> None:
        """Raises Invalid for an unknown kind, and for a reason that a message after this closing could not say."""
        self._builder.validate_closing(closing)

    def digest(self, kind: str, lane: str) -> str:
        """Return 16 hexadecimal digits that change with any input of the reminders of this kind in this lane.

        The inputs are the rules, their templates and the lane's hours. The approved text of a template is none of them:
        no message contains it.
        """
        if kind not in self.rules.kind:
            return NO_RULES
        names = sorted({rule.template for rule in self.rules.for_kind(kind).values()})
        kinds = [self.catalogue.kind.get(name) for name in names]
        templates = [kind and kind.model_dump(mode="json", exclude={"text"}) for kind in kinds]
        own_hours = {name: hours for name, hours in self.hours.items() if name == lane}
        return self.rules.digest(kind, lane, _HOURS.dump_python(own_hours, mode="json"), templates)

    def reminders(
        self, occasion: Occasion, now: datetime, ending: Ending | None = None, at_once: str | None = None
    ) -> list[ReminderMessage | SkippedReminder]:
        """Return one result for each rule of the kind, those that can be sent in the order of their times.

        `ending` is None for an open occasion. `at_once` is a rule of `useful_now`, whose reminder is due now.
        An unknown kind has no rules.
        """
        rules, hourly = self._rules_of(occasion)
        quiet = self._quiet_hours(occasion.lane)
        results = schedule(occasion.at, ZoneInfo(occasion.zone), rules, now, quiet, ending, at_once)
        return [SkippedReminder(name, "whole-day") for name in hourly] + [
            self._message(occasion, rules[result.rule], result, ending)
            if isinstance(result, PlannedReminder)
            else result
            for result in results
        ]

    def useful_now(self, occasion: Occasion, now: datetime) -> list[str]:
        """Return the rules whose reminder makes sense now for an open occasion, the best first."""
        rules, _ = self._rules_of(occasion)
        return useful_now(occasion.at, ZoneInfo(occasion.zone), rules, now, self._quiet_hours(occasion.lane))

    def envelope(self, occasion: Occasion, rule: str, due: datetime, ending: Ending | None = None) -> Envelope | None:
        """Return the message of this rule as it is sent at `due`; None if rule or parameters do not allow it."""
        found = self.rules.kind.get(occasion.kind, {}).get(rule)
        try:
            return self._builder.build(occasion, found, due, ending.reason if ending else None) if found else None
        except Invalid:
            return None

    def _validate_rule(self, place: str, rule: Rule) -> None:
        template = self.catalogue.kind.get(rule.template)
        if template is None:
            raise Invalid(f"{place}: template", "is not in the catalogue; `harkara templates` lists all")
        if template.category == "marketing" and not rule.opted_in:
            raise Invalid(f"{place}: template", _MARKETING)
        for unknown in rule.set.keys() - set(template.parameters):
            raise Invalid(f"{place}: set", f"the template has no parameter {unknown}")

    def _validate_fill(self, kind: str, filled: Iterable[str]) -> None:
        known = {
            name for rule in self.rules.kind[kind].values() for name in self.catalogue.find(rule.template).parameters
        }
        for unknown in (name for name in filled if name not in known):
            raise Invalid(f"fill {kind} {unknown}", "no template of this kind has such a parameter")

    def _message(
        self, occasion: Occasion, rule: Rule, planned: PlannedReminder, ending: Ending | None
    ) -> ReminderMessage | SkippedReminder:
        try:
            reason = ending.reason if ending else None
            with as_handed_over():
                envelope = self._builder.build(occasion, rule, planned.due_at, reason, expires=planned.expires_at)
        except Invalid:  # the rule or its template was edited after the occasion had been validated
            return SkippedReminder(planned.rule, "parameters", rule.origin)
        return ReminderMessage(planned.rule, envelope, rule.origin)

    def _rules_of(self, occasion: Occasion) -> tuple[Mapping[str, Rule], Sequence[str]]:
        """Return the rules of the kind, and the names of those that are left out because the occasion has no hour."""
        rules = self.rules.kind.get(occasion.kind, {})
        hourly = [name for name, rule in rules.items() if occasion.day and self.rules.needs_hour(occasion.kind, rule)]
        return {name: rule for name, rule in rules.items() if name not in hourly}, sorted(hourly)

    def _quiet_hours(self, lane: str) -> QuietHours | None:
        hours = self.hours.get(lane)
        return hours.quiet if hours else None

    @property
    def _builder(self) -> ReminderBuilder:
        return ReminderBuilder(self.rules, self.catalogue)


_MARKETING = (
    "is marketing; write opted_in = true in the rule, if occasions of this kind are saved only for customers who "
    "agreed to marketing"
)
