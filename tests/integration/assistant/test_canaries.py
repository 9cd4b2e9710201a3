"""Nothing personal or secret is in any request to the model."""

from __future__ import annotations

import json

from harkara.assistant.lookups import LookupData, Lookups, LookupTool
from harkara.assistant.model import make_prompt
from harkara.assistant.model_rules import LookupRules
from harkara.assistant.privacy import redact_talk
from tests.integration.assistant.models import ASHA, HOURS, model_at, talk
from tests.integration.assistant.test_lookups import ORDER
from tests.integration.sandbox.process import Sandbox

CANARIES = {
    "card": "4111 1111 1111 1111",
    "Aadhaar": "2345 6789 0124",
    "PAN": "ABCPE1234F",
    "password": "Gulmohar#71",
    "code": "482913",
    "other number": "+91 98998 99999",
    "own number": "+91 98123 45678",
    "name": "Asha Rao",
}
SAID = (
    f"Hi, I am {CANARIES['name']}, my number is {CANARIES['own number']}",
    f"my card is {CANARIES['card']} and my Aadhaar is {CANARIES['Aadhaar']}, PAN {CANARIES['PAN']}",
    f"my password is {CANARIES['password']} and the OTP is {CANARIES['code']}",
    f"call my friend on {CANARIES['other number']}: when are you open, and where is order A-1042?",
)


def test_no_request_to_the_model_has_a_canary(sandbox: Sandbox) -> None:
    asked = talk(*SAID)
    answer = LookupData(json.dumps({"state": "sent", "for": CANARIES["name"], "call": CANARIES["own number"]}).encode())
    tools = {"order": LookupTool(LookupRules.model_validate(ORDER), lambda identity, body: answer)}
    lookups = Lookups(tools, asked, lambda texts: redact_talk(asked, texts).texts[len(asked.said) :])

    with model_at(sandbox.url) as model:
        sandbox.set(model_behavior="calls-tools")
        model.ask(make_prompt(asked, redact_talk(asked).texts, [HOURS]), lookups)

    sent = json.dumps([entry["body"] for entry in sandbox.get("/_sandbox/model")["requests"]], ensure_ascii=False)
    digits = "".join(each for each in sent if each.isdigit())
    assert "[card-1]" in sent
    assert "lookup:order" in sent
    left = [name for name, value in CANARIES.items() if value in sent]
    numbers = [value for value in CANARIES.values() if sum(map(str.isdigit, value)) > 5]
    left += [value for value in numbers if "".join(filter(str.isdigit, value)) in digits]
    assert left == []
    assert ASHA[2:] not in digits
