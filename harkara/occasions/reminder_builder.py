"""Builds the messages of reminders: which parameters an occasion needs, and what fills those that follow from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from harkara.catalogue import Catalogue
from harkara.errors import Invalid
from harkara.messages import Envelope, Template
from harkara.messages.envelope_fields import check_placeholders
from harkara.occasions.fill import Fill
from harkara.occasions.occasion import Closing, Occasion
from harkara.occasions.rules import Role, Rule, Rules
from harkara.occasions.schedule import preferred_time
from harkara.people.names import normalize_stored

SOME_REASON: Final = "\u2013"
"""Stands for the reason of an ending, which is not known yet when an occasion is saved."""

_DURATIONS: Final[frozenset[Role]] = frozenset({"time-left", "time-since"})


@dataclass(frozen=True, slots=True)
class ReminderBuilder:
    """Fills the templates of the rules with the parameters of an occasion."""

    rules: Rules
    catalogue: Catalogue

    def parameters(self, kind: str) -> tuple[str, ...]:
        """List the parameters that an occasion of this kind must have. Raises Invalid for an unknown kind."""
        filled = self.rules.fill.get(kind, {})
        rules = [rule for rule in self.rules.for_kind(kind).values() if "open" in rule.status]
        return tuple(name for name in self._names(rules) if name not in filled)

    def optional_parameters(self, kind: str) -> tuple[str, ...]:
        """List those that it may have: filled from the occasion itself, or used only by a message after its end.

        Raises Invalid for an unknown kind.
        """
        required = self.parameters(kind)
        return tuple(name for name in self._names(self.rules.for_kind(kind).values()) if name not in required)

    def validate(self, occasion: Occasion) -> None:
        """Build the message of each rule once. Raises Invalid as `ReminderPlan.validate_occasion` describes it."""
        names, optional = self.parameters(occasion.kind), self.optional_parameters(occasion.kind)
        needs = _needs(names, optional)
        for unknown in occasion.parameters.keys() - {*names, *optional}:
            raise Invalid(f"{occasion.kind}.{unknown[:40]}", f"is no parameter here; {needs}")
        for missing in (name for name in names if name not in occasion.parameters):
            raise Invalid(f"{occasion.kind}.{missing}", f"is missing; {needs}")
        for rule in self.rules.for_kind(occasion.kind).values():
            self._validate_message(occasion, rule)

    def validate_closing(self, closing: Closing) -> None:
        """Validate the reason for each message that says it. Raises Invalid as `ReminderPlan.validate_closing` does."""
        for rule in self.rules.for_kind(closing.kind).values():
            says_reason = "reason" in self._roles(closing.kind, rule).values()
            if closing.reason and says_reason and closing.status in rule.status:
                _validate_reason(closing.reason, rule.template)

    def build(
        self, occasion: Occasion, rule: Rule, due: datetime, reason: str | None, *, expires: datetime | None = None
    ) -> Envelope:
        """Return the message that the rule sends at `due`; `reason` is that of the occasion's ending.

        Raises Invalid if the rule or its template was edited after the occasion had been validated.
        """
        fill = self._fill(occasion, rule, due, reason)
        values = self._values(occasion, rule, fill)
        says_duration = not _DURATIONS.isdisjoint(self._roles(occasion.kind, rule).values())
        if expires and says_duration and fill.counts_days:
            expires = min(expires, fill.midnight)  # a message that waits longer would say a wrong number of days
        return self._envelope(occasion, rule, values, due, expires)

    def _names(self, rules: Iterable[Rule]) -> tuple[str, ...]:
        """List the parameters that the templates of these rules have and the rules do not set."""
        names = (
            name for rule in rules for name in self.catalogue.find(rule.template).parameters if name not in rule.set
        )
        return tuple(dict.fromkeys(names))

    def _validate_message(self, occasion: Occasion, rule: Rule) -> None:
        due = preferred_time(rule, occasion.at, ZoneInfo(occasion.zone))
        fill = self._fill(occasion, rule, due, SOME_REASON)
        for name, role in self._roles(occasion.kind, rule).items():
            _validate_filled(occasion, name, role, fill, needed="open" in rule.status)
        values = self._values(occasion, rule, fill)
        if "open" in rule.status or values.keys() >= set(self.catalogue.find(rule.template).parameters):
            self._envelope(occasion, rule, values)

    def _fill(self, occasion: Occasion, rule: Rule, due: datetime, reason: str | None) -> Fill:
        language = occasion.language or self.catalogue.find(rule.template).language
        in_days = rule.offset.unit == "days"
        return Fill(occasion.at, occasion.zone, due, language, reason, in_days)

    def _roles(self, kind: str, rule: Rule) -> dict[str, Role]:
        """Return the roles of the parameters that this rule's template has and the rule does not set."""
        names = self.catalogue.find(rule.template).parameters
        filled = self.rules.fill.get(kind, {})
        return {name: role for name, role in filled.items() if name in names and name not in rule.set}

    def _values(self, occasion: Occasion, rule: Rule, fill: Fill) -> dict[str, str]:
        """Return the value of each parameter of the rule's template that has one.

        The application's own text stays unless it contradicts `at`: an update through Redis may come from a release
        that does not compare them, and a customer who reads the old hour would come at the wrong time.
        """
        values = {**occasion.parameters, **rule.set}
        for name, role in self._roles(occasion.kind, rule).items():
            filled = fill.value(role)
            if filled is not None and (name not in values or fill.contradicts(role, values[name])):
                values[name] = filled
        names = self.catalogue.find(rule.template).parameters
        return {name: value for name, value in values.items() if name in names}

    def _envelope(
        self,
        occasion: Occasion,
        rule: Rule,
        values: Mapping[str, str],
        at: datetime | None = None,
        expires: datetime | None = None,
    ) -> Envelope:
        message = self.catalogue.message(rule.template, values, language=occasion.language, opted_in=rule.opted_in)
        return Envelope(
            to=normalize_stored(occasion.to),
            messages=[message],
            lane=occasion.lane,
            producer=occasion.producer,
            quiet=rule.quiet != "ignore",
            at=at,
            expires=expires,
        )


def _validate_filled(occasion: Occasion, name: str, role: Role, fill: Fill, *, needed: bool) -> None:
    field = f"{occasion.kind}.{name}"
    given = occasion.parameters.get(name)
    if given is None and needed and fill.value(role) is None:
        raise Invalid(field, "is missing: `at` is a whole day, so give this text, or give `at` a time")
    if given is not None and fill.contradicts(role, given):
        rule = f"contradicts `at`, which is {fill.shown_at} in {occasion.zone}; correct one of them, or leave this out"
        raise Invalid(field, rule)


def _validate_reason(reason: str, template: str) -> None:
    try:
        check_placeholders([Template(template, body=[reason])], None, None, None)
    except Invalid as error:
        raise Invalid("reason", error.rule, error.measure) from None


def _needs(names: tuple[str, ...], optional: tuple[str, ...]) -> str:
    needed = f"this kind needs {', '.join(names)}" if names else "this kind needs no parameters"
    return f"{needed}, and may have {', '.join(optional)}" if optional else needed
