"""A one-time password behind a campaign: from the client's call to its POST."""

from __future__ import annotations

import time
from dataclasses import dataclass

from benchmarks.about import About
from benchmarks.environment import Environment
from benchmarks.figure import Figure, at_most
from benchmarks.messages import envelopes, recipient
from harkara import Template
from harness.waiting import wait_until

CAMPAIGN = 10_000

ABOUT = About(
    "A one-time password behind a campaign",
    "Two workers send a campaign through a limit; then codes come one at a time. A time is from the client's call to "
    "the arrival of the POST; the goal is one slot of the limit plus a second.",
    "a percentile, for which there are too few codes; the network; and what Chat Mitra takes.",
)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A lane's limit and slot, the POSTs until its campaign is steady, the number of codes, and their interval."""

    limit: str
    slot: float
    steady: int
    codes: int
    interval: float


SCENARIOS = (
    Scenario("20/20s", slot=1.01, steady=12, codes=6, interval=6.0),
    Scenario("80/1s", slot=0.0127, steady=240, codes=20, interval=0.73),
)


def measure(environment: Environment, quick: bool) -> list[Figure]:
    campaign, scenarios = (CAMPAIGN // 10, SCENARIOS[1:]) if quick else (CAMPAIGN, SCENARIOS)
    return [_measure_scenario(environment, scenario, campaign, quick) for scenario in scenarios]


def _measure_scenario(environment: Environment, scenario: Scenario, campaign: int, quick: bool) -> Figure:
    codes = 2 if quick else scenario.codes
    called: dict[str, float] = {}
    with environment.deploy(limit=scenario.limit) as deployment, deployment.client() as client:
        client.send_many(envelopes(campaign, category="marketing"))
        deployment.start_workers()
        wait_until(lambda: deployment.api.count_posts() >= scenario.steady, 60, "the campaign runs")
        for n in range(campaign, campaign + codes):
            code = Template("login_code", body=[f"{100_000 + n}"], category="authentication")
            called[recipient(n)] = time.time()
            client.send(code, to=recipient(n))
            time.sleep(scenario.interval)
        wait_until(lambda: called.keys() <= deployment.api.arrivals().keys(), 60, "every code is sent")
        arrivals = deployment.api.arrivals()
    waits = [arrivals[to] - at for to, at in called.items()]
    what = f"a code behind {campaign:,} marketing messages at {scenario.limit}, worst of all"
    return Figure(what, "s", [max(waits)], at_most(round(scenario.slot + 1, 2)), codes)
