"""A Flask application that sends a text. Start: `flask --app examples.flask_app run`."""

from __future__ import annotations

import os

from flask import Flask, request
from flask.typing import ResponseReturnValue

from harkara import Client, Invalid, Unavailable


def create_app(redis_url: str | None = None) -> Flask:
    app = Flask(__name__)
    client = Client(redis_url or os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0"), producer="shop")

    @app.post("/orders/<order>/ready")
    def order_ready(order: str) -> ResponseReturnValue:
        to = request.get_json()["to"]
        handle = client.send("Your order is ready.", to=to, reference=f"order-{order}-ready")
        return {"id": handle.id}, 202

    @app.errorhandler(Invalid)
    def refuse(error: Invalid) -> ResponseReturnValue:
        return {"message": str(error)}, 400  # names the field and the rule, never the value

    @app.errorhandler(Unavailable)
    def ask_to_repeat(error: Unavailable) -> ResponseReturnValue:
        return {"message": str(error)}, 503, {"Retry-After": "5"}  # the same reference is one message

    return app
