"""What is heard becomes the core's events, and a press is answered within the platform's time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

import structlog

from adapters.teams import inbound as ib
from adapters.teams.config import TeamsSettings
from adapters.teams.edge import Answer
from adapters.teams.inbound import ADAPTER
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
    """Draws cards."""

    async def card_for(self, message: Message, once: str) -> dict[str, Any]:
        """Return a message as a card, for one person's view."""


class Hearing:
    """Takes authenticated activities."""

    def __init__(  # noqa: PLR0913 - what it is composed of
        self,
        settings: TeamsSettings,
        known: Known,
        clock: Clock,
        log: structlog.stdlib.BoundLogger,
        receive: Receive,
        draws: Draws,
    ) -> None:
        """See the class."""
        self._settings, self._known, self._clock, self._log = settings, known, clock, log
        self._receive, self._draws = receive, draws
        self._tasks: set[asyncio.Task[Any]] = set()

    async def close(self) -> None:
        """Let go of the presses that are still answered; what they asked for goes on."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def hear(self, activity: ib.Json) -> Answer | None:
        """Handle an activity; return once it is stored. What nothing is known of has no effect."""
        kind, place = ib.text_at(activity, "type"), ib.place(activity)
        sender = ib.person(ib.dict_at(activity, "from"))
        is_invoke = kind == "invoke"
        if place is None or not ib.text_at(activity, "id"):
            return Answer(400) if is_invoke else None
        await self._known.note_place(place)
        if sender is not None:
            await self._known.note(sender)
            if sender.object_id is not None and place.kind == "personal":
                await self._note_home(sender.object_id, place)
        match kind:
            case "message" if sender is not None:
                await self._message(activity, place, sender)
            case "messageUpdate" | "messageDelete" if sender is not None:
                await self._corrected(activity, place, sender, gone=kind == "messageDelete")
            case "installationUpdate" | "conversationUpdate":
                await self._installed(activity, place, sender)
            case "invoke" if sender is not None:
                return await self._invoked(activity, place, sender)
            case _:
                pass
        return Answer(400) if is_invoke else None

    async def _note_home(self, object_id: str, place: ib.Place) -> None:
        """Remember through which address somebody is reached alone."""
        home = ib.Place(f"user/{object_id}", None, "personal", place.tenant, place.service_url, "")
        await self._known.note_place(home)

    def _written_at(self, activity: ib.Json) -> datetime:
        return ib.moment(ib.text_at(activity, "timestamp")) or self._clock.now()

    # --- messages ---------------------------------------------------------------------------------

    async def _message(self, activity: ib.Json, place: ib.Place, sender: ib.Person) -> None:
        line = ib.pressed(activity.get("value"))
        if line:
            name = ib.press_id(activity, activity.get("value"), line, sender.user)
            await self._say(activity, place, sender, text=line, name=name)
            return
        said = ib.said(activity, personal=place.kind == "personal")
        mentions = {}
        for word, mri in said.mentions.items():
            user = await self._known.user_of(mri)
            mentions[word] = UserRef(ADAPTER, user or mri)
        if said.text or said.addressed:
            await self._receive(
                ChatEvent(
                    id=ib.name_of(place, activity),
                    conversation=place.ref,
                    sender=UserRef(ADAPTER, sender.user),
                    sender_name=sender.name,
                    text=said.text,
                    written_at=self._written_at(activity),
                    addressed=said.addressed,
                    mentions=mentions,
                    message=place.root or ib.text_at(activity, "id"),
                )
            )

    async def _say(  # noqa: PLR0913 - what a line comes with
        self,
        activity: ib.Json,
        place: ib.Place,
        sender: ib.Person,
        *,
        text: str,
        name: str,
        inline: bool = False,
    ) -> Receipt:
        return await self._receive(
            ChatEvent(
                id=name,
                conversation=place.ref,
                sender=UserRef(ADAPTER, sender.user),
                sender_name=sender.name,
                text=text,
                written_at=self._written_at(activity),
                addressed=True,
                inline=inline,
            )
        )

    async def _corrected(
        self, activity: ib.Json, place: ib.Place, sender: ib.Person, *, gone: bool
    ) -> None:
        said = ib.said(activity, personal=False)
        name, stamp = ib.name_of(place, activity), ib.text_at(activity, "timestamp")
        await self._receive(
            ChatCorrection(
                id=f"{name}/{'gone' if gone else stamp}",
                conversation=place.ref,
                sender=UserRef(ADAPTER, sender.user),
                message=name,
                text=None if gone else said.text,
                written_at=self._written_at(activity),
            )
        )

    async def _installed(
        self, activity: ib.Json, place: ib.Place, sender: ib.Person | None
    ) -> None:
        """Greet where the app was added; tell the incidents of a place that it was removed from."""
        action = ib.text_at(activity, "action")
        event = ib.text_at(activity, "channelData", "eventType")
        if ib.text_at(activity, "type") == "installationUpdate" and action.startswith("add"):
            if sender is not None:
                name = ib.name_of(place, activity)
                await self._say(activity, place, sender, text="help", name=name)
            return
        removed = action.startswith("remove")
        if removed or event in {"channelDeleted", "teamDeleted"}:
            where = place.base
            if event == "channelDeleted":
                where = ib.text_at(activity, "channelData", "channel", "id") or where
            elif place.kind == "channel" and place.team in {"", self._settings.team}:
                where = self._settings.channel or where
            await self._receive(
                ChatTrouble(
                    id=ib.text_at(activity, "id"),
                    conversation=ConversationRef(ADAPTER, where),
                    text=_REMOVED if removed else "This channel was deleted in Teams.",
                    noticed_at=self._clock.now(),
                    reachable=False,
                )
            )

    # --- presses ----------------------------------------------------------------------------------

    async def _invoked(self, activity: ib.Json, place: ib.Place, sender: ib.Person) -> Answer:
        match ib.text_at(activity, "name"):
            case "adaptiveCard/action":
                work = self._pressed(activity, place, sender)
                late = Answer(200, _text("Still at it; the conversation will say what came of it."))
            case "composeExtension/fetchTask" | "composeExtension/submitAction":
                work = self._captured(activity, place, sender)
                late = Answer(200, _notice("Still at it; see the conversation."))
            case name:
                self._log.debug("not for us", invoke=name[:64])
                return Answer(400)
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        done, _ = await asyncio.wait((task,), timeout=DEADLINE)
        return task.result() if done else late

    async def _pressed(self, activity: ib.Json, place: ib.Place, sender: ib.Person) -> Answer:
        """Do what a button says; whoever pressed it sees the outcome at once."""
        action = ib.dict_at(activity, "value", "action")
        line = ib.pressed(action.get("data"))
        if not line:
            return Answer(200, _error("This button is of no use here."))
        name = ib.press_id(activity, action.get("data"), line, sender.user)
        refresh = ib.text_at(action, "verb") == "refresh"
        if refresh:
            name = ib.text_at(activity, "id")
        receipt = await self._say(activity, place, sender, text=line, name=name, inline=True)
        once = ib.text_at(activity, "id")
        if receipt.answers and not refresh:
            answer = receipt.answers[-1]
            if any(isinstance(block, Form | Actions) for block in answer.blocks):
                return Answer(200, _card(await self._draws.card_for(answer, once)))
            return Answer(200, _text(plain(answer, "")[:1500]))
        if receipt.card is not None and (refresh or self._on_card(action)):
            return Answer(200, _card(await self._draws.card_for(receipt.card, once)))
        if not receipt.done:
            return Answer(200, _text("Not done: you cannot do that here."))
        return Answer(200, _text("Done."))

    def _on_card(self, action: ib.Json) -> bool:
        """Whether a button is on a status card, which may be shown anew to whoever pressed it."""
        return dict(ib.dict_at(action, "data")).get("card") == "yes"

    async def _captured(self, activity: ib.Json, place: ib.Place, sender: ib.Person) -> Answer:
        """Put the message on the timeline that the message action was used on."""
        marked = ib.marked(activity)
        if marked is None or not marked.text:
            return Answer(200, _notice("There is no text in that message to put on the timeline."))
        now = self._clock.now()
        root = place.root or ib.text_at(activity, "value", "messagePayload", "replyToId")
        where = ib.Place(place.base, root or marked.id, "", "", "", "")
        conversation = where.ref if place.kind == "channel" else place.ref
        receipt = await self._receive(
            ChatCapture(
                id=ib.text_at(activity, "id"),
                conversation=conversation,
                sender=UserRef(ADAPTER, sender.user),
                sender_name=sender.name,
                author=UserRef(ADAPTER, marked.author.user),
                author_name=marked.author.name,
                text=marked.text,
                written_at=marked.written_at or now,
                marked_at=now,
                message=f"{place.base}/{marked.id}",
            )
        )
        if not receipt.done:
            return Answer(200, _notice("No incident runs in this conversation."))
        stamp = f"{marked.written_at or now:%H:%M:%S}"
        return Answer(200, _notice(f"On the timeline, as of {stamp} UTC."))


def _card(card: Mapping[str, Any]) -> dict[str, Any]:
    return {"statusCode": 200, "type": CARD, "value": dict(card)}


def _text(text: str) -> dict[str, Any]:
    return {"statusCode": 200, "type": TEXT, "value": text}


def _error(text: str) -> dict[str, Any]:
    value = {"code": "BadRequest", "message": text}
    return {"statusCode": 400, "type": "application/vnd.microsoft.error", "value": value}


def _notice(text: str) -> dict[str, Any]:
    return {"task": {"type": "message", "value": text}}
