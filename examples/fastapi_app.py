"""A FastAPI application that sends a text. Start: `uvicorn --factory examples.fastapi_app:create_app`."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from harkara import AsyncClient, Invalid, Unavailable


class Customer(BaseModel):
    to: str


def create_app(redis_url: str | None = None) -> FastAPI:
    client = AsyncClient(redis_url or os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0"), producer="shop")

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with client:
            yield

    app = FastAPI(lifespan=lifespan)

    @app.post("/orders/{order}/ready", status_code=202)
    async def order_ready(order: str, customer: Customer) -> dict[str, str]:
        handle = await client.send("Your order is ready.", to=customer.to, reference=f"order-{order}-ready")
        return {"id": handle.id}

    @app.exception_handler(Invalid)
    async def refuse(request: Request, error: Invalid) -> JSONResponse:
        return JSONResponse({"message": str(error)}, 400)  # names the field and the rule, never the value

    @app.exception_handler(Unavailable)
    async def ask_to_repeat(request: Request, error: Unavailable) -> JSONResponse:
        return JSONResponse({"message": str(error)}, 503, {"Retry-After": "5"})  # the same reference is one message

    return app
