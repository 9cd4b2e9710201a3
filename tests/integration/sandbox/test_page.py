"""The page shows messages as plain text."""

from __future__ import annotations

import re
from typing import Any

from tests.integration.sandbox.process import ASHA, Sandbox
from tests.integration.sandbox.test_messages import ACCEPTED

ATTACK = "<script>alert(1)</script>"


def page(sandbox: Sandbox, path: str = "/") -> str:
    answer = sandbox.http.get(sandbox.url + path, timeout=60)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    return answer.text


def test_an_empty_page_explains_how_to_send_the_first_message(sandbox: Sandbox) -> None:
    assert "/send_message" in page(sandbox)


def test_every_kind_of_message_is_shown(sandbox: Sandbox) -> None:
    for kind, content in ACCEPTED:
        sandbox.send_raw(kind, content)
    sandbox.send_template(parameters=[{"type": "text", "text": "₹1,299"}])

    html = page(sandbox)

    assert html.count('<li class="bubble') == len(ACCEPTED) + 1
    for shown in ("product-image.jpg", "cloudinary.com", "Invoice 4711.pdf", "Clinic", "Dr. Iyer", "👍🏽", "₹1,299"):
        assert shown in html


def test_markup_in_names_is_shown_and_not_run(sandbox: Sandbox) -> None:
    sandbox.send(customer_name=ATTACK)
    sandbox.send_raw("contacts", [{"name": {"formatted_name": ATTACK}}])

    answer = sandbox.get("/live")
    for html in (page(sandbox), *answer["parts"].values()):
        assert ATTACK not in html
    assert page(sandbox).count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 2


def test_the_page_loads_nothing_from_other_hosts(sandbox: Sandbox) -> None:
    sandbox.send_raw("image", {"link": "https://cloudinary.com/product-image.jpg"})

    html = page(sandbox)

    assert {source for source in re.findall(r'(?:src|href|action)="([^"]*)"', html) if "//" in source} == set()
    assert "url(" not in sandbox.http.get(f"{sandbox.url}/page.css", timeout=60).text
    assert sandbox.http.get(f"{sandbox.url}/page.js", timeout=60).headers["Content-Type"].startswith("text/javascript")


def test_numbers_are_masked_on_the_page_and_in_its_links(sandbox: Sandbox) -> None:
    sandbox.send()

    html = page(sandbox)

    assert ASHA not in html
    assert "•••••••••678" in html


def test_a_conversation_opens_by_its_link(sandbox: Sandbox) -> None:
    sandbox.send(message="For Asha")
    sandbox.send(to="919000000009", message="For someone else")
    link = re.findall(r'href="(/\?with=\w+)"', page(sandbox))[1]

    html = page(sandbox, link)

    assert "<p>For Asha</p>" in html
    assert "<p>For someone else</p>" not in html


def test_a_second_acceptance_of_the_same_content_is_marked(sandbox: Sandbox) -> None:
    sandbox.send()
    assert "again" not in page(sandbox)

    sandbox.send()
    assert page(sandbox).count('class="again"') == 1


def test_the_page_polls_for_changes_only(sandbox: Sandbox) -> None:
    sandbox.send()
    version = sandbox.get("/live")["version"]

    unchanged = sandbox.http.get(f"{sandbox.url}/live", params={"seen": version}, timeout=60)
    sandbox.set(markers=True)
    changed = sandbox.http.get(f"{sandbox.url}/live", params={"seen": version}, timeout=60)

    assert (unchanged.status_code, unchanged.content) == (204, b"")
    assert changed.status_code == 200


def test_malformed_requests_are_shown_too(sandbox: Sandbox) -> None:
    bodies: list[Any] = [[], {"recipient_mobile_number": 5}, {"recipient_mobile_number": "x", "customer_name": [1]}]
    for body in bodies:
        sandbox.post(body)

    assert "not a number" in page(sandbox)
