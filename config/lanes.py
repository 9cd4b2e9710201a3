"""The lanes of this deployment, from the settings and the lanes file."""

from __future__ import annotations

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import SecretStr

from config.lanes_file import LaneSettings, read_lane_settings
from config.settings import Settings
from harkara.errors import Invalid
from harkara.lanes import Lane, QuietHours
from harkara.limits import Allowance
from harkara.times import parse_clock

DEFAULT = "default"


def lanes(settings: Settings) -> dict[str, Lane]:
    """Return the lanes by name. Raises SystemExit for a lane without a token and for an invalid setting."""
    tokens = {name: token.get_secret_value() for name, token in settings.lane_tokens.items()}
    if settings.chatmitra_api_token:
        tokens[DEFAULT] = settings.chatmitra_api_token.get_secret_value()
    try:
        more = read_lane_settings(settings.lanes_file)
    except Invalid as error:
        raise SystemExit(str(error)) from error
    missing = sorted(set(more) - set(tokens))
    if missing:
        raise SystemExit(f"No token for lane {', '.join(missing)}: add it to HARKARA_LANE_TOKENS as lane:token.")
    return {name: _lane(name, token, more.get(name, LaneSettings()), settings) for name, token in tokens.items()}


def _lane(name: str, token: str, own: LaneSettings, settings: Settings) -> Lane:
    try:
        zone = _zone(own.timezone or settings.timezone)
        return Lane(
            name=name,
            token=token,
            allowance=_allowance(own, settings),
            quiet_hours=_quiet_hours(own.quiet_hours if own.quiet_hours is not None else settings.quiet_hours, zone),
            zone=zone,
            webhook_secret=secret.get_secret_value() if (secret := _webhook_secret(name, settings)) else None,
            reengage=_template(own.reengage or settings.reengage),
            number=_number(own.number or (settings.number if name == DEFAULT else None)),
        )
    except ValueError as error:
        raise SystemExit(f"Lane {name}: {error}") from error


def _template(name: str | None) -> str | None:
    """Validate the name at the start of the process, not at the first message that needs it. Raises Invalid."""
    if not name:
        return None
    from harkara.messages import Template  # imported here: most lanes have none, and it takes 0.1 s

    return Template(name).name


def _number(text: str | None) -> str | None:
    """Return the digits of the account's own number. Raises Invalid, which does not quote it."""
    if not text:
        return None
    from harkara.phone import normalize  # imported here as well: it loads the numbering plans

    try:
        return normalize(text, with_country_code=True)
    except Invalid as error:
        raise Invalid("number", error.rule, error.measure) from None


def _webhook_secret(name: str, settings: Settings) -> SecretStr | None:
    own = settings.lane_webhook_secrets.get(name)
    return own or (settings.chatmitra_webhook_secret if name == DEFAULT else None)


def _allowance(own: LaneSettings, settings: Settings) -> Allowance | None:
    return Allowance.parse(
        own.allowance or settings.allowance,
        burst=settings.burst,
        gap=(settings.gap if own.gap is None else own.gap).total_seconds(),
        reserve=settings.reserve,
    )


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"{name!r} is not the name of a time zone; use one such as Asia/Kolkata") from error


def _quiet_hours(text: str, zone: ZoneInfo) -> QuietHours | None:
    if text.strip() in ("", "none"):
        return None
    try:
        start, end = (parse_clock(part.strip()) for part in text.split("-"))
    except ValueError as error:
        raise ValueError(f"quiet hours must be empty or a time span such as 20:00-09:00, not {text!r}") from error
    return QuietHours(start, end, zone)
