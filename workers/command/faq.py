"""`harkara faq`: import the questions that the assistant answers, try them, and list those without an answer."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workers.command.deployment import configured, ledger
from workers.command.local_time import LocalTime
from workers.command.options import AsJson
from workers.command.output import ERROR, REFUSED, emit, note, print_line, table

if TYPE_CHECKING:
    from harkara.assistant.knowledge.retrieval import FaqIndex

app = typer.Typer(no_args_is_help=True, help="Import, try and complete the questions that the assistant answers.")

File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, metavar="FILE.csv", help="The CSV file.")]


@app.command("import", epilog="Example: harkara faq import faq.csv --replace")
def import_(
    file: File,
    replace: Annotated[bool, typer.Option("--replace", help="Remove all entries that are not in the file.")] = False,
    as_json: AsJson = False,
) -> None:
    """Add the rows of a CSV file to config/faq.toml: id, language, questions, answer, valid_until, buttons, synonyms.

    With --replace, nothing is written if a row is rejected.
    """
    from config.settings import settings
    from harkara.assistant.knowledge.faq import Faq
    from harkara.assistant.knowledge.faq_import import read_csv, write_toml

    target = settings().faq_file
    kept = () if replace else Faq.load(target).entries
    found = read_csv(file, datetime.now().astimezone().date(), kept)
    written = bool(found.entries) and not (replace and found.rejected)
    if written:
        write_toml(target, [*kept, *found.entries])
    if as_json:
        rejected = [{"row": each.row, "reason": each.reason} for each in found.rejected]
        emit({"written": len(found.entries) if written else 0, "rejected": rejected})
    else:
        table(("row", "reason"), ((each.row, each.reason) for each in found.rejected)) if found.rejected else None
        print_line(f"{len(found.entries) if written else 0} entries written to {target}")
        note("Run `harkara reload`, so that the workers use them." if written else "Nothing was written.")
    if found.rejected:
        raise typer.Exit(REFUSED)


@app.command("test", epilog="Example: harkara faq test 'order kab aayega'")
def try_question(
    question: Annotated[str | None, typer.Argument(help="A question, as a customer writes it.")] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="CSV file of questions with the expected entry, empty for none."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show which entries a question finds, or how many questions of a file find the expected one.

    Exits with 1 if a question of the file finds another entry than the expected one.
    """
    if (question is None) == (file is None):
        raise typer.BadParameter("give a question, or --file", param_hint="QUESTION")
    index = _index()
    if file:
        _measure(index, file, as_json)
    elif question:
        _show(index, question, as_json)


@app.command(epilog="Example: harkara faq gaps --days 7")
def gaps(
    lane: Annotated[str | None, typer.Option(help="Only of this lane.")] = None,
    days: Annotated[int, typer.Option(min=1, max=365, help="Only of the last days.")] = 30,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Largest number of rows.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List the questions that the assistant could not answer, the most frequent first.

    Of the newest 1,000 such questions. Personal data is replaced by placeholders, and numbers by #.
    """
    from harkara.assistant.knowledge.gaps import group_gaps
    from harkara.chatmitra.webhooks import parse
    from harkara.ledger.conversations.gaps import list_unanswered

    with ledger() as db:
        asked = list_unanswered(db, [lane] if lane else [*configured()], parse, days=days)
    found, erased = group_gaps(asked), sum(not each.texts for each in asked)
    if as_json:
        rows = [
            {"question": each.question, "times": each.times, "last_at": each.last_at.isoformat()}
            for each in found[:limit]
        ]
        emit({"gaps": rows, "erased": erased})
        return
    local = LocalTime()
    rows_ = ((each.times, local.show(each.last_at, lane), each.question) for each in found[:limit])
    table(("times", "last", "question"), rows_) if found else print_line("No questions without an answer.")
    if erased:
        note(f"The words of {erased} more questions are erased or not stored.")


def _index() -> FaqIndex:
    from config.settings import settings
    from harkara.assistant.knowledge.faq import Faq
    from harkara.assistant.knowledge.retrieval import FaqIndex
    from harkara.assistant.knowledge.words import Synonyms

    return FaqIndex(Faq.load(settings().faq_file), Synonyms.load(settings().synonyms_file))


def _show(index: FaqIndex, question: str, as_json: bool) -> None:
    hits, answer = index.find(question), index.answer(question)
    if as_json:
        rows = [{"entry": each.entry, "score": each.score, "question": each.question} for each in hits]
        emit({"answer": answer.entry if answer else None, "found": rows})
        return
    if hits:
        table(
            ("entry", "score", "nearest question"), ((each.entry, f"{each.score:.2f}", each.question) for each in hits)
        )
    print_line(f"The assistant answers with {answer.entry}." if answer else "The assistant answers with no entry.")


def _measure(index: FaqIndex, file: Path, as_json: bool) -> None:
    from harkara.assistant.knowledge.expectations import load_expectations, measure

    def find(question: str) -> str | None:
        hit = index.answer(question)
        return hit.entry if hit else None

    measured = measure(load_expectations(file), find)
    wrong = [each for each in measured.judged if each.verdict in ("missed", "other", "false")]
    if as_json:
        rows = [{"question": each.question, "expected": each.expected, "found": each.found} for each in wrong]
        emit({"recall": round(measured.recall, 4), "false": round(measured.false_share, 4), "misses": rows})
    else:
        rows_ = ((each.verdict, each.question, each.expected, each.found) for each in wrong)
        table(("", "question", "expected", "found"), rows_) if wrong else None
        others = len(measured.judged) - measured.answerable
        print_line(f"{measured.count('hit')} of {measured.answerable} questions found their entry.")
        print_line(f"{measured.count('false')} of {others} questions without an entry were answered.")
    if measured.count("other") + measured.count("false"):
        raise typer.Exit(ERROR)
