"""What the playbook tests share: the shipped playbook, its codes and answers to judge."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from harkara.answers import Answer, Replied
from harkara.playbook import AttemptContext, Playbook

FILE = Path(__file__).parents[3] / "config" / "playbook.toml"
PLAYBOOK = Playbook.load(FILE)
FIRST = AttemptContext(tries=1, waits=0, resends=0, category="utility", raw=False, seconds_left=86_400)
LATER = AttemptContext(tries=5, waits=0, resends=0, category="utility", raw=False, seconds_left=86_400)

THROTTLING = (
    "4 80007 130429 131048 131056 131064 133016 131047 131026 131049 131050 130472 130403 130497 131021 131030 131043 "
    "137000"
)
TEMPLATES = (
    "132000 132001 132005 132007 132008 132012 132015 132016 132018 132068 132069 134101 134100 134102 131055 131063 "
    "131051 131052 131053 131008 131009 100 135000 131062"
)
ACCOUNT = (
    "0 190 3 10 200 250 299 131005 368 131031 131042 131045 133010 133006 133000 131037 33 134011 133005 133008 133009 "
    "133015 1 2 131000 131016 133004 131057"
)
CODES = f"{THROTTLING} {TEMPLATES} {ACCOUNT}".split()


class NoJitter(random.Random):
    def random(self) -> float:
        return 0.0


class FullJitter(random.Random):
    def random(self) -> float:
        return 1.0


def judge(answer: Answer, context: AttemptContext = FIRST, **options: Any) -> Any:
    return PLAYBOOK.judge(answer, context, NoJitter(), **options)


def code(number: int, status: int = 400) -> Replied:
    return Replied(status, code=str(number), text="what the provider says")
