"""One way in: whatever arrives becomes a command, a decision, and one transaction.

In it stand the inbox mark, the incident, its timeline, what falls due next, and everything to be
said. Refusals and answers are queued in the same transaction: every message has one sender, the
outbox.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Literal, cast

import structlog

from bot.config.model import Config
from bot.contract.chat import (
    ChatCapture,
    ChatCorrection,
    ChatEvent,
    ChatMoved,
    ChatTrouble,
    ChatUnreadable,
    Inbound,
    Receipt,
)
from bot.contract.context import Clock
from bot.contract.errors import DatabaseAway
from bot.contract.messages import Message, plain
from bot.delivery.plan import Router, Targets
from bot.delivery.subscriptions import Subscribers, last_brief
from bot.domain import commands as cmd
from bot.domain import drafting
from bot.domain import events as ev
from bot.domain.bystanders import asks_for_news
from bot.domain.decide import decide
from bot.domain.decision import Decision
from bot.domain.drills import score
from bot.domain.due import next_due
from bot.domain.errors import Rejected
from bot.domain.events import Entry
from bot.domain.incident import ClockName, Incident, Kind, Phase, Severity
from bot.domain.postmortem_values import Section, read
from bot.domain.setting import Setting
from bot.domain.telling import Scene, offered, scenes
from bot.domain.timeline import texts_of, twins_of
from bot.grammar.parser import Request, command_line, parse
from bot.grammar.requests import (
    Asked,
    OfAudience,
    Opening,
    Query,
    SetShield,
    Subscribe,
    Unsubscribe,
    UsageError,
)
from bot.grammar.text import clean
from bot.grammar.verb import Scope
from bot.intake.documents import changes, missing
from bot.presenter import Presenter
from bot.refs import ConversationRef, Lane, PersonId, UserRef
from bot.store.rows import Acknowledge, BriefDraft, Outgoing, Post
from bot.store.work import Store, Work

LIST_LENGTH = 50
"""How many incidents `list` shows."""

NAMES = "name/"
"""What the stored name of somebody whom the config does not name is called."""

LONGEST_NAME = 400
"""The longest name of a user or a conversation: no platform's is longer, and each is stored."""

MANY = 1000
"""More incidents than ever run at once."""

SHIELD = "shield/"
"""What is stored of the answers to questions: where they are off, and who had one when."""

SHIELD_AGAIN = timedelta(minutes=2)
"""How long somebody who asks again and again is not answered again."""

TICK_AGAIN = timedelta(minutes=1)
"""When an incident is looked at again over which the bot broke down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Somebody asks how things stand. `otherwise`: the bot was spoken to; what it answers else."""

    otherwise: UsageError | None = None


Asking = (
    Request
    | UsageError
    | Question
    | ChatCapture
    | ChatCorrection
    | ChatUnreadable
    | ChatTrouble
    | ChatMoved
)
"""What an inbound event asks for, once its text is read."""

_log = structlog.stdlib.get_logger("sitrep.service")


@dataclass(slots=True, kw_only=True)
class Inquiry:
    """An inbound message on its way through. `message`: what can be marked and answered.

    `inline`: whoever asked is answered by what `receive` returns, with `answers` and `card`.
    """

    source: str
    id: str
    conversation: ConversationRef
    actor: PersonId
    written_at: datetime
    now: datetime
    message: str | None = None
    inline: bool = False
    answers: list[Message] = field(default_factory=list)
    card: Message | None = None
    number: int | None = None
    served: Mapping[PersonId, datetime] = field(default_factory=dict)
    followed: bool = True
    due_at: datetime | None = None


class Service:
    """Handles commands and ticks."""

    def __init__(  # noqa: PLR0913 - what it is composed of
        self,
        config: Config,
        store: Store,
        clock: Clock,
        presenter: Presenter,
        targets: Targets,
        on_call: Callable[[], Mapping[str, tuple[PersonId, ...]]],
    ) -> None:
        """`after_commit` hears of each commit, and when the incident's next thing falls due."""
        self._config, self._store, self._clock = config, store, clock
        self._presenter, self._targets = presenter, targets
        self._router = Router(config, presenter, targets)
        self.stakeholders = Subscribers(config, presenter, targets)
        self._directory, self._on_call = config.directory, on_call
        self.filing = self._router.filing
        self.after_commit: Callable[[datetime | None], None] = lambda _due: None

    # --- in ---------------------------------------------------------------------------------------

    async def receive(self, inbound: Inbound) -> Receipt:
        """Handle an inbound event; return once it is stored, with what became of it.

        An event that was seen before has no second effect (D3). Chatter is no command and is done.
        """
        adapter = inbound.conversation.adapter
        sender = None if isinstance(inbound, ChatTrouble | ChatMoved) else inbound.sender
        if not await self._admitted(inbound, sender):
            _log.warning("refused", conversation=repr(inbound.conversation), sender=repr(sender))
            return Receipt(done=False)
        now = self._clock.now()
        inquiry = Inquiry(
            source=adapter,
            id=inbound.id,
            conversation=inbound.conversation,
            actor=self._directory.person(sender) if sender is not None else PersonId(""),
            written_at=now,
            now=now,
        )
        try:
            asked: Asking
            match inbound:
                case ChatEvent():
                    inquiry.written_at, inquiry.message = inbound.written_at, inbound.message
                    inquiry.inline = inbound.inline
                    read = self._read(inbound)
                    if read is None:
                        return Receipt(done=True)
                    asked = read
                case ChatCapture():
                    inquiry.written_at, inquiry.message = inbound.marked_at, inbound.message
                    asked = inbound
                case ChatUnreadable():
                    inquiry.message, asked = inbound.message, inbound
                case ChatCorrection() | ChatTrouble() | ChatMoved():
                    asked = inbound
            name = getattr(inbound, "sender_name", "")
            outcome = await self._store.transact(partial(self._handle, inquiry, asked, name))
        except DatabaseAway:
            raise
        except Exception as exc:  # noqa: BLE001 - one event's fault, and not the adapter's
            _log.exception("broke down", source=adapter, inbound=inquiry.id, error=repr(exc))
            outcome = await self._store.transact(partial(self._broke_down, inquiry))
        self.after_commit(inquiry.due_at)
        _log.debug("handled", source=adapter, inbound=inquiry.id, outcome=outcome)
        done = outcome in {"done", "answered", "repeated"}
        return Receipt(done=done, answers=tuple(inquiry.answers), card=inquiry.card)

    def _read(self, inbound: ChatEvent) -> Request | UsageError | Question | None:
        """Return what a message asks for; none where it is talk among people."""
        line = command_line(inbound.text, addressed=inbound.addressed)
        if line is None:
            curious = self._config.stakeholders.shield and asks_for_news(inbound.text)
            return Question() if curious else None
        asked = parse(line, self._directory, inbound.mentions)
        if isinstance(asked, UsageError) and asks_for_news(line):
            return Question(otherwise=asked)
        return asked

    async def _handle(self, inquiry: Inquiry, asked: Asking, name: str, work: Work) -> str:
        arrival = await work.arrive(
            inquiry.source,
            inquiry.id,
            inquiry.conversation,
            at=inquiry.now,
            series=self._series(inquiry, asked),
        )
        if arrival is None:
            return "repeated"
        here = replace(
            inquiry,
            conversation=arrival.conversation,
            served=arrival.served,
            number=arrival.number,
            followed=arrival.followed,
            answers=[],
        )
        if self._directory.learn(inquiry.actor, clean(name)[:LONGEST_NAME]):
            await work.store_ref(f"{NAMES}{inquiry.actor}", clean(name)[:LONGEST_NAME])
        match asked:
            case ChatCapture():
                outcome = await self._capture(work, here, asked)
            case ChatCorrection():
                outcome = await self._follow(work, here, asked)
            case ChatTrouble():
                outcome = await self._troubled(work, here, asked)
            case ChatMoved():
                outcome = await self._moved(work, inquiry, asked)
            case ChatUnreadable():
                await self._answer(work, here, self._presenter.trouble.unreadable(), worked=False)
                outcome = "not readable"
            case Question():
                outcome = await self._question(work, here, asked)
            case Request() | UsageError():
                outcome = await self._command(work, here, asked)
        await work.outcome(inquiry.source, inquiry.id, outcome, inquiry.actor)
        inquiry.due_at, inquiry.answers, inquiry.card = here.due_at, here.answers, here.card
        return outcome

    async def remember_names(self) -> None:
        """Learn again what platforms call the people whom the config does not name."""
        names = await self._store.read(lambda work: work.refs_under(NAMES))
        for person, name in names.items():
            self._directory.learn(PersonId(person), name)

    async def _broke_down(self, inquiry: Inquiry, work: Work) -> str:
        """Take an event over which the bot itself broke down for handled, and say so."""
        await work.arrive(inquiry.source, inquiry.id, inquiry.conversation, at=inquiry.now)
        await work.outcome(inquiry.source, inquiry.id, "broke down", inquiry.actor)
        inquiry.answers, inquiry.card = [], None
        await self._answer(work, inquiry, self._presenter.trouble.broken(), worked=False)
        return "broke down"

    async def _admitted(self, inbound: Inbound, sender: UserRef | None) -> bool:
        """Whether the config lets a conversation speak to the bot, and its names are names (F8).

        A conversation that the bot opened itself may always.
        """
        conversation = inbound.conversation
        names = [conversation.id, *([sender.id] if sender is not None else ())]
        named = all(name.isprintable() and 0 < len(name) <= LONGEST_NAME for name in names)
        if not named or not inbound.id.isprintable():
            return False
        if self._config.admits(conversation):
            return True
        return await self._store.read(lambda work: work.is_own(conversation))

    def _stranger(self, inquiry: Inquiry) -> bool:
        """Whether the config refuses whoever speaks (F8)."""
        admitted = self._directory.admit_unknown or self._directory.configured(inquiry.actor)
        return not admitted

    def _stale(self, inquiry: Inquiry) -> bool:
        """Whether a command is too old to be obeyed unasked (F11)."""
        return inquiry.now - inquiry.written_at > self._config.access.stale_after

    def _series(self, inquiry: Inquiry, asked: Asking) -> str | None:
        """Return the series that a declaration needs a number of; one that is refused, none."""
        if not isinstance(asked, Request) or not isinstance(asked.what, Opening):
            return None
        refused = self._stranger(inquiry) or self._stale(inquiry)
        return None if refused else asked.what.kind.prefix

    async def _command(self, work: Work, inquiry: Inquiry, request: Request | UsageError) -> str:
        if isinstance(request, UsageError):
            await self._answer(work, inquiry, self._presenter.refusals.usage(request), worked=False)
            return "not understood"
        if self._stranger(inquiry):
            await self._answer(work, inquiry, self._presenter.refusals.stranger(), worked=False)
            return "stranger"
        age, stale = inquiry.now - inquiry.written_at, self._stale(inquiry)
        if stale and not request.verb.changes:
            return "stale"
        match request.what:
            case Subscribe() | Unsubscribe() | SetShield():
                if stale:
                    return await self._ask_again(work, inquiry, request, None, age)
                return await self._audience(work, inquiry, request, request.what)
            case Asked(query=Query.SUBSCRIPTIONS):
                own = await self.stakeholders.own(work, inquiry.actor, inquiry.conversation)
                await self._answer(work, inquiry, self._presenter.subscriptions.listed(own))
                return "answered"
            case Asked(query=Query.HELP | Query.LIST):
                return await self._lookup(work, inquiry, request.what)
            case Asked(query=Query.ACTIONS):
                return await self._actions(work, inquiry, request, request.what.argument)
            case Asked(opening=Opening() as opening):
                line = re.sub(r"\w+", "declare", request.line, count=1)
                period = self._config.policy.internal.get(opening.severity or Severity.SEV1)
                message = self._presenter.severity.preview(opening, line, period)
                await self._answer(work, inquiry, message)
                return "answered"
            case _:
                pass
        if request.verb.scope is Scope.NEW:
            if stale:
                return await self._ask_again(work, inquiry, request, None, age)
            return await self._open(work, inquiry, cast("Opening", request.what))
        found = await self._meant(work, inquiry, request)
        if found is None:
            return "no incident"
        if stale and not isinstance(request.what, cmd.AddNote):
            return await self._ask_again(work, inquiry, request, found, age)
        if isinstance(request.what, Asked):
            return await self._show(work, inquiry, request.what, found)
        return await self._do(work, inquiry, cast("cmd.Command", request.what), found)

    async def _audience(
        self, work: Work, inquiry: Inquiry, request: Request, asked: OfAudience
    ) -> str:
        """Subscribe somebody, end that, or switch the answers to questions (H1, H2)."""
        here, actor = inquiry.conversation, inquiry.actor
        if isinstance(asked, SetShield):
            await work.store_ref(f"{SHIELD}{Lane.of(here)}", "on" if asked.on else "off")
            told = self._presenter.bystanders.shield_set(on=asked.on)
            await self._answer(work, inquiry, told, worked=True)
            return "done"
        incident = None
        named = asked.incident if isinstance(asked, Subscribe) else None
        if named is not None or request.incident is not None:
            meant = replace(request, incident=named or request.incident)
            incident = await self._meant(work, inquiry, meant)
            if incident is None:
                return "no incident"
        elif not (isinstance(asked, Subscribe) and (asked.everything or asked.postmortems)):
            running = [i for i in await work.incidents_in(here) if i.running]
            if len(running) > 1 and isinstance(asked, Subscribe):
                which = self._presenter.refusals.which(running, request.line)
                await self._answer(work, inquiry, which, worked=False)
                return "no incident"
            incident = await work.held(running[0]) if len(running) == 1 else None
        if isinstance(asked, Unsubscribe):
            told, done = await self.stakeholders.unsubscribe(work, asked, actor, here, incident)
            await self._answer(work, inquiry, replace(told, aside=True), worked=done)
            return "done" if done else "answered"
        told, stored = await self.stakeholders.subscribe(work, asked, actor, here, incident)
        # Beside the conversation: it is nobody else's concern (H2).
        await self._answer(work, inquiry, replace(told, aside=True), worked=stored is not None)
        if stored is None:
            return "rejected"
        for each in [incident] if incident is not None else await self._running(work):
            if not stored.postmortems and not stored.digest:
                await self.apply(work, each.id, cmd.OpenAudience())
        return "done"

    async def _question(self, work: Work, inquiry: Inquiry, question: Question) -> str:
        """Answer somebody who asks how it stands, in the responders' place (H2)."""
        here, spoken_to = inquiry.conversation, question.otherwise is not None
        running = [i for i in await work.incidents_in(here) if i.running]
        if len(running) != 1 or self._stranger(inquiry) or self._stale(inquiry):
            if question.otherwise is None:
                return "talk"
            return await self._command(work, inquiry, question.otherwise)
        incident, marked = running[0], f"{SHIELD}{running[0].id}/{inquiry.actor}"
        if not spoken_to:
            responding = {
                incident.commander,
                incident.offered_to,
                *incident.roles.values(),
                *incident.responders,
                *incident.participants,
            }
            answered = await work.ref(marked)
            recently = answered is not None and (
                inquiry.now - datetime.fromisoformat(answered) < SHIELD_AGAIN
            )
            if inquiry.actor in responding or recently:
                return "talk"
            if await work.ref(f"{SHIELD}{Lane.of(here)}") == "off":
                return "talk"
            await work.store_ref(marked, inquiry.now.isoformat(), kept_at=inquiry.now)
        told = self._presenter.bystanders.shielded(incident, await last_brief(work, incident))
        await self._answer(work, inquiry, told)
        return "answered"

    async def _meant(self, work: Work, inquiry: Inquiry, request: Request) -> Incident | None:
        """Return the incident that a command speaks of, or answer that it is not clear."""
        if request.incident is not None:
            found = await work.incident(request.incident)
            if found is None:
                answer = self._presenter.refusals.no_incident(known=request.incident)
                await self._answer(work, inquiry, answer, worked=False)
            return found
        here = await work.incidents_in(inquiry.conversation)
        active = [incident for incident in here if incident.running] or list(here[:1])
        if len(active) == 1:
            return await work.held(active[0])
        if active:
            answer = self._presenter.refusals.which(active, request.line)
        else:
            answer = self._presenter.refusals.no_incident(known=None)
        await self._answer(work, inquiry, answer, worked=False)
        return None

    async def _ask_again(
        self,
        work: Work,
        inquiry: Inquiry,
        request: Request,
        incident: Incident | None,
        age: timedelta,
    ) -> str:
        message = self._presenter.refusals.stale(incident, request.line, inquiry.actor, age)
        await self._answer(work, inquiry, message, worked=False)
        return "stale"

    async def _open(self, work: Work, inquiry: Inquiry, opening: Opening) -> str:
        """Declare: the number, the conversation, and the events (F9)."""
        name = f"{opening.kind.prefix}-{inquiry.number}"
        adapter = self._targets.adapters[inquiry.source]
        process = opening.severity is not Severity.SEV4 and opening.kind is not Kind.NEAR_MISS
        own_room = adapter.features.rooms and process
        conversation = (
            ConversationRef.to_open(inquiry.source, name) if own_room else inquiry.conversation
        )
        command = cmd.Declare(
            id=name,
            title=opening.title,
            conversation=conversation,
            declared_in=inquiry.conversation if own_room else None,
            kind=opening.kind,
            severity=opening.severity,
            service=opening.service,
            commander=opening.commander,
            impact=opening.impact,
        )
        setting = await self._setting(work, inquiry, name, opening.service)
        decision = decide(None, command, inquiry.now, setting)
        events, incident = decision.happened, await self._commit(work, decision, inquiry)
        if own_room:
            scene = Scene(head=events[0], events=events)
            told = self._presenter.telling.tell(incident, scene, inquiry.now)
            await self._answer(work, inquiry, told, lasting=True)
        return "done"

    async def _do(
        self, work: Work, inquiry: Inquiry, command: cmd.Command, incident: Incident
    ) -> str:
        setting = await self._setting(work, inquiry, incident.id, incident.service)
        setting = await self._informed(work, command, incident, setting)
        try:
            decision = decide(incident, command, inquiry.now, setting)
        except Rejected as refusal:
            elsewhere = inquiry.conversation not in incident.conversations
            message = self._presenter.refusals.rejected(refusal, incident, elsewhere=elsewhere)
            question = isinstance(command, cmd.Assess)
            await self._answer(work, inquiry, message, worked=None if question else False)
            return "answered" if question else "rejected"
        after, events = await self._commit(work, decision, inquiry), decision.happened
        if after.drill and any(isinstance(e, ev.Resolved) for e in events):
            scored = Post(message=await self._score(work, after))
            rows = [
                Outgoing(target=to.adapter, lane=Lane.of(to), body=scored, incident=after.id)
                for to in after.conversations
            ]
            await work.send(rows, now=inquiry.now)
        if events and inquiry.conversation not in after.conversations:
            for scene in scenes(events):
                if offered(scene.head):
                    continue
                told = self._presenter.telling.tell(after, scene, inquiry.now, inquiry.conversation)
                await self._answer(work, inquiry, told, lasting=True)
        self._keep_card(inquiry, after)
        return "done"

    def _keep_card(self, inquiry: Inquiry, incident: Incident) -> None:
        """Keep the status card for whoever pressed something, as they may press it now."""
        if inquiry.inline:
            inquiry.card = self._presenter.cards.card(incident, forms=True, viewer=inquiry.actor)

    async def _capture(self, work: Work, inquiry: Inquiry, capture: ChatCapture) -> str:
        """Put a marked message on the timeline of the incident that runs there."""
        here = [i for i in await work.incidents_in(inquiry.conversation) if i.running]
        text, name = clean(capture.text), _captured(inquiry.source, capture.message)
        if self._stranger(inquiry) or len(here) != 1 or not text:
            return "no incident"
        if name is not None and await work.ref(name) is not None:
            return "done"  # somebody else has marked it, too
        incident = await work.incident(here[0].id)
        if incident is None:
            return "no incident"
        command = cmd.Capture(
            author=self._directory.person(capture.author),
            text=text,
            written_at=capture.written_at,
        )
        outcome = await self._do(work, inquiry, command, incident)
        if outcome == "done" and name is not None:
            await work.store_ref(name, f"{incident.id} {incident.entries + 1}")
        return outcome

    async def _follow(self, work: Work, inquiry: Inquiry, correction: ChatCorrection) -> str:
        """Change a captured message's entry as the message was changed (L1, L3).

        Whoever the platform let change it: a secret that a moderator takes away must go here, too.
        """
        name = _captured(inquiry.source, correction.message)
        stored = await work.ref(name) if name is not None else None
        if stored is None:
            return "not captured"
        of, _, n = stored.partition(" ")
        incident = await work.incident(of)
        found = await work.entry(of, int(n))
        if incident is None or found is None:
            return "no incident"
        text = clean(correction.text or "")
        command = (
            cmd.Amend(entry=int(n), text=text, followed=True)
            if text
            else cmd.Redact(entry=int(n), followed=True)
        )
        setting = await self._setting(work, inquiry, incident.id, incident.service)
        setting = await self._informed(work, command, incident, setting)
        await self._commit(work, decide(incident, command, inquiry.now, setting), inquiry)
        return "done"

    async def _troubled(self, work: Work, inquiry: Inquiry, trouble: ChatTrouble) -> str:
        """Let the incidents of a conversation tell of trouble in it (D2)."""
        within = await self._within(work, trouble.conversation)
        for incident, conversation, _real in within:
            command = cmd.NoteTrouble(
                adapter=inquiry.source,
                conversation=conversation,
                text=trouble.text,
                reachable=trouble.reachable,
            )
            await self.apply(work, incident.id, command)
        return "done" if within else "no incident"

    async def _within(
        self, work: Work, place: ConversationRef
    ) -> list[tuple[Incident, ConversationRef, ConversationRef]]:
        """Return the running incidents of a room and its threads, with where each of them is."""
        found = []
        for each in await self._running(work):
            for conversation in each.conversations:
                real = await work.real(conversation) or conversation
                if real == place or (
                    real.adapter == place.adapter and real.id.startswith(f"{place.id}/")
                ):
                    found.append((each, conversation, real))
        return found

    async def _running(self, work: Work) -> list[Incident]:
        summaries = await work.list("open", MANY)
        found = [await work.incident(each.id) for each in summaries]
        return [each for each in found if each is not None and each.running]

    async def _moved(self, work: Work, inquiry: Inquiry, moved: ChatMoved) -> str:
        """Go on where a room goes on, with the cards of its incidents; its threads do not move."""
        within = await self._within(work, moved.conversation)
        await work.moved(moved.conversation, moved.to)
        for incident, conversation, real in within:
            if real != moved.conversation:
                await work.opened(conversation, moved.to, own=False)
                await work.join(incident.id, moved.to)
            await work.send([self._router.card(incident, conversation)], now=inquiry.now)
        return "done"

    async def lost(self, adapter: str, why: str) -> None:
        """Tell, over every other way, that a platform has ended the bot's session."""

        async def tell_all(work: Work) -> None:
            command = cmd.NoteTrouble(adapter=adapter, conversation=None, text=why, reachable=False)
            running = await self._running(work)
            for each in running:
                await self.apply(work, each.id, command)
            if not running:
                alarm = self._presenter.trouble.platform_lost(adapter, why)
                rows = self._router.alarm(alarm, avoid=adapter)
                await work.send(rows, now=self._clock.now())

        await self._store.transact(tell_all)
        self.after_commit(None)

    # --- reading ----------------------------------------------------------------------------------

    async def _lookup(self, work: Work, inquiry: Inquiry, asked: Asked) -> str:
        if asked.query is Query.HELP:
            message = self._presenter.help.answer(asked.argument)
        else:
            which = cast("Literal['open', 'owing', 'all']", asked.argument)
            found = await work.list(which, LIST_LENGTH)
            message = self._presenter.cards.listing(which, found)
            if which == "owing" and found:
                owing = [await work.incident(each.id) for each in found]
                message = self._presenter.postmortem.owing(
                    [i for i in owing if i is not None], inquiry.now
                )
        await self._answer(work, inquiry, message)
        return "answered"

    async def _show(self, work: Work, inquiry: Inquiry, asked: Asked, incident: Incident) -> str:
        match asked.query:
            case Query.STATUS:
                self._keep_card(inquiry, incident)
                message = self._presenter.cards.status(incident, inquiry.now)
            case Query.WHO:
                message = self._presenter.cards.people_of(incident)
            case Query.TIMELINE:
                message = self._presenter.timeline.answer(
                    incident, await work.timeline(incident.id)
                )
            case Query.DRAFT:
                return await self._draft(work, inquiry, incident)
            case Query.EXTERNAL:
                message = self._presenter.public.offer(incident)
            case Query.SCORE:
                message = await self._score(work, incident)
            case Query.POSTMORTEM | Query.SECTION | Query.LINT | Query.DIFF | Query.HISTORY:
                message = await self._postmortem(work, inquiry, asked, incident)
            case _:
                message = self._presenter.help.answer("")
        await self._answer(work, inquiry, message)
        return "answered"

    async def _score(self, work: Work, incident: Incident) -> Message:
        """Return how a drill went (X1)."""
        if not incident.drill:
            return self._presenter.drills.no_score(incident)
        entries = await work.timeline(incident.id)
        return self._presenter.drills.score(incident, score(incident, entries, self._config.policy))

    async def _postmortem(
        self, work: Work, inquiry: Inquiry, asked: Asked, incident: Incident
    ) -> Message:
        """Show the postmortem; one that an older Sitrep left owing is opened first (P1)."""
        if incident.review is None and incident.phase is Phase.RESOLVED and incident.postmortem:
            await self.apply(work, incident.id, cmd.StartPostmortem(reason=None))
            incident = await work.incident(incident.id) or incident
        entries, say = await work.timeline(incident.id), self._presenter
        match asked.query:
            case Query.SECTION:
                section = Section(asked.argument) if asked.argument else None
                return say.postmortem.section(incident, entries, section)
            case Query.LINT:
                found = (
                    drafting.findings(incident, entries, say.drafting)
                    if incident.review is not None
                    else ()
                )
                return say.postmortem.linted(incident, found)
            case Query.DIFF:
                return say.postmortem.diff(incident, entries, asked.argument)
            case Query.HISTORY:
                return say.postmortem.history(incident, entries)
            case _:
                return say.postmortem.status(incident, entries, inquiry.now)

    async def _actions(self, work: Work, inquiry: Inquiry, request: Request, which: str) -> str:
        """List action items: of the incident that is meant, or of all."""
        today, name = inquiry.now.date(), request.incident
        if _CALLED.fullmatch(which):
            name, which = which, "all"
        elif name is None and which == "":
            here = await work.incidents_in(inquiry.conversation)
            name = next((i.id for i in here[:1] if i.actions), None)
        if name is not None and await work.incident(name) is None:
            await self._answer(
                work, inquiry, self._presenter.refusals.no_incident(known=name), worked=False
            )
            return "no incident"
        kind: Literal["open", "overdue", "all"] = "open"
        if which == "overdue":
            kind = "overdue"
        elif which == "all" or (name is not None and which == ""):
            kind = "all"
        owner = inquiry.actor if which == "mine" else None
        found = await work.actions(kind, today=today, incident=name, owner=owner)
        what = {"overdue": "overdue", "mine": "of yours"}.get(
            which, "open" if kind == "open" else ""
        )
        where = f" of {name}" if name is not None else ""
        message = self._presenter.actions.listed(f"{what}{where}".strip(), found, today)
        await self._answer(work, inquiry, message)
        return "answered"

    async def import_document(self, name: str, text: str, actor: PersonId) -> tuple[bool, str]:
        """Take over an edited postmortem; whether that was done, and what is to be said of it.

        What it changes becomes one command, as if it had been typed (P3).
        """
        try:
            document = read(text)
        except ValueError as exc:
            return False, str(exc)

        async def take(work: Work) -> tuple[bool, str]:
            incident = await work.incident(name)
            if incident is None:
                return False, f"there is no {name}; see: sitrep incidents all"
            entries = await work.timeline(name)
            stands = drafting.sections(incident, entries, self._presenter.drafting)
            command = changes(incident, stands, document, self._directory)
            kept = missing(incident, document)
            stay = "is not in the file, and stays" if len(kept) == 1 else "are not in it, and stay"
            note = f"; {', '.join(kept)} {stay}" if kept else ""
            if not command.sections and not command.actions:
                return True, f"nothing differs from the record{note}"
            now = self._clock.now()
            setting = replace(
                await self._setting(work, None, name, incident.service),
                actor=actor,
                document=stands,
            )
            try:
                decision = decide(incident, command, now, setting)
            except Rejected as refusal:
                return False, plain(
                    self._presenter.refusals.rejected(refusal, incident, elsewhere=True)
                )
            await self._commit(work, decision)
            written = [e for e in decision.happened if isinstance(e, ev.SectionWritten)]
            acted = len(command.actions)
            sections = f"{len(written)} section{'s' if len(written) != 1 else ''}"
            items = f"{acted} action item{'s' if acted != 1 else ''}"
            return True, f"{sections} and {items} changed{note}"

        return await self._store.transact(take)

    async def _draft(self, work: Work, inquiry: Inquiry, incident: Incident) -> str:
        """Have a brief drafted: by the first summarizer, in a lane of its own, or built in."""
        name = next(iter(self._targets.summarizers), None)
        if name is None:
            drafted = self._presenter.briefs.offer(incident, self._presenter.briefs.draft(incident))
            await self._answer(work, inquiry, drafted)
        else:
            row = Outgoing(
                target=name,
                lane=Lane.of_plugin(name, incident.id),
                body=BriefDraft(to=inquiry.conversation),
                incident=incident.id,
            )
            await work.send([row], now=inquiry.now)
        return "answered"

    async def ended_by_mail(self, token: str, post: bool) -> str | None:  # noqa: FBT001 - of HTTP
        """Return what a mail's link is about, and end it where that is asked (H1)."""

        async def end(work: Work) -> str | None:
            found = await work.subscription(token)
            if found is None or found.muted:
                return None
            if post:
                await work.unsubscribe(found.n)
            return self._presenter.subscriptions.described(found)

        return await (self._store.transact(end) if post else self._store.read(end))

    # --- time -------------------------------------------------------------------------------------

    async def tick(self) -> bool:
        """Do what is due for one incident; false when nothing is."""

        async def do(work: Work) -> bool:
            now = self._clock.now()
            incident = await work.due(now)
            if incident is None:
                return False
            setting = await self._setting(work, None, incident.id, incident.service)
            try:
                decision = decide(incident, cmd.Tick(), now, setting)
            except Exception as exc:  # noqa: BLE001 - one incident's fault must not stop all clocks
                _log.exception("tick broke down", incident=incident.id, error=repr(exc))
                await work.postpone(incident.id, now + TICK_AGAIN)
                return True
            if decision.happened:
                await self._commit(work, decision)
            else:
                # The config has changed since this was to fall due: it is due at another time now.
                await work.postpone(incident.id, next_due(incident, self._config.policy))
            return True

        done = await self._store.transact(do)
        if done:
            self.after_commit(None)
        return done

    async def apply(self, work: Work, incident: str, command: cmd.Command) -> None:
        """Let an effect's result back into the workflow, in the transaction that stores it."""
        found = await work.incident(incident)
        if found is None:
            return
        now = self._clock.now()
        setting = await self._setting(work, None, found.id, found.service)
        await self._commit(work, decide(found, command, now, setting))

    # --- the transaction --------------------------------------------------------------------------

    async def _setting(
        self,
        work: Work,
        inquiry: Inquiry | None,
        name: str,
        service: str | None,
    ) -> Setting:
        """Gather what `decide` may look at (F12); `name` is the incident's."""
        trained = self._directory.trained
        plan = self._config.plan_for(service)
        on_call = self._on_call()
        busy = set(plan.on_call) | set(on_call.get(service, ()) if service else ())
        served = inquiry.served if inquiry is not None else await work.served()
        never = datetime.min.replace(tzinfo=self._clock.now().tzinfo)
        candidates = sorted(
            (p for p in trained if p not in busy), key=lambda p: served.get(p, never)
        )
        audiences = {ClockName.INTERNAL}
        if self._router.pages(plan):
            audiences.add(ClockName.EXTERNAL)
        followed = briefed = False
        if inquiry is None or inquiry.followed:
            followed, briefed = await work.followed(name, service)
        briefed = briefed or bool(self._targets.channels)
        planned = any(plan.audiences.values())
        if briefed or planned:
            audiences.add(ClockName.STAKEHOLDER)
        now = inquiry.now if inquiry is not None else self._clock.now()
        return Setting(
            policy=self._config.policy,
            plan=plan,
            actor=inquiry.actor if inquiry is not None else None,
            candidates=tuple(candidates),
            trained=frozenset(trained),
            last_resort=tuple(PersonId(p) for p in self._config.paging.last),
            audiences=frozenset(audiences),
            on_call=on_call,
            pager=bool(self._targets.pagers),
            triage_at=self._config.triage.end_of_day(now),
            written_at=inquiry.written_at if inquiry is not None else None,
            via=inquiry.source if inquiry is not None else None,
            places=self._router.places(name),
            followed=followed or planned,
            briefed=briefed,
        )

    async def _informed(
        self, work: Work, command: cmd.Command, incident: Incident, setting: Setting
    ) -> Setting:
        """Add what a command needs to know of the record: an entry, the document, its findings."""
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
            case cmd.Amend():
                found = await work.entry(incident.id, command.entry)
                return replace(setting, entry=found.event if found is not None else None)
            case cmd.WriteSection(add=True) | cmd.KeepSection():
                entries = await work.timeline(incident.id)
                return replace(
                    setting, document=drafting.sections(incident, entries, self._presenter.drafting)
                )
            case cmd.WaiveFinding() | cmd.Finalise():
                entries = await work.timeline(incident.id)
                return replace(
                    setting, findings=drafting.findings(incident, entries, self._presenter.drafting)
                )
            case _:
                return setting

    async def _commit(
        self, work: Work, decision: Decision, inquiry: Inquiry | None = None
    ) -> Incident:
        """Write what was decided, and queue what follows from it (D1)."""
        incident, events, now = decision.incident, decision.happened, decision.now
        acknowledged = self._acknowledged(inquiry, worked=True) if inquiry is not None else []
        if not events:
            await work.send(acknowledged, now=now)
            return incident
        first = incident.entries - len(events) + 1
        entries = [Entry(n=first + i, event=e, recorded_at=now) for i, e in enumerate(events)]
        for event in events:
            if isinstance(event, ev.CommanderChanged) and not event.acting:
                await work.note_served(event.now, now)
        due_at = next_due(incident, self._config.policy)
        if inquiry is not None:
            inquiry.due_at = due_at
        await work.save(incident, entries, due_at=due_at)
        rows = self._router.outgoing(incident, entries, now, followed=decision.setting.followed)
        await work.send([*acknowledged, *rows], now=now)
        return incident

    async def _answer(
        self,
        work: Work,
        inquiry: Inquiry,
        message: Message,
        *,
        worked: bool | None = None,
        lasting: bool = False,
    ) -> None:
        """Answer whoever asked, where they asked; `worked` marks what they wrote besides.

        What is answered inline is not queued: a press whose answer is lost is pressed again. What
        has been done is told in the conversation all the same (`lasting`).
        """
        if inquiry.inline and not lasting:
            inquiry.answers.append(message)
            return
        row = Outgoing(
            target=inquiry.conversation.adapter,
            lane=Lane.of(inquiry.conversation),
            body=Post(message=message, answers=inquiry.message),
        )
        marks = self._acknowledged(inquiry, worked=worked) if worked is not None else []
        await work.send([*marks, row], now=inquiry.now)

    def _acknowledged(self, inquiry: Inquiry, *, worked: bool) -> list[Outgoing]:
        """Return the mark on a command, where the platform has such."""
        adapter = self._targets.adapters.get(inquiry.source)
        if inquiry.message is None or adapter is None or not adapter.features.reactions:
            return []
        to = inquiry.conversation
        body = Acknowledge(message=inquiry.message, worked=worked)
        return [Outgoing(target=to.adapter, lane=Lane.of(to), body=body)]


_CALLED = re.compile(r"(?:INC|DRILL|NEAR)-\d+")


def _captured(adapter: str, message: str | None) -> str | None:
    """Return the name under which a captured message's entry is stored."""
    return f"captured/{adapter}/{message}" if message is not None else None
