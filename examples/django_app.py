"""A Django project in one file that sends a text. Start: `python -m examples.django_app runserver`."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from functools import cache

from django.conf import settings
from django.core.management import execute_from_command_line
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from harkara import Client, Invalid, Unavailable


@cache
def client() -> Client:
    """The client of this process, opened at the first use: after the server has forked."""
    return Client(settings.HARKARA_REDIS_URL, producer="shop")


@csrf_exempt
@require_POST
def order_ready(request: HttpRequest, order: str) -> HttpResponse:
    to = json.loads(request.body)["to"]
    handle = client().send("Your order is ready.", to=to, reference=f"order-{order}-ready")
    return JsonResponse({"id": handle.id}, status=202)


class HarkaraErrors:
    """Middleware: a broken rule is 400 for every view, and a service that does not answer is 503."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, Invalid):
            return JsonResponse({"message": str(error)}, status=400)  # names the field and the rule, never the value
        if isinstance(error, Unavailable):  # the same reference is one message
            return JsonResponse({"message": str(error)}, status=503, headers={"Retry-After": "5"})
        return None


urlpatterns = [path("orders/<str:order>/ready", order_ready)]


def configure(redis_url: str) -> None:
    settings.configure(
        ALLOWED_HOSTS=["127.0.0.1", "localhost", "testserver"],
        ROOT_URLCONF=__name__,
        MIDDLEWARE=[f"{__name__}.HarkaraErrors"],
        HARKARA_REDIS_URL=redis_url,
    )
    get_wsgi_application()


if __name__ == "__main__":
    configure(os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0"))
    execute_from_command_line(sys.argv)
