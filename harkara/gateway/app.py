"""Build the FastAPI app: its routes, middleware, error handlers and OpenAPI description."""

from __future__ import annotations

import json
import re
from typing import Any

from fastapi import FastAPI

from harkara.fastapi_telemetry import NO_TELEMETRY
from harkara.gateway import (
    acts,
    alarms,
    assistant,
    campaigns,
    conversations,
    docs,
    health,
    messages,
    new_campaigns,
    occasions,
    reports,
    send,
    spend,
    uploads,
    webhooks,
)
from harkara.gateway.dependencies import Dependencies
from harkara.gateway.errors import add_error_handlers
from harkara.gateway.middleware import RequestMiddleware

_DESCRIPTION = (
    "Accepts the requests of Chat Mitra's API, at the same path and with the same responses. A response of 202 means"
    " that the message is in the ledger. No response repeats a phone number or the text of a message,"
    " but those about conversations."
)

_SCHEMA_NAMES = {
    "CampaignList": "Campaigns",
    "CampaignSummary": "Campaign",
    "CampaignProgress": "Progress",
    "CancelResult": "Cancelled",
    "InvalidSignature": "NotGenuine",
    "MessagePage": "Page",
    "MessageStatus": "Status",
    "MessageSummary": "Message",
    "OccasionChange": "Changed",
    "OccasionStatus": "Occasion",
    "ReminderOf": "Reminded",
    "ReminderSummary": "Reminder",
    "TraceEntry": "Event",
    "WebhookStored": "Kept",
}
"""The public name of a schema, by class. Generated clients use these names, so they outlive the name of a class."""

_REFERENCE = re.compile(r'(?<="#/components/schemas/)\w+')


def create_app(dependencies: Dependencies) -> FastAPI:
    """Return the ASGI app. The caller closes `dependencies` when the server has stopped."""
    openapi_url = "/openapi.json" if dependencies.docs else None
    app = _App(
        title="Harkara",
        version="1",
        description=_DESCRIPTION,
        openapi_url=openapi_url,
        docs_url=None,
        redoc_url=None,
        telemetry=NO_TELEMETRY,
    )
    app.state.dependencies = dependencies
    app.add_middleware(RequestMiddleware, registry=dependencies.registry)
    add_error_handlers(app)
    send.add_routes(app)
    webhooks.add_routes(app)
    for module in (  # FastAPI tries them in this order: the busiest come first
        messages,
        acts,
        conversations,
        assistant,
        occasions,
        reports,
        uploads,
        new_campaigns,
        campaigns,
        spend,
        alarms,
        health,
    ):
        app.include_router(module.router)
    if dependencies.docs:
        docs.add_page(app)
    return app


class _App(FastAPI):
    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            self.openapi_schema = _with_schema_names(_without_422(super().openapi()))
        return self.openapi_schema


def _without_422(description: dict[str, Any]) -> dict[str, Any]:
    """FastAPI describes a 422 for every parameter. This API answers 400 instead, in Chat Mitra's shape."""
    for path in description["paths"].values():
        for operation in path.values():
            operation["responses"].pop("422", None)
    for unused in ("HTTPValidationError", "ValidationError"):
        description["components"]["schemas"].pop(unused, None)
    return description


def _with_schema_names(description: dict[str, Any]) -> dict[str, Any]:
    text = _REFERENCE.sub(lambda match: _SCHEMA_NAMES.get(match[0], match[0]), json.dumps(description))
    renamed: dict[str, Any] = json.loads(text)
    schemas = {_SCHEMA_NAMES.get(name, name): schema for name, schema in renamed["components"]["schemas"].items()}
    for name, schema in schemas.items():
        schema["title"] = name
    renamed["components"]["schemas"] = dict(sorted(schemas.items()))
    return renamed
