"""The sandbox, a stand-in for Chat Mitra, as a process: `python -m workers.sandbox`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from harkara.errors import Invalid
from harkara.messages import Template
from sandbox.server import Server
from sandbox.settings import settings_from_environment
from sandbox.template_texts import ReadTemplate, TemplateText
from workers.exit_status import end_misconfigured, ends_if_misconfigured

with ends_if_misconfigured():  # `.env` is read when its module is imported
    from config.settings import settings as deployment_settings
    from config.templates import catalogue


def main() -> None:
    """Exit with 78 for a setting or a variable that is wrong, and with 1 when the port is in use."""
    with ends_if_misconfigured():
        read = template_reader()
    try:
        settings, switches = settings_from_environment()
    except ValidationError as error:
        end_misconfigured(f"sandbox: wrong variables in the environment\n{error}")
    try:
        asyncio.run(Server(settings, switches, read).run())
    except OSError as error:
        sys.stderr.write(f"sandbox: cannot listen on port {settings.port}: {error.strerror}; set SANDBOX_PORT\n")
        raise SystemExit(1) from None


def template_reader() -> ReadTemplate:
    """Return a reader of this deployment's approved texts. Raises SystemExit for a wrong file of templates."""
    known = catalogue(deployment_settings())

    def read(template: Mapping[str, Any]) -> TemplateText | None:
        try:
            shown = known.preview(Template.read(dict(template)))
        except Invalid:  # Harkara has more rules than the sandbox, which accepted it
            return None
        if shown is None:
            return None
        problem = str(shown.problem or "")
        return TemplateText(shown.header, shown.body, shown.footer, shown.buttons, shown.code, problem)

    return read


if __name__ == "__main__":
    main()
