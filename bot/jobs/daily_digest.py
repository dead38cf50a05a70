"""The daily digest, for subscribers who want one message a day (H1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from bot.config.model import Config
from bot.contract.context import Clock
from bot.delivery.outward import outward
from bot.delivery.subscriptions import Subscribers, last_brief
from bot.domain.effects import News
from bot.domain.incident import Incident, Phase
from bot.domain.named import vouched
from bot.domain.subscription import MAIL, Subscription
from bot.jobs.every import LOOK_EVERY, OncePerPeriod, Period, every
from bot.presenter import Presenter
from bot.store.rows import Letter, Outgoing
from bot.store.work import Store, Work

DAY = timedelta(days=1)
LAST = "digest/last"
"""The reference that holds the day of the last digest."""


class DailyDigest:
    """Sends the digest of each day, once, however often the process starts."""

    def __init__(  # noqa: PLR0913 - what it is composed of
        self,
        config: Config,
        store: Store,
        clock: Clock,
        presenter: Presenter,
        subscribers: Subscribers,
        wake_outbox: Callable[[], None],
    ) -> None:
        self._config, self._clock = config, clock
        self._presenter, self._subscribers = presenter, subscribers
        self._once = OncePerPeriod(store, clock, wake_outbox)

    async def run(self) -> None:
        """Check every minute whether the day's digest is due."""
        await every(LOOK_EVERY, self._clock, self.digest)

    async def digest(self) -> bool:
        """Send the day's digest if it is due and was not sent; return whether it was sent now."""
        now = self._clock.now()
        due = self._config.last_digest(now)

        async def send(work: Work, last: datetime | None) -> bool:
            wanted = [s for s in await work.subscriptions() if s.digest and not s.muted]
            if not wanted:
                return False
            since = max(due - DAY, last) if last is not None else due - DAY
            rows = await self._rows(work, wanted, since, due)
            await work.send(rows, now=now)
            return bool(rows)

        return await self._once.run(Period(LAST, due), send)

    async def _rows(
        self, work: Work, wanted: Sequence[Subscription], since: datetime, due: datetime
    ) -> list[Outgoing]:
        named = self._config.directory.named
        changed = [
            outward(incident, named)
            for incident in await work.changed_since(since)
            if not incident.drill and not incident.private
        ]
        said = [(incident, await self._said(work, incident, since)) for incident in changed]
        rows: list[Outgoing] = []
        url = self._config.stakeholders.url
        for each in wanted:
            found = [
                (incident, text)
                for incident, text in said
                if each.wants(incident.id, incident.highest, incident.service, _news(incident))
            ]
            if not found:
                continue
            told = self._presenter.stakeholders.digest(each, found, due)
            if not each.address.startswith(MAIL):
                rows.append(self._subscribers.post(each, told, incident=None))
            elif url is not None:
                letter = self._presenter.stakeholders.digest_letter(each, told, due, url)
                rows += self._subscribers.mail(each, Letter(mail=letter), None)
        return rows

    async def _said(self, work: Work, incident: Incident, since: datetime) -> str:
        """Return the last brief or update since an instant; nothing if the incident is over."""
        if not incident.running or not vouched(incident, self._config.directory.named):
            return ""
        brief, update = await last_brief(work, incident), incident.last_update
        if brief is not None and brief.at >= since:
            return brief.text
        return update.text if update is not None and update.at >= since else ""


def _news(incident: Incident) -> News:
    return News.POSTMORTEM if incident.phase is Phase.CLOSED else News.BRIEF
