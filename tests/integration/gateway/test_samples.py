"""The samples in Chat Mitra's API documentation work with only the URL changed.

The tests read the samples from the documentation's text and restore the indentation and backslashes that it lost.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from ast import literal_eval
from collections.abc import Iterator

import pytest

from harness.process import ROOT
from tests.integration.gateway.harness import TOKEN, Server, start_server
from tests.integration.ledger.steps import row

TEXTS = sorted((ROOT.parent / "shared" / "seeds").glob("*.txt"))

pytestmark = pytest.mark.skipif(not TEXTS, reason="the API documentation's text is not beside this repository")


@pytest.fixture(scope="module")
def documentation() -> str:
    return "\n".join(path.read_text() for path in TEXTS)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with start_server(tmp_path_factory.mktemp("web")) as found:
        yield found


def test_the_python_sample_sends(documentation: str, server: Server) -> None:
    program = "import requests\n" + between(documentation, "\npython\nimport requests\n", "\nYour message is queued")
    found = literal_eval(run(sys.executable, indented(program), server))
    assert found == {"status": "success", "message": "Request queued", "jobId": found["jobId"]}
    assert json.loads(row(server.ledger, found["jobId"])["body"]) == {
        "recipient_mobile_number": "919999999999",
        "message": "Hello! Your order #12345 is ready for pickup 📦",
    }


def test_the_first_request_of_the_documentation_is_accepted(documentation: str, server: Server) -> None:
    body = between(documentation, "\nRequest\njson\n", "\nPreview\n")
    status, text = server.request(
        "POST", "/developer/api/send_message", body.encode(), {"Content-Type": "application/json"}
    )
    assert status == 202, text


def test_the_csharp_sample_sends_its_bytes_and_its_headers(documentation: str, server: Server) -> None:
    sample = between(documentation, "\nusing System;\n", "\nswift (ios)")
    payload = between(sample, 'string payload = @"', '";').replace('""', '"')
    stray = dict(re.findall(r'DefaultRequestHeaders\.Add\("(ContentType)", "([^"]+)"\)', sample))
    assert stray == {"ContentType": "application/json"}
    # StringContent(payload, Encoding.UTF8, "application/json") adds the charset.
    headers = stray | {"Content-Type": "application/json; charset=utf-8"}
    status, text = server.request("POST", "/developer/api/send_message", payload.encode(), headers)
    assert status == 202, text
    assert row(server.ledger, json.loads(text)["jobId"])["kind"] == "image"


def test_the_kotlin_sample_sends_its_bytes_and_its_headers(documentation: str, server: Server) -> None:
    sample = between(documentation, "\nkotlin (android)\nimport okhttp3", "\nHow to Get")
    payload = between(sample, '"""\n', '\n""".trimIndent()')
    # OkHttp lets the body's media type win over the header, and toRequestBody adds the charset.
    headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "okhttp/4.12.0"}
    status, text = server.request("POST", "/developer/api/send_message", payload.encode(), headers)
    assert status == 202, text
    assert row(server.ledger, json.loads(text)["jobId"])["kind"] == "image"


def test_a_body_from_curl_without_a_content_type_is_accepted(documentation: str, server: Server) -> None:
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("no curl on this machine")
    body = between(documentation, "\nRequest\njson\n", "\nPreview\n")
    command = [curl, "-sS", "-H", f"Authorization: Bearer {TOKEN}", "-H", "Content-Type:", "--data-binary", body]
    done = subprocess.run([*command, f"{server.url}/send_message"], capture_output=True, text=True, timeout=60)
    assert json.loads(done.stdout)["status"] == "success", done.stderr


def test_a_number_that_the_node_sample_cleans_is_accepted(documentation: str, server: Server) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node on this machine")
    sample = "function" + between(documentation, "\nnode.js\nfunction", "\npython\n").replace("/D/g", r"/\D/g")
    numbers = run(node, re.sub(r"^(cleanPhoneNumber\(.*?\));", r"console.log(\1);", sample, flags=re.MULTILINE), server)
    assert numbers.split() == ["919999999999"] * 2
    for number in numbers.split():
        assert server.post({"recipient_mobile_number": number, "message": "Hello"})[0] == 202


def between(text: str, start: str, end: str) -> str:
    assert start in text, f"the documentation no longer has {start!r}"
    return text.partition(start)[2].partition(end)[0]


def indented(program: str) -> str:
    """Restore the indentation of a program in which only `except` ends a block."""
    lines, depth = [], 0
    for line in program.splitlines():
        depth -= line.startswith("except")
        lines.append("    " * depth + line)
        depth += line.endswith(":")
    return "\n".join(lines)


def run(tool: str, program: str, server: Server) -> str:
    environment = {"CHATMITRA_API_TOKEN": TOKEN, "CHATMITRA_API_URL": f"{server.url}/developer/api/send_message"}
    option = "-e" if tool.endswith("node") else "-c"
    done = subprocess.run([tool, option, program], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{program}\n{done.stderr}"
    return done.stdout.strip()
