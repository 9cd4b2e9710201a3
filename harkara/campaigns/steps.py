"""The steps of a campaign: a canary share, a first wave, the rest, and a share that gets nothing."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from hashlib import blake2b
from typing import Final, Literal, Self

from harkara.errors import Invalid

Stage = Literal["canary", "wave", "rest"]

SEGMENT: Final = "wave_column"
"""The name under which a row has the value of the segment's column, also in errors. No template has it."""

HELD_OUT: Final = "held-out"
"""The code of a message that is never sent: the campaign holds its recipient out, to measure its own effect."""


_MOST: Final = {"canary_hours": 720, "wave_hours": 720, "canary_delivered": 1, "canary_opted_out": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignSteps:
    """How a campaign goes out. Shares are from 0 to 1, None for a step that it does not have.

    The `canary` share goes first; `canary_hours` after the last of it was sent, it is judged: at least
    `canary_delivered` of it delivered, and at most `canary_opted_out` opted out since. The first wave are the
    recipients with `wave_value` in `wave_column`, or the share `wave_share`; the rest follows `wave_hours` later.
    `hold_out` is the share that gets nothing.
    """

    canary: float | None = None
    canary_hours: float = 1.0
    canary_delivered: float = 0.8
    canary_opted_out: float = 0.02
    wave_column: str | None = None
    wave_value: str | None = None
    wave_share: float | None = None
    wave_hours: float = 24.0
    hold_out: float | None = None

    def __post_init__(self) -> None:
        for name in ("canary", "wave_share", "hold_out"):
            share = getattr(self, name)
            if share is not None and not 0 < share <= 0.5:
                raise Invalid(name, "must be more than 0 and at most 0.5")
        for name, most in _MOST.items():
            if not 0 <= getattr(self, name) <= most:
                raise Invalid(name, f"must be between 0 and {most}")
        self._check_wave()

    def _check_wave(self) -> None:
        if (self.wave_column is None) != (self.wave_value is None):
            raise Invalid("wave_value", "a segment needs both a column and a value")
        if self.wave_column is not None and self.wave_share is not None:
            raise Invalid("wave_share", "must not be given together with a column: the first wave is one of them")

    @classmethod
    def load(cls, text: str | None) -> Self:
        """Read what `dump` wrote. Fields that a later release added are left out."""
        fields = json.loads(text) if text else {}
        return cls(**{name: value for name, value in fields.items() if name in cls.__slots__})

    def dump(self) -> str | None:
        """Return the steps as JSON, None without any."""
        return None if self == CampaignSteps() else json.dumps(asdict(self))

    @property
    def has_wave(self) -> bool:
        return self.wave_column is not None or self.wave_share is not None

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages in their order."""
        first: tuple[Stage, ...] = ("canary",) if self.canary is not None else ()
        return (*first, "wave", "rest") if self.has_wave else (*first, "rest")

    def holds_out(self, campaign: str, to: str) -> bool:
        """Return whether this recipient gets nothing. It is drawn by chance, and always the same for this campaign."""
        return self.hold_out is not None and _draw(campaign, "hold-out", to) < self.hold_out

    def stage(self, campaign: str, to: str, segment: str | None) -> int:
        """Return the number of the recipient's stage, from 1. `segment` is the value in the segment's column.

        The canary is drawn from the first wave, if there is one: the others wait in any case.
        """
        if self.canary is None and not self.has_wave:
            return 1
        stages = self.stages
        if self.has_wave and not self._in_wave(campaign, to, segment):
            return len(stages)
        if self.canary is not None and _draw(campaign, "canary", to) < self.canary:
            return 1
        return stages.index("wave" if self.has_wave else "rest") + 1

    def _in_wave(self, campaign: str, to: str, segment: str | None) -> bool:
        if self.wave_value is not None:
            return (segment or "").strip().casefold() == self.wave_value.strip().casefold()
        return _draw(campaign, "wave", to) < (self.wave_share or 0.0)

    def explain(self, error_share: float) -> list[str]:
        """Return a sentence for each step."""
        found = []
        if self.hold_out is not None:
            found.append(f"{_percent(self.hold_out)} of the recipients get nothing, to measure the effect on answers.")
        if self.canary is not None:
            found.append(
                f"{_percent(self.canary)} go first, and are judged {self.canary_hours:g} h after the last of them was"
                f" sent: at least {_percent(self.canary_delivered)} delivered, at most {_percent(error_share)} failed,"
                f" at most {_percent(self.canary_opted_out)} opted out; if not, the campaign pauses."
            )
        if self.has_wave:
            first = f"those with {self.wave_value} in {self.wave_column}" if self.wave_column else None
            who = first or f"{_percent(self.wave_share or 0)}, drawn by chance,"
            found.append(f"The first wave are {who}; the others follow {self.wave_hours:g} h after its begin.")
        return found


@dataclass(frozen=True, slots=True)
class CanaryCounts:
    """The messages of a canary: `sent` of them had a POST, the others are of these."""

    sent: int
    delivered: int
    failed: int
    opted_out: int


def judge_canary(counts: CanaryCounts, steps: CampaignSteps, error_share: float) -> str | None:
    """Return why the campaign must pause after its canary, None if it may go on."""
    if not counts.sent:
        return "No message of the canary was sent, so it says nothing. Resume to send the rest, or cancel."
    problems = []
    # A share of 55 % of 100 is 55.00000000000001 as a product of floats.
    if counts.delivered / counts.sent < steps.canary_delivered:
        problems.append(f"{counts.delivered:,} were delivered, less than {_percent(steps.canary_delivered)}")
    if counts.failed / counts.sent > error_share:
        problems.append(f"{counts.failed:,} failed, more than {_percent(error_share)}")
    if counts.opted_out / counts.sent > steps.canary_opted_out:
        problems.append(f"{counts.opted_out:,} opted out, more than {_percent(steps.canary_opted_out)}")
    if not problems:
        return None
    return f"Of {counts.sent:,} messages of the canary {'; '.join(problems)}. Resume to send the rest, or cancel."


def producer(campaign: str, stage: int) -> str:
    """Return the producer of a stage's messages: a halt on it keeps the stage back. That of stage 1 is the campaign."""
    return campaign if stage == 1 else f"{campaign}-{stage}"


def campaign_of(name: str) -> str:
    """Return the campaign whose stage this producer is; the name itself for one that is no stage."""
    return name.partition("-")[0] if name.startswith("camp_") else name


def stage_of(name: str) -> int:
    """Return the stage whose producer this is."""
    return int(name.partition("-")[2] or 1)


def _draw(campaign: str, purpose: str, to: str) -> float:
    """Return a number from 0 to 1 by chance, the same for the same arguments."""
    digest = blake2b(f"{campaign}\0{purpose}\0{to}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64


def _percent(share: float) -> str:
    return f"{share * 100:g} %"
