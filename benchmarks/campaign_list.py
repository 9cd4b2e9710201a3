"""`python -m benchmarks.campaign_list FILE`: checks a list of recipients, then loads it; prints the seconds of CPU."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from config.wiring.shared import campaigns, database
from harkara.campaigns import parse_mapping
from harkara.ledger.campaigns.create import CampaignRequest, create_campaign, make_plan, read_audience
from workers.garbage import collect_less_often

_MAPPING = "to=Mobile", "customer=Name", "collection=City", "offer=Offer", "new_items:=12"
_IMAGE = "image:=https://shop.example.com/diwali.jpg"


def write_list(file: Path, number: int) -> None:
    """Write a list of so many recipients, with a name, a city and an offer each."""
    rows = (f"98{n:08d},Asha {n},Pune,{n % 50} % off\n" for n in range(number))
    file.write_text("Mobile,Name,City,Offer\n" + "".join(rows), encoding="utf-8")


def main(file: Path) -> None:
    db, settings = database(), campaigns()
    request = CampaignRequest(
        name=file.stem,
        lane="default",
        kind="promotional_broadcast",
        source=file.name,
        mapping=parse_mapping([*_MAPPING, _IMAGE]),
        opted_in=True,
    )
    plan = make_plan(request, settings)
    collect_less_often()  # as the HTTP API, which loads the campaigns of the console
    checked = _cpu_seconds(lambda: list(read_audience(db, request, plan, settings, file)))
    loaded = _cpu_seconds(lambda: create_campaign(db, request, settings, file))
    print(json.dumps({"check": checked, "load": loaded}))


def _cpu_seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


if __name__ == "__main__":
    main(Path(sys.argv[1]))
