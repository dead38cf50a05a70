"""Captured messages and their corrections; trouble in conversations, and rooms that move."""

from __future__ import annotations

from bot.contract.chat import ChatCapture, ChatCorrection, ChatMoved, ChatTrouble
from bot.contract.context import Clock
from bot.delivery.plan import Router
from bot.domain import commands as cmd
from bot.domain.incident import Incident
from bot.grammar.text import clean
from bot.intake.arrived import Arrived, Handled
from bot.intake.commands import Commands
from bot.intake.transaction import Transaction
from bot.people import Directory
from bot.presenter import Presenter
from bot.refs import ConversationRef
from bot.store.work import Store, Work

NO_INCIDENT = Handled(word="no incident")


class Captures:
    """Chat messages on the timeline: captured, and corrected with the message (L1, L3)."""

    def __init__(self, directory: Directory, transaction: Transaction, commands: Commands) -> None:
        self._directory, self._transaction, self._commands = directory, transaction, commands

    async def capture(self, work: Work, arrived: Arrived, capture: ChatCapture) -> Handled:
        """Put a marked message on the timeline of the incident that runs there (L1)."""
        here = [i for i in await work.incidents_in(arrived.conversation) if i.running]
        text, name = clean(capture.text), _stored_as(arrived.source, capture.message)
        if arrived.is_stranger or len(here) != 1 or not text:
            return NO_INCIDENT
        if name is not None and await work.ref(name) is not None:
            return Handled(word="done")  # somebody else has marked it already
        incident = await work.incident(here[0].id)
        if incident is None:
            return NO_INCIDENT
        command = cmd.Capture(
            author=self._directory.person(capture.author),
            text=text,
            written_at=capture.written_at,
        )
        outcome = await self._commands.do(work, arrived, command, incident)
        if outcome.word == "done" and name is not None:
            await work.store_ref(name, f"{incident.id} {incident.entries + 1}")
        return outcome

    async def correct(self, work: Work, arrived: Arrived, correction: ChatCorrection) -> Handled:
        """Change the entry of a captured message as its message was changed (L1, L3).

        Nobody's permission is checked beyond the platform's: a secret that a moderator removes must
        leave the record, too.
        """
        name = _stored_as(arrived.source, correction.message)
        stored = await work.ref(name) if name is not None else None
        if stored is None:
            return Handled(word="not captured")
        of, _, n = stored.partition(" ")
        incident, found = await work.incident(of), await work.entry(of, int(n))
        if incident is None or found is None:
            return NO_INCIDENT
        text = clean(correction.text or "")
        command = (
            cmd.Amend(entry=int(n), text=text, by_platform=True)
            if text
            else cmd.Redact(entry=int(n), by_platform=True)
        )
        decision = await self._transaction.decide(work, arrived, command, incident)
        committed = await self._transaction.commit(work, decision, arrived)
        return Handled(word="done", due_at=committed.due_at)


def _stored_as(adapter: str, message: str | None) -> str | None:
    """Return the name of the reference that leads from a message to its entry."""
    return f"captured/{adapter}/{message}" if message is not None else None


class Conversations:
    """Changes of the conversations themselves: trouble, moves, a lost platform."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        presenter: Presenter,
        router: Router,
        transaction: Transaction,
    ) -> None:
        self._store, self._clock, self._presenter = store, clock, presenter
        self._router, self._transaction = router, transaction

    async def troubled(self, work: Work, arrived: Arrived, trouble: ChatTrouble) -> Handled:
        """Record trouble in a conversation with each of its incidents, which tell of it (D2).

        Triage is told itself: what is wrong there is the whole platform's.
        """
        within = await self._within(work, trouble.conversation)
        for incident, conversation, _real in within:
            command = cmd.NoteTrouble(
                adapter=arrived.source,
                conversation=conversation,
                text=trouble.text,
                reachable=trouble.reachable,
            )
            await self._transaction.apply(work, incident.id, command)
        word = [] if within else self._router.in_triage(trouble.conversation, trouble.text)
        await work.send(word, now=arrived.now)
        return Handled(word="done") if within or word else NO_INCIDENT

    async def moved(self, work: Work, arrived: Arrived, moved: ChatMoved) -> Handled:
        """Continue in the new room, with the cards of its incidents; threads do not move."""
        within = await self._within(work, moved.conversation)
        await work.moved(moved.conversation, moved.to)
        for incident, conversation, real in within:
            if real != moved.conversation:
                await work.opened(conversation, moved.to, own=False)
                await work.join(incident.id, moved.to)
            await work.send([self._router.card(incident, conversation)], now=arrived.now)
        return Handled(word="done")

    async def lost(self, adapter: str, why: str) -> None:
        """Tell over every other platform that this one has ended the bot's session (D2)."""

        async def tell_all(work: Work) -> None:
            command = cmd.NoteTrouble(adapter=adapter, conversation=None, text=why, reachable=False)
            running = await self._transaction.running(work)
            for each in running:
                await self._transaction.apply(work, each.id, command)
            if not running:
                alarm = self._presenter.trouble.platform_lost(adapter, why)
                rows = self._router.alarm(alarm, avoid=adapter)
                await work.send(rows, now=self._clock.now())

        await self._store.transact(tell_all)
        self._transaction.after_commit(None)

    async def _within(
        self, work: Work, place: ConversationRef
    ) -> list[tuple[Incident, ConversationRef, ConversationRef]]:
        """Return the running incidents in a room and its threads.

        Each comes with its conversation there, by the core's name and by the platform's.
        """
        found = []
        for each in await self._transaction.running(work):
            for conversation in each.conversations:
                real = await work.real(conversation) or conversation
                threads = real.adapter == place.adapter and real.id.startswith(f"{place.id}/")
                if real == place or threads:
                    found.append((each, conversation, real))
        return found
