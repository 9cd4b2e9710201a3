"""Render the pages that code and figures determine: `python -m docs.render` writes them, tests compare them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup

from config.periodic_work import SCHEDULE, WAKE_UPS
from docs import figures
from workers.command import app
from workers.command.outline import Outline

ROOT = Path(__file__).resolve().parent.parent


def settings() -> str:
    """The settings in the order of `.env.example`, which a test compares with the code."""
    lines = [
        "# Settings",
        "",
        "This page is for operators who configure a deployment.",
        "Harkara reads settings from the environment and from `.env`; the environment takes precedence.",
        "An empty value means the default, except for `HARKARA_QUIET_HOURS`, where it means no quiet hours.",
        "Durations are seconds, or a number with a unit: `90s`, `10m`, `2h`, `1d`.",
        "Restart the processes after a change of a setting; `harkara reload` is sufficient after a change of a file.",
    ]
    for section in re.split(r"^# --- (?=\S)", (ROOT / ".env.example").read_text("utf-8"), flags=re.MULTILINE)[1:]:
        title, _, body = section.partition("\n")
        lines += ["", f"## {title.rstrip(' -')}", "", "| name | default | meaning |", "| --- | --- | --- |"]
        for comment, name, value in re.findall(r"((?:^# .*\n)+)^#?([A-Z_]+)=(.*)$", body, re.MULTILINE):
            meaning = " ".join(line.removeprefix("# ") for line in comment.splitlines())
            lines.append(f"| `{name}` | {_code(value)} | {_cell(meaning)} |")
    return _page(
        [*lines, "", "Next: [deploy](../how-to/deploy.md), [use several accounts](../how-to/use-several-accounts.md)."]
    )


def command() -> str:
    """Every command with its arguments, options and examples."""
    root = typer.main.get_command(app)
    lines = [
        "# Command",
        "",
        "This page is for operators and developers who use the `harkara` command.",
        "The command is in `.venv/bin` after `make up`, and in the image.",
        "Run it in the folder of the deployment, or with the same environment variables as its processes.",
        "",
        "Every command has `--help`. With `--json` it prints one JSON document, even for an error.",
        "",
        "| exit code | meaning |",
        "| --- | --- |",
        *(f"| {code} | {meaning} |" for code, meaning in EXIT_CODES),
    ]
    for path, found in _commands(root, ("harkara",)):
        lines += ["", f"## {' '.join(path)}", "", _text(found.help), *_usage(found, path), *_parameters(found)]
    return _page([*lines, "", "Next: [solve problems](../how-to/solve-problems.md), [states](../lifecycle.md)."])


def error_codes() -> str:
    """The playbook, a row for each error code or HTTP status."""
    playbook: dict[str, Any] = tomllib.loads((ROOT / "config" / "playbook.toml").read_text("utf-8"))
    lines = [
        "# Error codes",
        "",
        "This page is for operators and developers who look up what an error code means.",
        "It shows `config/playbook.toml`. To change it, edit that file and run `harkara reload`.",
        "",
        "| class | what Harkara does |",
        "| --- | --- |",
        *(f"| `{name}` | {meaning} |" for name, meaning in CLASSES),
        "",
        "| code or status | class | also pauses | meaning and next step |",
        "| --- | --- | --- | --- |",
    ]
    for kind, entries in playbook.items():
        for entry in entries if isinstance(entries, list) else ():
            on = ", ".join(f"`{code}`" for code in entry["on"]) or kind
            said = dict.fromkeys(filter(None, (entry.get("meanwhile"), entry["sentence"])))
            meaning = " After the last try: ".join(map(_cell, said))
            lines.append(f"| {on} | `{entry['class']}` | {entry.get('pause', '')} | {meaning} |")
    return _page([*lines, "", "Next: [solve problems](../how-to/solve-problems.md), [states](../lifecycle.md)."])


def schedule() -> str:
    """The periodic work with its runners, and the wake-ups."""
    lines = [
        "# Schedule",
        "",
        "This page is for operators and developers who want to know which process does what, and when.",
        "`config/periodic_work.py` lists all periodic work: what threads of every worker run, and what beat publishes.",
        "A lease in the database lets only one worker do shared work in each interval.",
        "",
        "| work | in every worker | thread | task of beat | published |",
        "| --- | --- | --- | --- | --- |",
    ]
    for work in SCHEDULE.values():
        worker, beat = work.worker, work.beat
        in_worker = (
            (f"every {worker.seconds:g} s" if worker.seconds else "at once", f"`{worker.thread}`")
            if worker
            else ("", "")
        )
        by_beat = (f"`{beat.task}`", f"every {beat.seconds:g} s") if beat else ("", "")
        lines.append(f"| {' | '.join((work.purpose, *in_worker, *by_beat))} |")
    lines += [
        "",
        "A wake-up publishes a task at once, so that the next step does not wait for the periodic work.",
        "",
        "| cause | task |",
        "| --- | --- |",
        *(f"| {wake_up.cause} | `{wake_up.task}` |" for wake_up in WAKE_UPS),
    ]
    return _page([*lines, "", "Next: [how the code works](../internals.md), [monitor](../how-to/monitor.md)."])


EXIT_CODES = (
    (0, "success"),
    (1, "an error"),
    (2, "wrong usage"),
    (3, "not found"),
    (4, "refused by a rule"),
    (5, "a service is unreachable"),
)

CLASSES = (
    ("retry", "sends the message again after a delay; each time costs one of its tries"),
    ("wait", "sends the message again after a delay; this costs no try"),
    ("template", "sends the fallback template instead; without one, ends the message as `failed`"),
    ("permanent", "ends the message as `failed`"),
    ("operator", "makes the message wait, for a time or until an operator acts"),
    ("uncertain", "follows the policy of the message's category, since the message may have arrived"),
)

PAGES: dict[str, Callable[[], str]] = {
    "settings.md": settings,
    "command.md": command,
    "error-codes.md": error_codes,
    "schedule.md": schedule,
}

WITH_FIGURES = {"README.md": figures.readme, "docs/figures.md": figures.page}
"""Documents with figures of the benchmarks: given the document and the run, they return it with this run's tables."""


def _commands(found: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], TyperCommand]]:
    if not isinstance(found, TyperGroup):
        yield path, found
        return
    for name, below in found.commands.items():
        if not below.hidden:
            yield from _commands(below.build() if isinstance(below, Outline) else below, (*path, name))


def _usage(found: TyperCommand, path: Sequence[str]) -> Iterator[str]:
    pieces = found.collect_usage_pieces(found.context_class(found, info_name=path[-1]))
    yield from ("", "```text", " ".join((*path, *pieces)), "```")
    epilog = (found.epilog or "").replace(" \\\n", " ")  # one line here, several in a terminal
    examples = re.findall(r"Example: (.*(?:\n(?!Example:|\n).*)*)", epilog)
    if examples:
        yield from ("", "For example:", "", "```text", *(" ".join(example.split()) for example in examples), "```")


def _parameters(found: TyperCommand) -> Iterator[str]:
    rows = [_parameter(parameter) for parameter in found.params if not {"--help", "--json"} & {*parameter.opts}]
    if rows:
        yield from ("", "| argument or option | meaning |", "| --- | --- |", *rows)


def _parameter(parameter: Any) -> str:
    name = (parameter.metavar or parameter.name) if isinstance(parameter, TyperArgument) else ", ".join(parameter.opts)
    return f"| `{name}` | {_cell(parameter.help or '')} |"


def _text(text: str | None) -> str:
    return " ".join((text or "").split())


def _cell(text: str) -> str:
    return _text(text).replace("|", "\\|")


def _code(value: str) -> str:
    return f"`{value}`" if value else ""


def _page(lines: Sequence[str]) -> str:
    return "\n".join(lines) + "\n"


def main() -> None:
    for name, render in PAGES.items():
        (ROOT / "docs" / "reference" / name).write_text(render(), encoding="utf-8")
    for file, with_figures in WITH_FIGURES.items():
        (ROOT / file).write_text(with_figures((ROOT / file).read_text("utf-8"), figures.load()), encoding="utf-8")


if __name__ == "__main__":
    main()
