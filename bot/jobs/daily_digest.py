"""The daily digest, for subscribers who want one message a day (H1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from bot.contract.context import Clock
from bot.delivery.in_force import InForce, Now
from bot.delivery.outward import outward
from bot.delivery.subscriptions import last_brief
from bot.domain.effects import News
from bot.domain.incident import Incident, Phase
from bot.domain.named import Named, vouched
from bot.domain.subscription import MAIL, Subscription
from bot.jobs.every import LOOK_EVERY, OncePerPeriod, Period, every
from bot.store.rows import Letter, Outgoing
from bot.store.work import Store, Work

DAY = timedelta(days=1)
LAST = "digest/last"
"""The reference that holds the day of the last digest."""


class DailyDigest:
    """Sends the digest of each day, once, however often the process starts."""

    def __init__(
        self,
        in_force: Now,
        store: Store,
        clock: Clock,
        wake_outbox: Callable[[], None],
    ) -> None:
        self._in_force, self._clock = in_force, clock
        self._once = OncePerPeriod(store, clock, wake_outbox)

    async def run(self) -> None:
        """Check every minute whether the day's digest is due."""
        await every(LOOK_EVERY, self._clock, self.digest)

    async def digest(self) -> bool:
        """Send the day's digest if it is due and was not sent; return whether it was sent now."""
        now = self._clock.now()
        in_force = self._in_force()
        due = in_force.config.last_digest(now)

        async def send(work: Work, last: datetime | None) -> bool:
            wanted = [s for s in await work.subscriptions() if s.digest and not s.muted]
            if not wanted:
                return False
            since = max(due - DAY, last) if last is not None else due - DAY
            rows = await self._rows(work, in_force, wanted, since, due)
            await work.send(rows, now=now)
            return bool(rows)

        return await self._once.run(Period(LAST, due), send)

    async def _rows(
        self,
        work: Work,
        in_force: InForce,
        wanted: Sequence[Subscription],
        since: datetime,
        due: datetime,
    ) -> list[Outgoing]:
        say, named = in_force.presenter.stakeholders, in_force.config.directory.named
        changed = [
            outward(incident, named)
            for incident in await work.changed_since(since)
            if not incident.drill and not incident.private
        ]
        said = [(incident, await _said(work, named, incident, since)) for incident in changed]
        rows: list[Outgoing] = []
        url = in_force.config.stakeholders.url
        for each in wanted:
            found = [
                (incident, text)
                for incident, text in said
                if each.wants(incident.id, incident.highest, incident.service, _news(incident))
            ]
            if not found:
                continue
            told = say.digest(each, found, due)
            if not each.address.startswith(MAIL):
                rows.append(in_force.subscribers.post(each, told, incident=None))
            elif url is not None:
                letter = say.digest_letter(each, told, due, url)
                rows += in_force.subscribers.mail(each, Letter(mail=letter), None)
        return rows


async def _said(work: Work, named: Named, incident: Incident, since: datetime) -> str:
    """Return the last brief or update since an instant; nothing if the incident is over."""
    if not incident.running or not vouched(incident, named):
        return ""
    brief, update = await last_brief(work, incident), incident.last_update
    if brief is not None and brief.at >= since:
        return brief.text
    return update.text if update is not None and update.at >= since else ""


def _news(incident: Incident) -> News:
    return News.POSTMORTEM if incident.phase is Phase.CLOSED else News.BRIEF
