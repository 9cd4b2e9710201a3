"""The endpoint of the application that receives callbacks, from the settings."""

from __future__ import annotations

from config.settings import Settings
from harkara.callbacks.endpoint import Endpoint
from harkara.errors import Invalid

_NEW_SECRET = 'Create one with: echo "whsec_$(openssl rand -base64 32)"'


def endpoint(settings: Settings) -> Endpoint | None:
    """Return None when no callback URL is set. Raises SystemExit, with the next step, for a setting that is wrong."""
    if not settings.callback_url:
        return None
    if not settings.callback_secret:
        raise SystemExit(f"Callbacks must be signed: set HARKARA_CALLBACK_SECRET. {_NEW_SECRET}")
    secret = settings.callback_secret.get_secret_value()
    try:
        return Endpoint(settings.callback_url, secret, private=settings.callback_private)
    except Invalid as error:
        step = _NEW_SECRET if error.field == "secret" else "HARKARA_CALLBACK_PRIVATE=True allows addresses of your own."
        raise SystemExit(f"HARKARA_CALLBACK_{error.field.upper()} {error.rule}. {step}") from error
