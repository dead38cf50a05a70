"""Turns effects into rows of the outbox: to whom, in which lane, in which words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.config.model import Config
from bot.contract.chat import Addressee, ChatAdapter, ConversationRequest
from bot.contract.messages import Message, plain, spans_text
from bot.contract.paging import PageRequest
from bot.contract.stakeholders import Mail, StakeholderUpdate
from bot.delivery.bursts import call
from bot.delivery.outward import outward
from bot.domain import effects as fx
from bot.domain.events import DeliveryFailed, Entry
from bot.domain.floods import gathers
from bot.domain.incident import ClockName, Incident
from bot.domain.named import vouched
from bot.domain.plan import plan as planned
from bot.domain.policy import Plan
from bot.domain.telling import Scene
from bot.plugin_manager import PluginManager
from bot.presenter import Presenter
from bot.presenter.voice import shorten
from bot.refs import ConversationRef, Lane, PersonId, UserRef
from bot.store.rows import (
    Board,
    Brief,
    Card,
    ChatBody,
    Closing,
    Events,
    FanOut,
    Guard,
    Invite,
    Letter,
    Open,
    Outgoing,
    Page,
    PluginBody,
    Post,
    RoomTopic,
)

STAKEHOLDERS = "stakeholders"
"""The target of rows that fan news out. It is not a plugin's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """The names of the configured adapters and plugins, by what they do."""

    adapters: Mapping[str, ChatAdapter]
    status_pages: tuple[str, ...] = ()
    trackers: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    listeners: tuple[str, ...] = ()
    pagers: tuple[str, ...] = ()
    summarizers: tuple[str, ...] = ()
    publishers: tuple[str, ...] = ()
    mailers: tuple[str, ...] = ()
    confidants: frozenset[str] = frozenset()
    """The plugins that hear of private incidents, too: `private = true` in their section."""

    @classmethod
    def of(cls, plugins: PluginManager) -> Targets:
        """Return the targets that the loaded plugins provide."""
        return cls(
            adapters=plugins.adapters,
            status_pages=tuple(plugins.status_pages),
            trackers=tuple(plugins.trackers),
            channels=tuple(plugins.channels),
            listeners=plugins.listeners,
            pagers=tuple(plugins.pagers),
            summarizers=tuple(plugins.summarizers),
            publishers=tuple(plugins.publishers),
            mailers=tuple(plugins.mailers),
            confidants=plugins.confidants,
        )


class Router:
    """Finds the targets of an effect, and the words for it."""

    def __init__(self, config: Config, presenter: Presenter, targets: Targets) -> None:
        self._config, self._presenter, self._targets = config, presenter, targets
        self._directory = config.directory
        triages = (adapter.features.triage for adapter in targets.adapters.values())
        self._boards = tuple(triage for triage in triages if triage is not None)

    def outgoing(
        self, incident: Incident, entries: Sequence[Entry], now: datetime, *, has_subscribers: bool
    ) -> list[Outgoing]:
        """Return the rows to queue after new `entries`, in order.

        `has_subscribers`: somebody may be subscribed to the incident.
        """
        events = tuple(entry.event for entry in entries)
        routes = self._routes(incident, has_subscribers=has_subscribers)
        sent: list[Outgoing] = []
        for effect in planned(incident, events, routes):
            sent += self._rows(incident, effect, entries, now, has_subscribers=has_subscribers)
        return sent

    def _routes(self, incident: Incident, *, has_subscribers: bool) -> fx.Routes:
        return fx.Routes(
            rooms=tuple(
                each
                for each in incident.conversations
                if each.pending is not None and self._opens(each.adapter)
            ),
            status_page=bool(self.pages(self._config.plan_for(incident.service))),
            tracker=bool(self._targets.trackers),
            publishers=bool(self._targets.publishers),
            mail=bool(self._targets.mailers),
            stakeholders=has_subscribers or bool(self._targets.channels),
            pager=bool(self._targets.pagers),
            listeners=bool(self._targets.listeners),
            triage=self._config.triage_conversation,
            boards=self._boards,
        )

    @property
    def has_channels(self) -> bool:
        """Whether plugins bring briefs to people who need no subscription."""
        return bool(self._targets.channels)

    @property
    def has_pagers(self) -> bool:
        """Whether plugins page people."""
        return bool(self._targets.pagers)

    def pages(self, plan: Plan) -> tuple[str, ...]:
        """Return the status pages that a plan publishes on: all, unless it names some (X2)."""
        named = plan.pages
        return tuple(p for p in self._targets.status_pages if named is None or p in named)

    def _opens(self, adapter: str) -> bool:
        found = self._targets.adapters.get(adapter)
        return found is not None and found.features.rooms

    @property
    def triage(self) -> ConversationRef | None:
        """The conversation that hears of what was declared in none.

        The one of `[triage]`, or else of the first platform that has a conversation for it.
        """
        return self._config.triage_conversation or next(iter(self._boards), None)

    def places(self, incident: str) -> dict[str, ConversationRef]:
        """Return the conversations that could be opened for an incident, by adapter."""
        return {
            name: ConversationRef.to_open(name, incident)
            for name in self._targets.adapters
            if self._opens(name)
        }

    def private_places(self, incident: str) -> dict[str, ConversationRef]:
        """Return the conversations that a private incident could have, by adapter (F17)."""
        opened, found = self.places(incident), {}
        for name, adapter in self._targets.adapters.items():
            if adapter.features.private_rooms and name in opened:
                found[name] = opened[name]
            elif adapter.features.private_place is not None:
                found[name] = adapter.features.private_place
        return found

    def _rows(
        self,
        incident: Incident,
        effect: fx.Effect,
        entries: Sequence[Entry],
        now: datetime,
        *,
        has_subscribers: bool,
    ) -> list[Outgoing]:
        """Return an effect as rows of the outbox, with its words."""
        targets, named = self._targets, incident.id
        match effect:
            case fx.Say():
                return [self._say(incident, effect, now)]
            case fx.SayTo(person=person) if self._gathers(incident, person):
                return [call(incident, person)] if self._reaches(person) else []
            case fx.SayTo():
                return self._direct(incident, effect, now)
            case fx.ShowCard(to=to):
                return [self.card(incident, to)]
            case fx.ShowBoard(to=to):
                lane = Lane.of(to)
                return [Outgoing(target=to.adapter, lane=lane, body=Board(), slot=f"board/{lane}")]
            case fx.OpenRoom(to=to):
                return [_to(to, self._room(incident, effect), named)]
            case fx.CloseRoom(to=to, private=private):
                adapter = self._targets.adapters.get(to.adapter)
                closes = adapter is not None and adapter.features.private_rooms
                return [_to(to, Closing(private=private), named)] if closes else []
            case fx.InvitePeople(to=to):
                users = self._users(self._invited(incident, effect.people), to.adapter)
                return [_to(to, Invite(users=users), named)] if users else []
            case fx.ChangeTopic(to=to):
                return [_to(to, RoomTopic(text=self._topic(incident)), named)]
            case fx.PagePeople():
                return [
                    row for name in targets.pagers for row in self._paging(incident, effect, name)
                ]
            case fx.FileTicket():
                if effect.action is not None:
                    return self.filing(incident, effect.action)
                slot = f"ticket/{named}"
                return [_plugin(n, effect, named, slot=f"{slot}/{n}") for n in targets.trackers]
            case fx.PublishPostmortem():
                slot = f"postmortem/{named}"
                return [_plugin(n, effect, named, slot=f"{slot}/{n}") for n in targets.publishers]
            case fx.SendInvitations():
                return self._invitations(incident, effect, now)
            case fx.PublishStatus():
                return self._notices(incident, effect)
            case fx.InformStakeholders():
                return self._news(incident, effect, now, has_subscribers=has_subscribers)
            case fx.TellListeners():
                return self._told(incident, entries)

    def _say(self, incident: Incident, effect: fx.Say, now: datetime) -> Outgoing:
        """Return the row that tells a conversation of the incident."""
        message = self._presenter.telling.tell(incident, effect.scene, now, effect.to)
        others = not incident.private and effect.to not in incident.conversations
        return Outgoing(
            target=effect.to.adapter,
            lane=Lane.of(effect.to),
            body=Post(message=message, about=incident.id if others else None),
            incident=incident.id,
            urgent=effect.urgent,
            guard=_guard(effect),
            notice=isinstance(effect.scene.head, DeliveryFailed),
        )

    def _gathers(self, incident: Incident, person: PersonId) -> bool:
        """Return whether somebody gets one call for this incident and others (F18)."""
        return gathers(incident, self._directory.named) and person in self._directory.named

    def _invited(self, incident: Incident, people: tuple[PersonId, ...]) -> tuple[PersonId, ...]:
        return tuple(person for person in people if not self._gathers(incident, person))

    def _reaches(self, person: PersonId) -> bool:
        """Return whether some platform tells somebody directly."""
        return any(
            adapter.features.direct and self._directory.user(person, name) is not None
            for name, adapter in self._targets.adapters.items()
        )

    def _paging(self, incident: Incident, effect: fx.PagePeople, pager: str) -> list[Outgoing]:
        """Return the rows that page people through a pager, at once or gathered."""
        later = [person for person in effect.people if self._gathers(incident, person)]
        now = tuple(person for person in effect.people if person not in later)
        rows = [call(incident, person, pager) for person in later]
        if now or effect.service is not None:
            page = self._page(incident, replace(effect, people=now))
            rows.append(_plugin(pager, page, incident.id, urgent=True))
        return rows

    def _page(self, incident: Incident, effect: fx.PagePeople) -> Page:
        return Page(
            request=PageRequest(
                incident=incident.id,
                severity=incident.severity,
                people=tuple(self._addressee(person) for person in effect.people),
                service=effect.service,
                text=self._presenter.command.page_text(incident, effect.scene),
            )
        )

    def _invitations(
        self, incident: Incident, effect: fx.SendInvitations, now: datetime
    ) -> list[Outgoing]:
        """Return the rows that invite to the review by mail."""
        scene = Scene(head=effect.event, events=(effect.event,))
        told = self._presenter.telling.tell(incident, scene, now)
        return [
            _plugin(name, Letter(mail=self._letter(incident, told, mail)), incident.id)
            for name in self._targets.mailers[:1]
            for person in self._presenter.review.invited(incident)
            if (mail := self._directory.mail(person)) is not None
        ]

    def _notices(self, incident: Incident, effect: fx.PublishStatus) -> list[Outgoing]:
        """Return the rows that bring the status pages up to date."""
        rows: list[Outgoing] = []
        for name in self.pages(self._config.plan_for(incident.service)):
            row = _plugin(name, effect, incident.id, slot=f"status/{incident.id}/{name}")
            rows.append(replace(row, lane=Lane.of_status_page(name)))
        return rows

    def _news(
        self,
        incident: Incident,
        effect: fx.InformStakeholders,
        now: datetime,
        *,
        has_subscribers: bool,
    ) -> list[Outgoing]:
        """Return the rows that tell stakeholders: through channels, and by subscription."""
        named = self._directory.named
        if not vouched(incident, named):
            effect = replace(effect, text=None)
        update = self._update(outward(incident, named), effect, now)
        brief, spread = Brief(update=update), FanOut(update=update)
        rows = [_plugin(name, brief, incident.id) for name in self._targets.channels]
        return [*rows, *([_plugin(STAKEHOLDERS, spread, incident.id)] if has_subscribers else ())]

    def _told(self, incident: Incident, entries: Sequence[Entry]) -> list[Outgoing]:
        """Return the rows that tell listeners of new entries.

        A listener that fails is reported once: its failure to hear of that report is not.
        """
        listeners = self._targets.listeners
        if incident.private:
            listeners = tuple(name for name in listeners if name in self._targets.confidants)
        body = Events(first=entries[0].n, last=entries[-1].n)
        notice = all(isinstance(entry.event, DeliveryFailed) for entry in entries)
        return [replace(_plugin(name, body, incident.id), notice=notice) for name in listeners]

    def _update(
        self, incident: Incident, effect: fx.InformStakeholders, now: datetime
    ) -> StakeholderUpdate:
        state = incident.clocks.get(ClockName.STAKEHOLDER)
        return StakeholderUpdate(
            incident=incident.id,
            title=incident.title,
            severity=incident.severity,
            phase=incident.phase,
            text=self._presenter.stakeholders.news(incident, effect.news, effect.text, now),
            at=now,
            news=effect.news,
            highest=incident.highest,
            service=incident.service,
            impact=incident.impact,
            since=incident.declared_at,
            next_update=state.promise.due_at if state is not None and state.promise else None,
        )

    def _direct(self, incident: Incident, effect: fx.SayTo, now: datetime) -> list[Outgoing]:
        """Return the row that tells one person, preferably on the incident's platform."""
        own = incident.conversation.adapter
        for name in (own, *(n for n in self._targets.adapters if n != own)):
            adapter = self._targets.adapters.get(name)
            user = self._directory.user(effect.person, name)
            if name == effect.avoid or adapter is None:
                continue
            if user is None or not adapter.features.direct:
                continue
            to = ConversationRef.direct(user)
            message = self._presenter.telling.tell_person(
                incident, effect.person, effect.scene, now
            )
            row = _to(to, Post(message=message), incident.id)
            return [replace(row, urgent=effect.urgent, guard=_guard(effect))]
        return []

    def card(self, incident: Incident, to: ConversationRef) -> Outgoing:
        """Return the row that brings a conversation's status card up to date."""
        return _to(to, Card(), incident.id, slot=card_slot(incident.id, to))

    def filing(self, incident: Incident, n: int) -> list[Outgoing]:
        """Return the row that files an action's ticket, in the first tracker of the config."""
        slot = f"ticket/{incident.id}/A{n}"
        return [
            _plugin(name, fx.FileTicket(action=n), incident.id, slot=f"{slot}/{name}")
            for name in self._targets.trackers[:1]
        ]

    def alarm(self, text: Message, *, avoid: str) -> list[Outgoing]:
        """Return the rows of an alarm about an adapter, sent to triage and the last resort.

        `avoid` is that adapter: nothing is sent through it.
        """
        rooms: list[ConversationRef] = []
        triage = self._config.triage_conversation
        if triage is not None and triage.adapter != avoid:
            rooms.append(triage)
        for person in self._config.paging.last:
            for name, adapter in self._targets.adapters.items():
                user = self._directory.user(PersonId(person), name)
                if name != avoid and adapter.features.direct and user is not None:
                    rooms.append(ConversationRef.direct(user))
                    break
        body = Post(message=text)
        return [Outgoing(target=to.adapter, lane=Lane.of(to), body=body) for to in rooms]

    def in_triage(self, to: ConversationRef, text: str) -> list[Outgoing]:
        """Return the row of a word about a platform, to its triage conversation and none else."""
        if to not in self._boards:
            return []
        body = Post(message=Message(summary=(text,)))
        return [Outgoing(target=to.adapter, lane=Lane.of(to), body=body)]

    def _room(self, incident: Incident, effect: fx.OpenRoom) -> Open:
        words = "".join(c if c.isalnum() else " " for c in incident.title.casefold()).split()
        short = "-".join(words)[:40].strip("-") or "untitled"
        return Open(
            fallback=effect.fallback,
            request=ConversationRequest(
                name=f"incident-{short}-{incident.declared_at:%Y-%m-%d}",
                alias=incident.id.casefold(),
                topic=self._topic(incident),
                invite=self._users(self._invited(incident, effect.people), effect.to.adapter),
                private=incident.private,
            ),
        )

    def _topic(self, incident: Incident) -> str:
        return f"{incident.id} · {self._presenter.voice.state(incident)} · {incident.title}"[:300]

    def _users(self, people: tuple[PersonId, ...], adapter: str) -> tuple[UserRef, ...]:
        found = (self._directory.user(person, adapter) for person in people)
        return tuple(user for user in found if user is not None)

    def _letter(self, incident: Incident, told: Message, to: str) -> Mail:
        subject = f"{incident.id} postmortem: {spans_text(told.summary)}"
        return Mail(
            to=to,
            subject=shorten(subject),
            text=plain(told),
            about=incident.id,
            files=told.files,
        )

    def _addressee(self, person: PersonId) -> Addressee:
        return Addressee(person=person, name=self._directory.name(person), user=None)


def _guard(effect: fx.Say | fx.SayTo) -> Guard | None:
    return Guard(clock=effect.clock, n=effect.n) if effect.clock else None


def card_slot(incident: str, to: ConversationRef) -> str:
    """Return the name under which a conversation's status card is known."""
    return f"card/{incident}/{Lane.of(to)}"


def _to(to: ConversationRef, body: ChatBody, incident: str, *, slot: str | None = None) -> Outgoing:
    return Outgoing(target=to.adapter, lane=Lane.of(to), body=body, incident=incident, slot=slot)


def _plugin(
    name: str,
    body: PluginBody,
    incident: str,
    *,
    urgent: bool = False,
    slot: str | None = None,
) -> Outgoing:
    return Outgoing(
        target=name,
        lane=Lane.of_plugin(name, incident),
        body=body,
        incident=incident,
        urgent=urgent,
        slot=slot,
    )
