"""Where the application of this deployment hears of its messages, from the settings."""

from __future__ import annotations

from config.settings import Settings
from harkara.callbacks.endpoint import Endpoint
from harkara.errors import Invalid


def endpoint(settings: Settings) -> Endpoint | None:
    """None when nobody wants to be told. Raises SystemExit with the next step when a setting makes no sense."""
    if not settings.callback_url:
        return None
    if not settings.callback_secret:
        raise SystemExit(f"Callbacks are not signed: set HARKARA_CALLBACK_SECRET. {_MAKE_ONE}")
    secret = settings.callback_secret.get_secret_value()
    try:
        return Endpoint(settings.callback_url, secret, private=settings.callback_private)
    except Invalid as error:
        step = _MAKE_ONE if error.field == "secret" else "HARKARA_CALLBACK_PRIVATE=True allows addresses of your own."
        raise SystemExit(f"HARKARA_CALLBACK_{error.field.upper()} {error.rule}. {step}") from error


_MAKE_ONE = 'This makes one: echo "whsec_$(openssl rand -base64 32)"'
