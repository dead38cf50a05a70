"""One command in one transaction: the setting, the decision, and the rows that follow (D1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.config.model import Config
from bot.contract.context import Clock
from bot.delivery.bursts import burst_of, store_burst
from bot.delivery.outside import take_back
from bot.delivery.plan import Router
from bot.delivery.shown import draft_seen
from bot.domain import commands as cmd
from bot.domain import drafting
from bot.domain import events as ev
from bot.domain.decide import decide
from bot.domain.decision import Decision
from bot.domain.due import next_due
from bot.domain.errors import Rejected
from bot.domain.events import Entry
from bot.domain.floods import begun
from bot.domain.incident import ClockName, Incident, Severity
from bot.domain.policy import Plan
from bot.domain.privacy import asks_privacy, became_private, private_place
from bot.domain.setting import Setting
from bot.domain.severity import calls_people, is_process
from bot.domain.timeline import texts_of, twins_of
from bot.intake.answers import Answers
from bot.intake.arrived import Arrived
from bot.intake.drills import drill_score
from bot.presenter import Presenter
from bot.refs import ConversationRef, Lane, PersonId
from bot.store.rows import Outgoing, Post
from bot.store.work import Work

MANY = 1000
"""The most incidents that are looked through: more than ever run at once."""

OnCallNow = Callable[[], Mapping[str, tuple[PersonId, ...]]]
"""Returns who is on call for each service."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """An incident as a decision left it."""

    incident: Incident
    due_at: datetime | None = None
    """When something falls due next for it; `None` also if nothing happened."""


class Transaction:
    """Decisions within a given transaction: gather the setting, decide, store what follows."""

    def __init__(  # noqa: PLR0913 - what it is composed of
        self,
        config: Config,
        clock: Clock,
        presenter: Presenter,
        router: Router,
        answers: Answers,
        on_call: OnCallNow,
    ) -> None:
        self._config, self._clock, self._presenter = config, clock, presenter
        self._router, self._answers, self._on_call = router, answers, on_call
        self._directory = config.directory
        self.after_commit: Callable[[datetime | None], None] = lambda _due: None
        """Called after each commit, with the time at which something falls due next, if known."""

    async def gather(
        self, work: Work, arrived: Arrived | None, name: str, service: str | None
    ) -> Setting:
        """Gather the setting of a decision (F12); `name` is the incident's id."""
        plan, on_call = self._config.plan_for(service), self._on_call()
        busy = set(plan.on_call) | set(on_call.get(service, ()) if service else ())
        served = arrived.served if arrived is not None else await work.served()
        anyone = to_briefs = False
        if arrived is None or arrived.has_subscribers:
            subscribed = await work.subscribed(name, service)
            anyone, to_briefs = subscribed.anyone, subscribed.to_briefs
        to_briefs = to_briefs or self._router.has_channels
        planned = any(plan.audiences.values())
        now = arrived.now if arrived is not None else self._clock.now()
        return Setting(
            policy=self._config.policy,
            plan=plan,
            actor=arrived.actor if arrived is not None else None,
            named=self._directory.named,
            candidates=self._candidates(busy, served),
            trained=frozenset(self._directory.trained),
            last_resort=tuple(PersonId(p) for p in self._config.paging.last),
            audiences=self._audiences(plan, stakeholders=to_briefs or planned),
            on_call=on_call,
            pager=self._router.has_pagers,
            triage_at=self._config.end_of_day(now),
            written_at=arrived.written_at if arrived is not None else None,
            via=arrived.source if arrived is not None and not arrived.by_machine else None,
            name=name,
            here=self._here(arrived),
            places=self._router.places(name),
            private_places=self._router.private_places(name),
            direct=arrived.direct if arrived is not None else False,
            has_subscribers=anyone or planned,
            has_brief_subscribers=to_briefs,
        )

    def _here(self, arrived: Arrived | None) -> ConversationRef | None:
        if arrived is not None and arrived.by_machine:
            return self._router.triage
        return arrived.conversation if arrived is not None else None

    def can_tell(self, declaration: cmd.Declare) -> bool:
        """Return whether a conversation could hear of what a machine declares."""
        process = is_process(declaration.kind, declaration.severity or Severity.SEV1)
        return self._router.triage is not None or (process and bool(self._router.places("")))

    async def decide(
        self, work: Work, arrived: Arrived, command: cmd.Command, incident: Incident
    ) -> Decision:
        """Decide a command that a person or a machine gave for an incident.

        Raises:
            Rejected: The command does not apply.
        """
        setting = await self.gather(work, arrived, incident.id, incident.service)
        setting = await self._informed(work, command, incident, setting, arrived)
        return decide(incident, command, arrived.now, setting)

    def has_place(self, arrived: Arrived, declaration: cmd.Declare) -> bool:
        """Return whether a declaration has a place to be told in; no number is spent on others."""
        setting = Setting(
            plan=self._config.plan_for(declaration.service),
            here=self._here(arrived),
            direct=arrived.direct,
            private_places=self._router.private_places(""),
        )
        if not asks_privacy(declaration, setting):
            return True
        process = is_process(declaration.kind, declaration.severity or Severity.SEV1)
        try:
            private_place(setting, opens=process)
        except Rejected:
            return False
        return True

    async def declare(
        self, work: Work, arrived: Arrived, declaration: cmd.Declare, name: str
    ) -> Decision:
        """Decide a declaration; `name` becomes the incident's id."""
        setting = await self.gather(work, arrived, name, declaration.service)
        setting = await self._counted(work, setting)
        return decide(None, declaration, arrived.now, setting)

    async def decide_for(
        self,
        work: Work,
        command: cmd.Command,
        incident: Incident,
        *,
        actor: PersonId | None = None,
    ) -> Decision:
        """Decide a command that comes from no conversation: a result, an edited document.

        Raises:
            Rejected: The command does not apply.
        """
        setting = await self.gather(work, None, incident.id, incident.service)
        if actor is not None:
            setting = replace(setting, actor=actor)
        setting = await self._informed(work, command, incident, setting)
        return decide(incident, command, self._clock.now(), setting)

    async def apply(self, work: Work, incident: str, command: cmd.Command) -> None:
        """Apply the result of an effect, in the transaction that stores it."""
        found = await work.incident(incident)
        if found is not None:
            await self.commit(work, await self.decide_for(work, command, found))

    async def running(self, work: Work) -> list[Incident]:
        """Return the incidents that run, each held until the transaction ends."""
        summaries = await work.list("open", MANY)
        found = [await work.incident(each.id) for each in summaries]
        return [each for each in found if each is not None and each.running]

    async def commit(
        self, work: Work, decision: Decision, arrived: Arrived | None = None
    ) -> Committed:
        """Store a decision, and queue the rows that follow from it (D1)."""
        incident, events, now = decision.incident, decision.happened, decision.now
        marks = self._answers.mark(arrived, worked=True) if arrived is not None else []
        if not events:
            await work.send(marks, now=now)
            return Committed(incident=incident)
        first = incident.entries - len(events) + 1
        entries = [Entry(n=first + i, event=e, recorded_at=now) for i, e in enumerate(events)]
        for event in events:
            if isinstance(event, ev.CommanderChanged) and not event.acting:
                await work.note_served(event.now, now)
        due_at = next_due(incident, self._config.policy)
        await work.save(incident, entries, due_at=due_at)
        await self._count(work, decision)
        subscribed = decision.setting.has_subscribers
        rows = self._router.outgoing(incident, entries, now, has_subscribers=subscribed)
        scores = await self._scores(work, incident, events)
        gone = await take_back(work, incident, now=now) if became_private(events) else ()
        await work.send([*marks, *rows, *scores, *gone], now=now)
        return Committed(incident=incident, due_at=due_at)

    async def _counted(self, work: Work, setting: Setting) -> Setting:
        """Add what the actor has declared of late, if the config does not name them (F18)."""
        if setting.actor is None or setting.actor in setting.named:
            return setting
        return replace(setting, burst=await burst_of(work, setting.actor))

    async def _count(self, work: Work, decision: Decision) -> None:
        """Count what an unnamed person called people for (F18)."""
        actor, setting = decision.by, decision.setting
        if actor is None or actor in setting.named or not calls_people(decision.happened):
            return
        incident, now = decision.incident, decision.now
        burst = begun(incident, now)
        if setting.burst is not None:
            burst = setting.burst.with_another(incident, setting.policy.calls, now)
        await store_burst(work, actor, burst)

    async def _scores(
        self, work: Work, incident: Incident, events: Sequence[ev.Event]
    ) -> list[Outgoing]:
        """Return the rows that tell how a drill went, once it is resolved (X1)."""
        if not incident.drill or not any(isinstance(event, ev.Resolved) for event in events):
            return []
        words = self._presenter.drills
        body = Post(message=await drill_score(work, incident, self._config.policy, words))
        return [
            Outgoing(target=to.adapter, lane=Lane.of(to), body=body, incident=incident.id)
            for to in incident.conversations
        ]

    def _audiences(self, plan: Plan, *, stakeholders: bool) -> frozenset[ClockName]:
        """Return the clocks that somebody listens to (K1)."""
        external = bool(self._router.pages(plan))
        heard = {ClockName.EXTERNAL: external, ClockName.STAKEHOLDER: stakeholders}
        return frozenset(name for name in ClockName if heard.get(name, True))

    def _candidates(
        self, busy: set[PersonId], served: Mapping[PersonId, datetime]
    ) -> tuple[PersonId, ...]:
        """Return the trained commanders who are free, least recently served first (C2)."""
        never = datetime.min.replace(tzinfo=self._clock.now().tzinfo)
        free = (person for person in self._directory.trained if person not in busy)
        return tuple(sorted(free, key=lambda person: served.get(person, never)))

    async def _informed(
        self,
        work: Work,
        command: cmd.Command,
        incident: Incident,
        setting: Setting,
        arrived: Arrived | None = None,
    ) -> Setting:
        """Add the part of the record that a command needs: an entry, the document, its findings."""
        words = self._presenter.drafting
        match command:
            case cmd.Redact():
                entries = await work.timeline(incident.id)
                entry = next((e.event for e in entries if e.n == command.entry), None)
                return replace(
                    setting,
                    entry=entry,
                    redacted=texts_of(entries, command.entry),
                    twins=twins_of(entries, command.entry),
                )
            case cmd.Approve(entry=None) if arrived is not None:
                here = Lane.of(arrived.conversation)
                seen = await draft_seen(work, incident.id, here, by=arrived.written_at)
                return replace(setting, shown=seen)
            case cmd.ChangeSeverity() | cmd.Assess():
                return await self._counted(work, setting)
            case cmd.Amend():
                found = await work.entry(incident.id, command.entry)
                return replace(setting, entry=found.event if found is not None else None)
            case cmd.WriteSection(add=True) | cmd.KeepSection() | cmd.ImportDocument():
                entries = await work.timeline(incident.id)
                return replace(setting, document=drafting.sections(incident, entries, words))
            case cmd.WaiveFinding() | cmd.Finalise():
                entries = await work.timeline(incident.id)
                return replace(setting, findings=drafting.findings(incident, entries, words))
            case _:
                return setting
