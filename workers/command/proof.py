"""`harkara proof`: a file that proves what happened to one message, and its check."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from harkara.errors import Invalid
from workers.command.deployment import ledger
from workers.command.options import AsJson, Key, LaneOf
from workers.command.output import emit, note, print_line
from workers.command.rows import open_private


class ProofCommands(TyperGroup):
    """The group whose command `write` needs no name: `harkara proof ID`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        named = not args or args[0].startswith("-") or args[0] in self.commands
        return super().parse_args(ctx, args if named else ["write", *args])


app = typer.Typer(
    cls=ProofCommands, no_args_is_help=True, help="Write the proof of what happened to a message, or check one."
)


@app.command(epilog="Example: harkara proof order-1042 --out proof.json")
def write(
    key: Key,
    lane: LaneOf = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE.json", help="File to write; default stdout.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE.html", help="The same as a page to read.")
    ] = None,
    pdf: Annotated[
        Path | None, typer.Option("--pdf", metavar="FILE.pdf", help="The same to print; needs Chromium or Chrome.")
    ] = None,
) -> None:
    """Write the proof of a message: consent, text, attempts, states, and digests of webhooks.

    `write` may be left out. The same state of the ledger gives the same file, byte by byte. It has the number and the
    text of the message. With --html or --pdf, nothing is written to stdout; only the JSON can be verified.
    """
    from harkara.ledger.messages.proof import collect_evidence
    from harkara.ledger.messages.queries import find_id
    from harkara.proof import proof_of
    from workers.command.preview import preview_request

    with ledger() as db:
        evidence = collect_evidence(db, find_id(db, key, lane))
    file = proof_of(evidence, preview_request(evidence.body) if evidence.body else [])
    if out is None and html is None and pdf is None:
        typer.echo(file, nl=False)
    if out:
        _write(out, "out", file)
    if html:
        _write(html, "html", _page(file).encode())
    if pdf:
        from workers.command.chromium import print_to_pdf

        _write(pdf, "pdf", print_to_pdf(_page(file)))


@app.command(epilog="Example: harkara proof verify proof.json")
def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file of `harkara proof`.")], as_json: AsJson = False
) -> None:
    """Check that no byte of a proof was changed; exits with 4 otherwise. It needs no ledger.

    Compare the digest that it prints with the one that you noted when the proof was written.
    """
    from harkara.proof import verify_proof

    try:
        content = file.read_bytes()
    except OSError as error:
        raise Invalid("file", f"cannot be read: {error.strerror}") from None
    proof = verify_proof(content)
    message, days = proof["head"]["message"], [day["day"] for day in proof["days"]]
    if as_json:
        emit({"id": message["id"], "state": message["state"], "days": days, "digest": proof["digest"]})
        return
    print_line(f"Unchanged. Message {message['id']}, {message['state']}, days: {', '.join(days) or 'none'}")
    print_line(f"Digest {proof['digest']}")


def _page(file: bytes) -> str:
    from harkara.proof_page import proof_page

    return proof_page(json.loads(file))


def _write(path: Path, option: str, content: bytes) -> None:
    with open_private(path, option) as file:
        file.buffer.write(content)
    note(f"Wrote {path}.")
