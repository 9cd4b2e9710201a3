"""A one-time password behind a campaign: from its hand-over to its POST."""

from __future__ import annotations

import time
from dataclasses import dataclass

from benchmarks.figures import Figure, at_most
from benchmarks.ground import Ground, messages
from benchmarks.letters import recipient
from harkara import Template
from harness.waiting import wait_until

CAMPAIGN = 10_000


@dataclass(frozen=True, slots=True)
class Scene:
    """A lane, how many POSTs until its campaign runs evenly, and how many codes come how often."""

    limit: str
    slot: float
    running: int
    codes: int
    every: float


SCENES = (
    Scene("20/20s", slot=1.01, running=12, codes=6, every=6.0),
    Scene("80/1s", slot=0.0127, running=240, codes=20, every=0.73),
)


def measure(ground: Ground, quick: bool) -> list[Figure]:
    campaign = CAMPAIGN // 10 if quick else CAMPAIGN
    return [_behind(ground, scene, campaign, quick) for scene in SCENES]


def _behind(ground: Ground, scene: Scene, campaign: int, quick: bool) -> Figure:
    codes = 2 if quick else scene.codes
    handed: dict[str, float] = {}
    with ground.harkara(limit=scene.limit) as harkara, harkara.client() as client:
        client.send_many(messages(campaign, category="marketing"))
        harkara.start_workers()
        wait_until(lambda: harkara.api.seen() >= scene.running, 60, "the campaign runs")
        for n in range(campaign, campaign + codes):
            code = Template("login_code", body=[f"{100_000 + n}"], category="authentication")
            handed[recipient(n)] = time.time()
            client.send(code, to=recipient(n))
            time.sleep(scene.every)
        wait_until(lambda: handed.keys() <= harkara.api.arrivals().keys(), 60, "every code is sent")
        arrivals = harkara.api.arrivals()
    waits = [arrivals[to] - at for to, at in handed.items()]
    what = f"a code behind {campaign:,} marketing messages at {scene.limit}, worst of {codes}"
    return Figure(what, "s", [max(waits)], at_most(round(scene.slot + 1, 2)))
