"""The parts of a deployment that the pages use."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Annotated, Any, Protocol, cast
from zoneinfo import ZoneInfo

from fastapi import Depends, Request

from harkara.assistant.rules import AssistantRules
from harkara.backends.ledger import LedgerBackend
from harkara.catalogue import Catalogue
from harkara.console.passwords import FailedPasswords, Passwords
from harkara.gateway.addresses import peer_of
from harkara.health.sources import Sources
from harkara.lanes import Lane
from harkara.ledger.campaigns.create import CampaignSettings
from harkara.ledger.database import Database
from harkara.ledger.users.acts import Actor
from harkara.money.prices import Prices
from harkara.occasions import ReminderPlan
from harkara.playbook import Playbook


@dataclass(frozen=True, slots=True)
class ProxyUser:
    """A header in which a proxy names the user, and the networks of the proxies that are believed.

    With it the console has no passwords and no links: the proxy signs people in.
    """

    header: str
    proxies: Sequence[IPv4Network | IPv6Network]

    def name(self, request: Request) -> str | None:
        """Return the name that a proxy of these networks gives, None if another peer asks or the header is missing."""
        values = request.headers.getlist(self.header)
        if len(values) != 1 or not self._believes(peer_of(request)):
            return None
        return values[0].encode("latin-1").decode("utf-8", "replace").strip() or None

    def _believes(self, peer: str) -> bool:
        try:
            address = ip_address(peer)
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None) or address
        return any(mapped in network for network in self.proxies)


class Files(Protocol):
    """What the files of `config/` say."""

    @property
    def lanes(self) -> Mapping[str, Lane]: ...
    @property
    def plan(self) -> ReminderPlan: ...
    @property
    def playbook(self) -> Playbook: ...
    @property
    def prices(self) -> Prices: ...
    @property
    def assistant(self) -> AssistantRules: ...


@dataclass(frozen=True, slots=True)
class Console:
    """What the pages use.

    `backend` sends messages and saves occasions, as it does for the HTTP API. `files` returns what the files of
    `config/` said when they were read last, and `campaigns` what they say about campaigns. `lanes` are the names of the
    configured lanes. Times are shown in `zone`. A session lasts for `session`. `url` is the address of the console in
    one-time links, None for that of the request.
    `erase` erases the person of a number as an act of a user, and returns the receipt, as `erase_with_receipt` does.
    `health` is what a page reads of Redis and of the settings.
    """

    db: Database
    backend: LedgerBackend
    files: Callable[[], Files]
    lanes: Sequence[str]
    zone: ZoneInfo
    campaigns: Callable[[], CampaignSettings]
    session: timedelta
    erase: Callable[[str, Actor], dict[str, Any]]
    health: Sources = field(default_factory=Sources)
    url: str | None = None
    proxy_user: ProxyUser | None = None
    passwords: Passwords = field(default_factory=Passwords)
    failed_passwords: FailedPasswords = field(default_factory=FailedPasswords)

    @property
    def zones(self) -> Mapping[str, ZoneInfo]:
        """The time zones of the lanes, by which budgets have their days."""
        return {name: lane.zone for name, lane in self.files().lanes.items()}

    @property
    def catalogue(self) -> Catalogue:
        """The kinds of template, as the files say them now."""
        return self.files().plan.catalogue

    @property
    def assistant(self) -> AssistantRules:
        """The rules of the assistant, as config/assistant.toml says them now."""
        return self.files().assistant


async def _console(request: Request) -> Console:
    return cast(Console, request.app.state.console)


Parts = Annotated[Console, Depends(_console)]
"""The parts, as a parameter of a route."""
