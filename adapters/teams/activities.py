"""Activities become the core's events, and a press is answered before Teams gives up on it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol

import structlog

from adapters.teams import inbound
from adapters.teams.config import TeamsSettings
from adapters.teams.inbound import (
    ADAPTER,
    Account,
    AppAdded,
    AppRemoved,
    Conversation,
    Correction,
    Json,
    MarkAction,
    Press,
    TeamsActivity,
    Written,
)
from adapters.teams.people import Known
from bot.contract import (
    Actions,
    ChatCapture,
    ChatCorrection,
    ChatEvent,
    ChatTrouble,
    Clock,
    ConversationRef,
    Form,
    Message,
    Receipt,
    Receive,
    UserRef,
    plain,
)

DEADLINE = 4.0
"""How many seconds a press may take; Teams gives up on an answer after five."""

CARD, TEXT = "application/vnd.microsoft.card.adaptive", "application/vnd.microsoft.activity.message"

_REMOVED = "The app was removed from this conversation in Teams; install it there again."


class Draws(Protocol):
    """Something that draws cards: the adapter."""

    async def card_for(self, message: Message, once: str) -> dict[str, Any]:
        """Return a message as a card, for one person's view."""


class Activities:
    """Hands authenticated activities to the core, and answers presses."""

    def __init__(  # noqa: PLR0913 - what it is composed of
        self,
        settings: TeamsSettings,
        known: Known,
        clock: Clock,
        log: structlog.stdlib.BoundLogger,
        receive: Receive,
        draws: Draws,
    ) -> None:
        """`receive` is the core's; `draws` makes the cards that answer a press."""
        self._settings, self._known, self._clock, self._log = settings, known, clock, log
        self._receive, self._draws = receive, draws
        self._tasks: set[asyncio.Task[Any]] = set()

    async def close(self) -> None:
        """Stop answering presses; what they asked for goes on."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def handle(self, activity: Json) -> dict[str, Any] | None:
        """Handle an activity; return once it is stored, with the answer to an invoke.

        Activities that mean nothing to the bot have no effect, and no answer.
        """
        found = inbound.read(activity)
        if found is None:
            return None
        await self._known.note_conversation(found.conversation)
        if found.sender is not None:
            await self._known.note(found.sender)
            if found.sender.object_id is not None and found.conversation.kind == "personal":
                await self._note_home(found.sender.object_id, found.conversation)
        match found:
            case Written():
                await self._message(found)
            case Correction():
                await self._corrected(found)
            case Press() if not found.invoke:
                await self._say(found, found.sender, text=found.line, name=found.event)
            case Press():
                text = "Working on it. The result will appear in the conversation."
                return await self._in_time(self._pressed(found), late=_text(text))
            case MarkAction():
                late = _notice("Working on it; see the conversation.")
                return await self._in_time(self._marked(found), late=late)
            case AppAdded():
                await self._say(found, found.sender, text="help", name=found.name)
            case AppRemoved():
                await self._removed(found)
            case _ if found.invoke:
                self._log.debug("not for us", invoke=found.invoke[:64])
        return None

    async def _note_home(self, object_id: str, heard: Conversation) -> None:
        """Remember the address under which somebody can be written to alone."""
        home = replace(heard, base=f"user/{object_id}", root=None, kind="personal", team="")
        await self._known.note_conversation(home)

    def _sent_at(self, found: TeamsActivity) -> datetime:
        return found.sent_at or self._clock.now()

    # --- messages ---------------------------------------------------------------------------------

    async def _message(self, found: Written) -> None:
        said, sender = found.said, found.sender
        mentions = {}
        for word, mri in said.mentions.items():
            user = await self._known.user_of(mri)
            mentions[word] = UserRef(ADAPTER, user or mri)
        if said.text or said.addressed:
            await self._receive(
                ChatEvent(
                    id=found.name,
                    conversation=found.conversation.ref,
                    sender=UserRef(ADAPTER, sender.user),
                    sender_name=sender.name,
                    text=said.text,
                    written_at=self._sent_at(found),
                    addressed=said.addressed,
                    direct=found.conversation.kind == "personal",
                    mentions=mentions,
                    message=found.conversation.root or found.id,
                    home=found.home,
                )
            )

    async def _say(self, found: TeamsActivity, sender: Account, *, text: str, name: str) -> Receipt:
        """Hand a command line to the core that nobody typed; an invoke is answered `inline`."""
        return await self._receive(
            ChatEvent(
                id=name,
                conversation=found.conversation.ref,
                sender=UserRef(ADAPTER, sender.user),
                sender_name=sender.name,
                text=text,
                written_at=self._sent_at(found),
                addressed=True,
                inline=bool(found.invoke),
                home=found.home,
            )
        )

    async def _corrected(self, found: Correction) -> None:
        await self._receive(
            ChatCorrection(
                id=f"{found.name}/{found.version}",
                conversation=found.conversation.ref,
                sender=UserRef(ADAPTER, found.sender.user),
                message=found.name,
                text=found.text,
                written_at=self._sent_at(found),
            )
        )

    async def _removed(self, found: AppRemoved) -> None:
        """Tell the incidents of a conversation that the bot cannot reach it any more."""
        where = found.conversation
        in_our_team = where.kind == "channel" and where.team in {"", self._settings.team}
        # The app is removed from a team, and the activity names just one of its channels.
        base = (self._settings.channel if in_our_team else None) or where.base
        await self._receive(
            ChatTrouble(
                id=found.id,
                conversation=ConversationRef(ADAPTER, found.channel or base),
                text=_REMOVED if found.app else "This channel was deleted in Teams.",
                noticed_at=self._clock.now(),
                reachable=False,
            )
        )

    # --- presses ----------------------------------------------------------------------------------

    async def _in_time(
        self, work: Coroutine[Any, Any, dict[str, Any]], *, late: dict[str, Any]
    ) -> dict[str, Any]:
        """Answer an invoke with what `work` returns, or with `late` when Teams would give up."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        done, _ = await asyncio.wait((task,), timeout=DEADLINE)
        return task.result() if done else late

    async def _pressed(self, found: Press) -> dict[str, Any]:
        """Do what a button says; whoever pressed it sees the outcome at once."""
        if not found.line:
            return _error("This button is of no use here.")
        receipt = await self._say(found, found.sender, text=found.line, name=found.event)
        if receipt.answers and not found.refresh:
            answer = receipt.answers[-1]
            if any(isinstance(block, Form | Actions) for block in answer.blocks):
                return _card(await self._draws.card_for(answer, found.id))
            return _text(plain(answer, "")[:1500])
        if receipt.card is not None and (found.refresh or found.on_card):
            return _card(await self._draws.card_for(receipt.card, found.id))
        return _text("Done." if receipt.done else "Not done: you cannot do that here.")

    async def _marked(self, found: MarkAction) -> dict[str, Any]:
        """Put the message on the timeline that the message action was used on."""
        marked = found.marked
        if marked is None or not marked.text:
            return _notice("There is no text in that message to put on the timeline.")
        now = self._clock.now()
        receipt = await self._receive(
            ChatCapture(
                id=found.id,
                conversation=found.thread,
                sender=UserRef(ADAPTER, found.sender.user),
                sender_name=found.sender.name,
                author=UserRef(ADAPTER, marked.author.user),
                author_name=marked.author.name,
                text=marked.text,
                written_at=marked.written_at or now,
                marked_at=now,
                message=f"{found.conversation.base}/{marked.id}",
                home=found.home,
            )
        )
        if not receipt.done:
            return _notice("No incident runs in this conversation.")
        return _notice(f"On the timeline, as of {marked.written_at or now:%H:%M:%S} UTC.")


def _card(card: Mapping[str, Any]) -> dict[str, Any]:
    return {"statusCode": 200, "type": CARD, "value": dict(card)}


def _text(text: str) -> dict[str, Any]:
    return {"statusCode": 200, "type": TEXT, "value": text}


def _error(text: str) -> dict[str, Any]:
    value = {"code": "BadRequest", "message": text}
    return {"statusCode": 400, "type": "application/vnd.microsoft.error", "value": value}


def _notice(text: str) -> dict[str, Any]:
    return {"task": {"type": "message", "value": text}}
