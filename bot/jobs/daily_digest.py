"""The daily digest for whoever wants no message of every step (H1). Once a day, always."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from bot.config.model import Config
from bot.contract.context import Clock
from bot.delivery.subscriptions import Subscribers, last_brief
from bot.domain.effects import News
from bot.domain.incident import Incident, Phase
from bot.domain.subscription import MAIL, Subscription
from bot.jobs.every import every
from bot.presenter import Presenter
from bot.refs import ConversationRef
from bot.store.rows import Letter, Outgoing
from bot.store.work import Store, Work

LOOK_EVERY = timedelta(minutes=1)
DAY = timedelta(days=1)
LAST = "digest/last"
"""The name under which the day of the last digest is stored."""


class Digesting:
    """Sends the digest of each day, once, however often the process starts."""

    def __init__(  # noqa: PLR0913 - what it is composed of
        self,
        config: Config,
        store: Store,
        clock: Clock,
        presenter: Presenter,
        stakeholders: Subscribers,
        told: Callable[[], None],
    ) -> None:
        """`told` hears when there is something to deliver."""
        self._config, self._store, self._clock = config, store, clock
        self._presenter, self._stakeholders, self._told = presenter, stakeholders, told
        self._sent: datetime | None = None

    async def run(self) -> None:
        """Look on and on whether the day's digest is due."""
        await every(LOOK_EVERY, self._clock, self.digest)

    async def digest(self) -> bool:
        """Send the day's digest if its time has come and it was not sent; whether it was now."""
        now = self._clock.now()
        due = self._config.last_digest(now)
        if self._sent == due:
            return False

        async def send(work: Work) -> bool:
            # The mark keeps two processes from sending it at once, the reference from ever again.
            mark = ConversationRef("digest", "all")
            if await work.arrive("digest", due.isoformat(), mark, at=now) is None:
                return False
            before = await work.ref(LAST)
            if before is not None and datetime.fromisoformat(before) >= due:
                return False
            await work.store_ref(LAST, due.isoformat())
            wanted = [s for s in await work.subscriptions() if s.digest and not s.muted]
            if not wanted:
                return False
            since = max(due - DAY, datetime.fromisoformat(before)) if before else due - DAY
            rows = await self._rows(work, wanted, since, due)
            await work.send(rows, now=now)
            return bool(rows)

        sent = await self._store.transact(send)
        self._sent = due
        if sent:
            self._told()
        return sent

    async def _rows(
        self, work: Work, wanted: Sequence[Subscription], since: datetime, due: datetime
    ) -> list[Outgoing]:
        changed = [i for i in await work.changed_since(since) if not i.drill]
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
                rows.append(self._stakeholders.post(each, told, incident=None))
            elif url is not None:
                letter = self._presenter.stakeholders.digest_letter(each, told, due, url)
                rows += self._stakeholders.mail(each, Letter(mail=letter), None)
        return rows

    async def _said(self, work: Work, incident: Incident, since: datetime) -> str:
        """Return the last thing said of an incident since then; of one that is over, nothing."""
        if not incident.running:
            return ""
        brief, update = await last_brief(work, incident), incident.last_update
        if brief is not None and brief.at >= since:
            return brief.text
        return update.text if update is not None and update.at >= since else ""


def _news(incident: Incident) -> News:
    return News.POSTMORTEM if incident.phase is Phase.CLOSED else News.BRIEF
