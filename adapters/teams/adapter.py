"""Microsoft Teams: threads in a channel, chats, cards."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from aiohttp import web

from adapters.teams import cards, inbound
from adapters.teams.activities import Activities
from adapters.teams.config import GUID, TeamsSettings
from adapters.teams.connector import Connector, Gone
from adapters.teams.endpoint import Endpoint
from adapters.teams.graph import Graph
from adapters.teams.inbound import ADAPTER
from adapters.teams.people import Known, Reference
from adapters.teams.rate_limits import RateLimits
from adapters.teams.tokens import CONNECTOR, AppRefused, Tokens
from bot.contract import (
    ConversationRef,
    ConversationRequest,
    Features,
    Finding,
    Mention,
    Message,
    MessageRef,
    Opened,
    PermanentFailure,
    PersonId,
    Place,
    PluginContext,
    Receive,
    SessionEnded,
    TemporaryFailure,
    UserRef,
    spans_of,
)
from bot.plugin_kit.users import Users

LOOK_AGAIN = timedelta(minutes=30)
"""How often a token is fetched even if nothing is sent, to notice that the secret expired."""

OPENING_TAKES = timedelta(seconds=2)
"""How long a message waits for the thread that it links to to be opened."""

WHOLE_KEPT = "whole/"


class TeamsAdapter:
    """A bot registered with Microsoft Entra, installed in a team."""

    def __init__(self, context: PluginContext, settings: TeamsSettings) -> None:
        """Make no request yet."""
        self._context, self._settings, self._log = context, settings, context.log
        self._clock = context.clock
        self.features = Features(
            rooms=settings.rooms,
            direct=True,
            edits=True,
            threads=True,
            buttons=True,
            forms=True,
            repeats=False,
            max_bytes=100_000,
            private_place=ConversationRef(ADAPTER, settings.private) if settings.private else None,
            triage=ConversationRef(ADAPTER, settings.channel) if settings.channel else None,
        )

        def http() -> Any:  # noqa: ANN401 - aiohttp's session
            return context.http

        self._tokens = Tokens(settings, http, context.clock)
        self._connector = Connector(
            settings, http, self._tokens.get, self._tokens.forget, context.clock
        )
        self._graph = Graph(settings, http, lambda: self._tokens.get(settings.graph), context.clock)
        self._known = Known(settings, Users(context).now, lambda: context.memory)
        self._rate_limits = RateLimits(context.clock, settings.sends_per_second)
        self._endpoint = Endpoint(settings, http, context.clock, context.log, self._turn)
        self._activities: Activities | None = None
        context.routes.post("/messages")(self._endpoint.handle)
        context.routes.get("/whole/{name}")(self._show_whole)

    # --- in ---------------------------------------------------------------------------------------

    async def run(self, receive: Receive) -> bool:
        """Listen until cancelled.

        Raises:
            SessionEnded: Entra does not accept the app or its secret.
        """
        self._activities = Activities(
            self._settings, self._known, self._clock, self._log, receive, self
        )
        try:
            while True:
                try:
                    await self._tokens.get()
                except AppRefused as exc:
                    why = f"{exc}; renew the app's secret or certificate, and start Sitrep again"
                    raise SessionEnded(why) from exc
                except TemporaryFailure as exc:
                    self._log.warning("no token", why=str(exc))
                await self._clock.sleep(LOOK_AGAIN)
        finally:
            await self._activities.close()
            self._activities = None

    async def _turn(self, activity: Mapping[str, Any]) -> Mapping[str, Any] | None:
        if self._activities is None:
            raise web.HTTPServiceUnavailable(headers={"Retry-After": "5"})
        return await self._activities.handle(activity)

    # --- out --------------------------------------------------------------------------------------

    async def open_conversation(self, request: ConversationRequest, *, key: str) -> Opened:
        """Open a thread or channel, or find the chat with a user."""
        if request.direct_to is not None:
            return await self._direct(request.direct_to.id)
        if self._settings.layout == "channels":
            name = request.name.removeprefix("incident-")
            channel = await self._graph.channel(f"{request.alias} {name}", request.topic)
            await self._known.opened(request.alias, channel)
            return Opened(conversation=ConversationRef(ADAPTER, channel))
        channel = self._settings.channel
        if not channel:
            raise PermanentFailure("no channel is configured: [adapters.teams] channel")
        card = request.opening or Message(summary=(request.topic,))
        reference = await self._known.reference(channel)
        body = {
            "isGroup": True,
            "bot": {"id": f"28:{self._settings.app_id}"},
            "tenantId": reference.tenant,
            "channelData": {"channel": {"id": channel}, "tenant": {"id": reference.tenant}},
            "activity": (await self._drawn(card, key)).activity,
        }
        await self._rate_limits.wait(channel, reference.tenant, urgent=True)
        made = await self._connector.create(reference.service_url, body, shows=True)
        root = made.id.partition(";messageid=")[2] or made.activity
        if not root:
            raise PermanentFailure("Teams began a thread without a name")
        conversation = ConversationRef(ADAPTER, f"{channel}/{root}")
        await self._known.opened(request.alias, conversation.id)
        shows = MessageRef(conversation, made.activity or root)
        return Opened(conversation=conversation, card=shows if request.opening else None)

    async def _direct(self, user: str) -> Opened:
        reference = await self._known.reference(f"user/{user}")
        known = await self._known.look_up(user)
        body = {
            "isGroup": False,
            "bot": {"id": f"28:{self._settings.app_id}"},
            "members": [{"id": known or user}],
            "tenantId": reference.tenant,
            "channelData": {"tenant": {"id": reference.tenant}},
        }
        made = await self._connector.create(reference.service_url, body, shows=False)
        url, tenant = reference.service_url, reference.tenant
        await self._known.note_conversation(
            inbound.Conversation(made.id, None, "personal", tenant, url, "")
        )
        return Opened(conversation=ConversationRef(ADAPTER, made.id))

    async def post(
        self,
        to: ConversationRef,
        message: Message,
        *,
        key: str,
        answers: str | None = None,
        urgent: bool = False,
    ) -> MessageRef:
        """Post a message; in a channel, into the incident's thread."""
        del answers
        base, root = inbound.split(to.id)
        reference = await self._known.reference(base)
        drawn = await self._drawn(message, key)
        conversation = inbound.named(base, root)
        await self._rate_limits.wait(conversation, reference.tenant, urgent=urgent)
        made = await self._connector.post(reference.service_url, conversation, drawn.activity)
        return MessageRef(ConversationRef(ADAPTER, to.id), made or "")

    async def edit(self, ref: MessageRef, message: Message, *, key: str) -> None:
        """Replace a message."""
        if not ref.id:
            raise Gone("Teams gave it no id")
        base, root = inbound.split(ref.conversation.id)
        reference = await self._known.reference(base)
        drawn = await self._drawn(message, key)
        conversation = inbound.named(base, root)
        await self._rate_limits.wait(conversation, reference.tenant, urgent=False)
        await self._connector.update(
            reference.service_url, conversation, ref.id, {**drawn.activity, "id": ref.id}
        )

    async def acknowledge(self, ref: MessageRef, *, worked: bool, key: str) -> None:
        """Do nothing: a bot cannot react in Teams."""

    async def offer(self, ref: MessageRef, buttons: int, *, key: str) -> None:
        """Do nothing: messages have buttons of their own."""

    async def pin(self, ref: MessageRef, *, key: str) -> None:
        """Do nothing: a thread begins with its card."""

    async def invite(self, to: ConversationRef, users: Sequence[UserRef], *, key: str) -> None:
        """Do nothing: the team sees all its threads, and people are called by direct messages."""

    async def set_topic(self, to: ConversationRef, topic: str, *, key: str) -> None:
        """Do nothing: the card shows the topic."""

    # --- drawing ----------------------------------------------------------------------------------

    async def _drawn(self, message: Message, key: str) -> cards.Drawn:
        """Return a message as an activity, with a link to what does not fit."""
        await self._known.look_up_all(tuple(_people(message)))
        names = await self._names(message)
        once = hashlib.sha256(key.encode()).hexdigest()[:12]
        drawn = cards.draw(message, names, once=once, more=self.whole_hint)
        if drawn.whole is not None and self._settings.public_url:
            address = await self._kept_whole(drawn.whole)
            drawn = cards.draw(message, names, once=once, more=f"The whole: {address}")
        return drawn

    @property
    def whole_hint(self) -> str:
        """Return how to read a shortened text if there is no link to it."""
        return "The whole is in the record: sitrep export"

    async def card_for(self, message: Message, once: str) -> dict[str, Any]:
        """Return a message as a card, for one person's view."""
        await self._known.look_up_all(tuple(_people(message)))
        names = await self._names(message)
        return cards.card_of(message, names, once=once, more=self.whole_hint)[0]

    async def _names(self, message: Message) -> cards.Names:
        addresses = {
            span.conversation: await self._address(span.conversation)
            for span in spans_of(message)
            if isinstance(span, Place)
        }
        return cards.Names(
            mri=self._known.mri, object_id=self._known.object_id, address=addresses.get
        )

    async def _address(self, conversation: ConversationRef) -> str | None:
        """Return a link to a thread or channel; `None` if it is not open yet."""
        if conversation.adapter != ADAPTER:
            return None
        name = conversation.id
        if conversation.pending is not None:
            alias = conversation.pending.casefold()
            waited = timedelta(0)
            while (opened := await self._known.opened(alias)) is None:
                if waited >= OPENING_TAKES:
                    return None
                await self._clock.sleep(OPENING_TAKES / 8)
                waited += OPENING_TAKES / 8
            name = opened
        base, root = inbound.split(name)
        if not base.startswith("19:"):
            return None
        reference = await self._known.reference(base)
        return _link(base, root, reference, self._settings)

    async def _kept_whole(self, text: str) -> str:
        """Keep a text that does not fit, under an unguessable name; return its address."""
        name = secrets.token_urlsafe(24)
        await self._context.memory.keep(f"{WHOLE_KEPT}{name}", text, lasting=False)
        return f"{self._settings.public_url.rstrip('/')}/plugins/{ADAPTER}/whole/{name}"

    async def _show_whole(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        text = None
        if self._activities is not None and len(name) < 64 and name.isascii():
            text = await self._context.memory.recall(f"{WHOLE_KEPT}{name}")
        if text is None:
            raise web.HTTPNotFound
        return web.Response(
            text=text,
            headers={
                "Cache-Control": "no-store",
                "Referrer-Policy": "no-referrer",
                "X-Content-Type-Options": "nosniff",
                "X-Robots-Tag": "noindex",
                "Content-Security-Policy": "default-src 'none'",
            },
        )

    # --- checking ---------------------------------------------------------------------------------

    async def check(self) -> Sequence[Finding]:
        """Return what is wrong with the settings, or with what Entra knows of them."""
        found = []
        settings = self._settings
        try:
            await self._tokens.get(CONNECTOR)
        except TemporaryFailure as exc:
            found.append(Finding(str(exc)))
        if settings.layout == "channels":
            try:
                await self._tokens.get(settings.graph)
            except TemporaryFailure as exc:
                found.append(Finding(f"for Graph: {exc}"))
        if settings.private:
            found += await self._private_place()
        if not settings.rooms:
            found.append(
                Finding(
                    "no channel is named, so an incident stays where it was declared: set channel",
                    fault=False,
                )
            )
        if not settings.public_url:
            found.append(
                Finding("without public_url what is too long for Teams has no link", fault=False)
            )
        for each in self._context.addressees:
            user = each.user.id if each.user is not None else None
            if user is None:
                continue
            if not re.match(GUID, user) or user != user.casefold():
                found.append(
                    Finding(f"people.{each.person}.users.teams: write the object id, in lower case")
                )
        return found

    async def _private_place(self) -> list[Finding]:
        """Return whether the place for private incidents takes what is sent to it.

        Somebody seems to be typing there for a moment: that posts nothing, and asks the same
        permission as a post.
        """
        place, typing = self._settings.private, {"type": "typing"}
        try:
            await self._connector.post(self._settings.service_url, place, typing)
        except (TemporaryFailure, PermanentFailure) as exc:
            return [
                Finding(
                    f"private: the conversation takes nothing ({exc}); add the app to it, or name "
                    "a group chat that it is in"
                )
            ]
        return []


def _link(base: str, root: str | None, reference: Reference, settings: TeamsSettings) -> str:
    """Return a deep link to a message or channel."""
    team = reference.team or settings.team
    where = f"tenantId={reference.tenant}" + (f"&groupId={team}" if team else "")
    if root is None:
        return f"https://teams.microsoft.com/l/channel/{quote(base, safe='')}/incident?{where}"
    message = f"{quote(base, safe='')}/{quote(root, safe='')}"
    return f"https://teams.microsoft.com/l/message/{message}?{where}&parentMessageId={quote(root)}"


def _people(message: Message) -> list[PersonId]:
    return [span.person for span in spans_of(message) if isinstance(span, Mention)]
