"""`harkara goals`: what was measured for the goals, and the goals as rules of Prometheus or a dashboard of Grafana."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from workers.command.deployment import ledger
from workers.command.local_time import LocalTime
from workers.command.options import AsJson
from workers.command.output import emit, print_line, table

if TYPE_CHECKING:
    from harkara.goals import Goals

app = typer.Typer(no_args_is_help=True, help="Show the goals and what was measured; export them.")


@app.command("list", epilog="Example: harkara goals list")
def listing(as_json: AsJson = False) -> None:
    """List the goals with their limits and what a worker measured last."""
    from harkara.ledger.alarms.record import list_goals

    with ledger() as db:
        found = list_goals(db)
    if as_json:
        emit({"goals": [each._asdict() for each in found]})
        return
    if not found:
        print_line("Nothing was measured: does a worker run, and has config/goals.toml a goal?")
        return
    local, goals = LocalTime(), _goals().by_name
    table(
        ("goal", "lane", "subject", "", "finding", "since"),
        (
            (
                each.goal,
                each.lane,
                each.subject,
                "MISSED" if each.missed else "met",
                "nothing to judge"
                if each.value is None or each.goal not in goals
                else goals[each.goal].sentence(each.value),
                local.show(each.since, each.lane),
            )
            for each in found
        ),
    )


@app.command(epilog="Example: harkara goals export prometheus > harkara.rules.yml")
def export(
    to: Annotated[Literal["prometheus", "grafana"], typer.Argument(metavar="prometheus|grafana", help="The program.")],
) -> None:
    """Print the goals as alert rules for Prometheus, or as a dashboard for Grafana."""
    from harkara.goals.grafana import render_dashboard
    from harkara.goals.prometheus import render_rules

    render = render_rules if to == "prometheus" else render_dashboard
    typer.echo(render(_goals()))


def _goals() -> Goals:
    from config.settings import settings
    from harkara.goals import Goals

    return Goals.load(settings().goals_file)
