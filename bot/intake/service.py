"""The one way in: an inbound event becomes a command, a decision, and one transaction.

The transaction holds the inbox mark, the incident, its timeline, the next due time, and every
message to send. Refusals and answers are queued in it, too: only the outbox sends.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import cast

import structlog

from bot.clock import WatchedClock
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
from bot.contract.errors import DatabaseAway, DatabaseDamaged
from bot.domain import commands as cmd
from bot.domain.bystanders import asks_for_news
from bot.domain.durations import within
from bot.grammar.parser import Request, command_line, parse
from bot.grammar.requests import Asked, Query, SetShield, Subscribe, Unsubscribe, UsageError
from bot.intake.acquaintances import Acquaintances
from bot.intake.answers import Answers
from bot.intake.arrived import Arrived, Asking, Handled, NewsQuestion
from bot.intake.audience import AudienceRequests
from bot.intake.captures import Captures, Conversations
from bot.intake.commands import Commands
from bot.intake.outages import Outages
from bot.intake.questions import Questions
from bot.intake.transaction import Transaction
from bot.presenter import Presenter
from bot.refs import PersonId, UserRef
from bot.store.work import Store, Work

TURNED_AWAY = "turned-away/"
"""The prefix of references that hold when somebody was last told how to be added."""

ONCE_AN_HOUR = timedelta(hours=1)

SUBMITTED = "submitted/"
"""The prefix of references that say what became of what a plugin submitted, by its key."""

_DONE = "done"

LONGEST_NAME = 400
"""The longest name of a user or a conversation: no platform's is longer, and each is stored."""

_log = structlog.stdlib.get_logger("sitrep.service")


class Service:
    """The entrance for inbound events."""

    def __init__(  # noqa: PLR0913 - what it is composed of
        self,
        config: Config,
        store: Store,
        clock: WatchedClock,
        presenter: Presenter,
        answers: Answers,
        transaction: Transaction,
        questions: Questions,
        commands: Commands,
        captures: Captures,
        conversations: Conversations,
        audience: AudienceRequests,
        acquaintances: Acquaintances,
        outages: Outages,
    ) -> None:
        self._config, self._store, self._clock = config, store, clock
        self._presenter, self._answers, self._transaction = presenter, answers, transaction
        self._questions, self._commands, self._captures = questions, commands, captures
        self._conversations, self._audience = conversations, audience
        self._directory = config.directory
        self._acquaintances, self._outages = acquaintances, outages

    async def receive(self, inbound: Inbound) -> Receipt:
        """Handle an inbound event; return its receipt once it is stored.

        An event that was seen before has no second effect (D3). Talk among people counts as done.
        """
        try:
            return await self._receive(inbound)
        except DatabaseAway:
            self._outages.begin(inbound.conversation, self._clock.now())
            raise

    async def _receive(self, inbound: Inbound) -> Receipt:
        adapter = inbound.conversation.adapter
        sender = None if isinstance(inbound, ChatTrouble | ChatMoved) else inbound.sender
        if not await self._admitted(inbound, sender):
            _log.warning("refused", conversation=repr(inbound.conversation), sender=repr(sender))
            return Receipt(done=False)
        try:
            asked = self._asked(inbound)
            if asked is None:
                return Receipt(done=True)
            said = self._met(inbound, sender)
            arrived = self._arrived(inbound, sender)
            outcome = await self._store.transact(partial(self._handle, arrived, asked, said))
        except DatabaseAway:
            raise
        except DatabaseDamaged as exc:
            # The loops end the process for it; the event is not acknowledged, and comes again.
            raise DatabaseAway(str(exc)) from exc
        except Exception as exc:  # noqa: BLE001 - one event's fault, and not the adapter's
            _log.exception("broke down", source=adapter, inbound=inbound.id, error=repr(exc))
            arrived = self._arrived(inbound, sender)
            outcome = await self._store.transact(partial(self._broke_down, arrived))
        self._outages.end(arrived.conversation)
        self._acquaintances.stored(outcome.learned)
        self._transaction.after_commit(outcome.due_at)
        _log.debug("handled", source=adapter, inbound=inbound.id, outcome=outcome.word)
        return Receipt(done=outcome.done, answers=outcome.answers, card=outcome.card)

    def _met(self, inbound: Inbound, sender: UserRef | None) -> Mapping[str, str]:
        """Learn what the platform says of the sender, whom the decision is to know (F8)."""
        if sender is None or not isinstance(inbound, ChatEvent | ChatCapture):
            return {}
        person = self._directory.person(sender)
        return self._acquaintances.meet(person, inbound.sender_name, inbound.home)

    async def _admitted(self, inbound: Inbound, sender: UserRef | None) -> bool:
        """Return whether the conversation is admitted, and its names can be stored (F8).

        A conversation that the bot opened itself is always admitted.
        """
        conversation = inbound.conversation
        names = [conversation.id, *([sender.id] if sender is not None else ())]
        named = all(name.isprintable() and 0 < len(name) <= LONGEST_NAME for name in names)
        if not named or not inbound.id.isprintable():
            return False
        if self._config.admits(conversation):
            return True
        return await self._store.read(lambda work: work.is_own(conversation))

    def _arrived(self, inbound: Inbound, sender: UserRef | None) -> Arrived:
        """Return an event with the person who acts, and whether they may (F8, F11)."""
        now = written_at = self._clock.now()
        message, inline, direct = None, False, False
        match inbound:
            case ChatEvent():
                written_at, message, inline = inbound.written_at, inbound.message, inbound.inline
                direct = inbound.direct
            case ChatCapture():
                written_at, message = inbound.marked_at, inbound.message
            case ChatUnreadable():
                message = inbound.message
            case _:
                pass
        actor = self._directory.person(sender) if sender is not None else PersonId("")
        admitted = self._directory.admits(actor)
        return Arrived(
            source=inbound.conversation.adapter,
            id=inbound.id,
            conversation=inbound.conversation,
            actor=actor,
            written_at=written_at,
            now=now,
            is_stranger=not admitted,
            stale_after=self._stale_after(),
            message=message,
            inline=inline,
            direct=direct or inbound.conversation.direct_to is not None,
        )

    def _stale_after(self) -> timedelta:
        """Return the age from which a command is asked about; after a jump nobody knows it (K6)."""
        return timedelta.max if self._clock.was_set else self._config.access.stale_after

    def _asked(self, inbound: Inbound) -> Asking | None:
        """Return the meaning of an event; `None` if it is talk among people."""
        if not isinstance(inbound, ChatEvent):
            return inbound
        line = command_line(inbound.text, addressed=inbound.addressed)
        if line is None:
            curious = self._config.stakeholders.shield and asks_for_news(inbound.text)
            return NewsQuestion() if curious else None
        asked = parse(line, self._directory, inbound.mentions)
        if isinstance(asked, UsageError) and asks_for_news(line):
            return NewsQuestion(otherwise=asked)
        return asked

    async def _handle(
        self, event: Arrived, asked: Asking, said: Mapping[str, str], work: Work
    ) -> Handled:
        arrival = await work.arrive(
            event.source,
            event.id,
            event.conversation,
            at=event.now,
            series=self._series(event, asked),
        )
        if arrival is None:
            return await self._repeated(work, event, asked)
        arrived = replace(
            event,
            conversation=arrival.conversation,
            served=arrival.served,
            number=arrival.number,
            has_subscribers=arrival.has_subscribers,
        )
        if (since := self._outages.since(event.conversation, event.now)) is not None:
            told = self._presenter.trouble.was_away(since, event.now)
            await self._answers.tell(work, arrived.conversation, told, event.now)
        learned = await self._acquaintances.store(work, said)
        outcome = await self._dispatched(work, arrived, asked)
        await work.outcome(event.source, event.id, outcome.word, event.actor)
        if event.pressed and outcome.word != _DONE:
            # The same button may be pressed again on the same card, and by then do what it says.
            await work.release(event.source, event.id)
        if event.by_machine:
            kept = f"{_DONE if outcome.done else 'refused'} {outcome.incident or ''}"
            await work.store_ref(_kept(event), kept, kept_at=event.now)
        return replace(outcome, learned=learned)

    async def submit(self, arrived: Arrived, line: str) -> Handled:
        """Carry out a line that a plugin submits, as if it had been typed (see `Machines`)."""
        asked = parse(command_line(line, addressed=True) or "", self._directory, {})
        outcome = await self._store.transact(partial(self._handle, arrived, asked, {}))
        self._transaction.after_commit(outcome.due_at)
        return outcome

    async def _repeated(self, work: Work, event: Arrived, asked: Asking) -> Handled:
        """Answer an event that was seen before: it has no second effect (D3).

        A plugin reads again what it reads, and learns what became of what it submitted.
        """
        if not event.by_machine:
            return Handled(word="repeated")
        if isinstance(asked, Request) and not asked.verb.changes:
            return await self._command(work, event, asked)
        word, _, incident = (await work.ref(_kept(event)) or "").partition(" ")
        done = word == _DONE
        told = self._presenter.refusals.repeated(incident or None, done=done)
        word = "repeated" if done else "rejected"
        return Handled(word=word, answers=(told,), incident=incident or None)

    async def _dispatched(self, work: Work, arrived: Arrived, asked: Asking) -> Handled:
        match asked:
            case ChatCapture():
                return await self._captures.capture(work, arrived, asked)
            case ChatCorrection():
                return await self._captures.correct(work, arrived, asked)
            case ChatTrouble():
                return await self._conversations.troubled(work, arrived, asked)
            case ChatMoved():
                return await self._conversations.moved(work, arrived, asked)
            case ChatUnreadable():
                message = self._presenter.trouble.unreadable(in_clear=asked.in_clear)
                return await self._answers.refuse(work, arrived, message, "not readable")
            case NewsQuestion(otherwise=otherwise):
                spoken_to = otherwise is not None
                told = await self._audience.tell_news(work, arrived, spoken_to=spoken_to)
                if told is not None:
                    return told
                if otherwise is None:
                    return Handled(word="talk")
                return await self._command(work, arrived, otherwise)
            case Request() | UsageError():
                return await self._command(work, arrived, asked)

    async def _broke_down(self, arrived: Arrived, work: Work) -> Handled:
        """Mark an event as handled after an internal error, and say so."""
        fresh = await work.arrive(arrived.source, arrived.id, arrived.conversation, at=arrived.now)
        if fresh is None:
            return Handled(word="repeated")  # another delivery of it was handled meanwhile
        await work.outcome(arrived.source, arrived.id, "broke down", arrived.actor)
        if arrived.pressed:
            await work.release(arrived.source, arrived.id)
        message = self._presenter.trouble.broken()
        return await self._answers.refuse(work, arrived, message, "broke down")

    def _series(self, arrived: Arrived, asked: Asking) -> str | None:
        """Return the counter that a declaration draws from; `None` if it will be refused."""
        if not isinstance(asked, Request) or not isinstance(asked.what, cmd.Declare):
            return None
        refused = arrived.is_stranger or arrived.is_stale
        if arrived.by_machine:
            refused = not self._transaction.can_tell(asked.what)
        refused = refused or not self._transaction.has_place(arrived, asked.what)
        return None if refused else asked.what.kind.prefix

    async def _command(
        self, work: Work, arrived: Arrived, request: Request | UsageError
    ) -> Handled:
        refusals = self._presenter.refusals
        if isinstance(request, UsageError):
            message = refusals.usage(request)
            return await self._answers.refuse(work, arrived, message, "not understood")
        if arrived.is_stranger:
            return await self._turn_away(work, arrived, request)
        if arrived.is_stale and not request.verb.changes:
            return Handled(word="stale")
        match request.what:
            case Subscribe() | Unsubscribe() | SetShield() as asked:
                if arrived.is_stale:
                    return await self._commands.ask_again(work, arrived, request, None)
                return await self._audience.change(work, arrived, request, asked)
            case cmd.Declare() as declaration:
                if arrived.is_stale:
                    return await self._commands.ask_again(work, arrived, request, None)
                return await self._commands.open(work, arrived, declaration)
            case Asked(query=Query.SUBSCRIPTIONS):
                return await self._audience.listed(work, arrived)
            case Asked(query=Query.HELP | Query.LIST) as asked:
                return await self._questions.look_up(work, arrived, asked)
            case Asked(query=Query.ACTIONS, argument=which):
                return await self._questions.actions(work, arrived, request, which)
            case Asked(declaration=cmd.Declare() as declaration):
                return await self._questions.preview(work, arrived, declaration, request.line)
            case _:
                return await self._of_incident(work, arrived, request)

    async def _turn_away(self, work: Work, arrived: Arrived, request: Request) -> Handled:
        """Refuse somebody whom the config does not admit, and tell triage of a declaration (F8).

        They are told how to be added once an hour; an endless talk with a stranger helps nobody.
        """
        if isinstance(request.what, cmd.Declare) and self._config.triage_conversation is not None:
            told = self._presenter.refusals.turned_away(arrived.actor, request.what.title)
            await self._answers.tell(work, self._config.triage_conversation, told, arrived.now)
        name = f"{TURNED_AWAY}{arrived.actor}"
        last = await work.ref(name)
        if last is not None and within(ONCE_AN_HOUR, datetime.fromisoformat(last), arrived.now):
            await work.send(self._answers.mark(arrived, worked=False), now=arrived.now)
            return Handled(word="stranger")
        await work.store_ref(name, arrived.now.isoformat(), kept_at=arrived.now)
        message = self._presenter.refusals.stranger(arrived.actor)
        return await self._answers.refuse(work, arrived, message, "stranger")

    async def _of_incident(self, work: Work, arrived: Arrived, request: Request) -> Handled:
        """Answer a question about one incident, or carry out a command for it."""
        found = await self._commands.meant(work, arrived, request, request.incident)
        if isinstance(found, Handled):
            return found
        if arrived.is_stale and not isinstance(request.what, cmd.AddNote):
            return await self._commands.ask_again(work, arrived, request, found)
        if isinstance(request.what, Asked):
            handled = await self._questions.show(work, arrived, request.what, found)
        else:
            command = cast("cmd.Command", request.what)
            handled = await self._commands.do(work, arrived, command, found)
        return replace(handled, incident=found.id)


def _kept(event: Arrived) -> str:
    """Return the reference that keeps what became of what a plugin submitted."""
    return f"{SUBMITTED}{event.source}/{event.id}"
