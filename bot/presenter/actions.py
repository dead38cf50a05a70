"""Messages about action items, and the tickets they are filed as (A1-A3)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from bot.contract.chat import Addressee
from bot.contract.messages import Actions, Block, Bullets, Heading, Message, Spans, Strong
from bot.contract.trackers import Ticket
from bot.domain import events as ev
from bot.domain.action_values import Action
from bot.domain.incident import Incident
from bot.domain.learned import OfActions
from bot.presenter.voice import Occasion, Voice, because, message, shorten
from bot.store.incidents import ActionLine

ACTIONS_SHOWN = 30


class ActionWords:
    """Action items in messages, lists and tickets."""

    def __init__(self, voice: Voice, *, tracker: bool) -> None:
        """`tracker` says that tickets are filed."""
        self._voice, self._tracker = voice, tracker

    def told(self, occasion: Occasion, head: OfActions | ev.TicketFiled) -> Message:
        """Return the message for a conversation."""
        incident = occasion.incident
        match head:
            case ev.ActionAdded():
                filed = self._tracker and not incident.drill
                filing = " Its ticket is being filed." if filed else ""
                how = f"{head.category.value} ({head.strength.word})"
                return message((*self._named(head), f", by {head.due}, {how}.{filing}"))
            case ev.ActionChanged():
                moved = f", was {head.was_due}" if head.was_due else ""
                reason = f": {head.reason}" if head.reason else ""
                return message((*self._named(head), f", by {head.due}{moved}{reason}."))
            case ev.ActionDone():
                how = "its ticket was closed" if head.there else "recorded"
                left = sum(a.open for a in incident.actions)
                rest = f"{left} still open." if left else "All of them are done or dropped."
                return message((f"A{head.n} is done ({how}). {rest}",))
            case ev.ActionReopened():
                how = "its ticket was opened again" if head.there else "it is open again"
                return message((f"A{head.n} is not done after all: {how}.",))
            case ev.ActionDropped():
                return message((f"A{head.n} will not be done: {head.reason}",))
            case ev.ActionFiled():
                where = head.ticket.url or head.ticket.id
                note: Spans | None = (head.note,) if head.note else None
                return message((f"A{head.n} is filed: {where}",), note)
            case ev.ActionChased():
                return self._chased(incident, head, occasion.now)
            case ev.TicketFiled():
                filed_as = head.ticket.url or f"{head.ticket.plugin} {head.ticket.id}"
                return message((f"{incident.id} is filed as a ticket: ", filed_as))

    def _named(self, head: ev.ActionAdded | ev.ActionChanged) -> Spans:
        return (f"A{head.n}: {shorten(head.text, 200)} — ", self._voice.who(head.owner))

    def told_person(self, occasion: Occasion, head: OfActions) -> Message | None:
        """Return the direct message for an owner; `None` if they get the room's message."""
        if isinstance(head, ev.ActionAdded | ev.ActionChanged):
            return self._yours(occasion.incident, head)
        return None

    def entry(self, event: OfActions | ev.TicketFiled) -> Spans:
        """Return the event's line on the timeline."""
        by, who = self._voice.who(event.by), self._voice.who
        match event:
            case ev.ActionAdded():
                what = f" added A{event.n}: {event.text} ("
                return (by, what, who(event.owner), f", {event.due})")
            case ev.ActionChanged():
                what = f" changed A{event.n}: {event.text} ("
                return (by, what, who(event.owner), f", {event.due})", *because(event.reason))
            case ev.ActionDone(there=True):
                return (f"A{event.n} was closed in its tracker",)
            case ev.ActionDone():
                return (by, f" finished A{event.n}")
            case ev.ActionReopened(there=True):
                return (f"A{event.n} was opened again in its tracker",)
            case ev.ActionReopened():
                return (by, f" reopened A{event.n}")
            case ev.ActionDropped():
                return (by, f" dropped A{event.n}: {event.reason}")
            case ev.ActionFiled():
                return (f"A{event.n} is filed as {event.ticket.url or event.ticket.id}",)
            case ev.ActionChased():
                return ("Told ", *self._voice.people(event.people), f": A{event.n} is overdue")
            case ev.TicketFiled():
                return (f"Filed as {event.ticket.url or event.ticket.id}",)

    def _yours(self, incident: Incident, event: ev.ActionAdded | ev.ActionChanged) -> Message:
        """Return the direct message for the owner of a new or changed action item."""
        return message(
            (f"{incident.id} A{event.n} is yours, by {event.due}: {event.text}",),
            (f"It follows from: {self._voice.title(incident)}",),
            (
                self._voice.line(f"action done {event.n}", incident),
                "  ·  ",
                self._voice.line(f"action move {event.n} due:<date> because <reason>", incident),
            ),
        )

    def _chased(self, incident: Incident, head: ev.ActionChased, now: datetime) -> Message:
        """Return the reminder of an overdue action item (A3)."""
        action = incident.action(head.n)
        if action is None:
            return message((f"{incident.id}: an action is overdue.",))
        days = (now.date() - action.due).days
        ago = f"{days} day{'s' if days != 1 else ''} ago"
        lines = (
            self._voice.line(f"action done {action.n}", incident),
            "  ·  ",
            self._voice.line(f"action move {action.n} due:<date> because <reason>", incident),
        )
        first: Spans = (f"{incident.id} {action.label} was due {action.due}, {ago}",)
        owner: Spans = (": ",) if head.stage == 1 else (" by ", self._voice.who(action.owner), ": ")
        return message(
            (*first, *owner, action.text),
            ("Until it is done, the same can happen again.",),
            lines,
            Actions((self._voice.button("Done", incident, f"action done {action.n}"),)),
        )

    def title(self, kind: str, *, mine: bool, incident: str | None) -> str:
        """Return the title of a list of action items."""
        what = "of yours" if mine else "" if kind == "all" else kind
        where = f" of {incident}" if incident is not None else ""
        return f"{what}{where}".strip()

    def listed(self, what: str, found: Sequence[ActionLine], today: date) -> Message:
        """Return the answer to `actions`."""
        if not found:
            form = "action <text> owner:@x due:<date> as:<strength>"
            line = None if "overdue" in what else (self._voice.line(form),)
            return message((f"No action item {what}".rstrip() + ".",), line)
        overdue = sum(_late(each.action, today) for each in found)
        late = f", {overdue} overdue" if overdue and "overdue" not in what else ""
        plural = "s" if len(found) != 1 else ""
        more = len(found) - ACTIONS_SHOWN
        return message(
            (f"{len(found)} action item{plural} {what}".rstrip() + f"{late}",),
            Bullets(tuple(self.item(each, today) for each in found[:ACTIONS_SHOWN])),
            (f"And {more} more: sitrep actions",) if more > 0 else None,
        )

    def item(self, each: ActionLine, today: date) -> Spans:
        """Return an action item in one line."""
        action = each.action
        ticket: Spans = ()
        if action.ticket is not None:
            ticket = (" · ", action.ticket.url or f"{action.ticket.plugin} {action.ticket.id}")
        return (
            Strong(f"{each.incident} {action.label}"),
            f" {self._state(action, today)} · ",
            self._voice.who(action.owner),
            f" · {action.category.value}, {action.strength.word} — {shorten(action.text)}",
            *ticket,
        )

    def row(self, each: ActionLine, today: date) -> tuple[str, ...]:
        """Return an action item as a row of a table."""
        action, ticket = each.action, each.action.ticket
        return (
            each.incident,
            action.label,
            action.text,
            self._voice.directory.name(action.owner),
            action.due.isoformat(),
            action.category.value,
            action.strength.word,
            self._state(action, today),
            (ticket.url or ticket.id) if ticket is not None else "",
            each.title,
        )

    def _state(self, action: Action, today: date) -> str:
        if action.done:
            return "done"
        if action.dropped is not None:
            return "dropped"
        return f"overdue since {action.due}" if _late(action, today) else f"by {action.due}"

    def report(
        self, overdue: Sequence[ActionLine], done: int, in_time: int, today: date
    ) -> Message:
        """Return the weekly report: the overdue action items, by incident (A3)."""
        share = f"Done in time: {in_time} of {done}." if done else "None was due so far."
        if not overdue:
            return message(("No action item is overdue.",), (share,))
        incidents: dict[str, list[ActionLine]] = {}
        for each in overdue:
            incidents.setdefault(each.incident, []).append(each)
        blocks: list[Spans | Block] = []
        for name, lines in incidents.items():
            blocks.append(Heading(f"{name} — {shorten(lines[0].title, 80)}"))
            blocks.append(Bullets(tuple(self.item(each, today) for each in lines)))
        many = len(incidents) != 1
        return message(
            (
                f"{len(incidents)} incident{'s are' if many else ' is'} likely to repeat: "
                f"{len(overdue)} action{'s are' if len(overdue) != 1 else ' is'} overdue.",
            ),
            *blocks,
            (share,),
            (self._voice.line("actions overdue"),),
        )

    def _masked_ticket(self, incident: Incident, action: Action | None, tracker: str) -> Ticket:
        """Return the ticket of a private incident: number, owner and date alone (F17)."""
        if action is None:
            return Ticket(
                marker=f"sitrep:{incident.id}",
                title=f"{incident.id}: private",
                text="Private: Sitrep tells those who take part.",
                done=not incident.phase.active,
            )
        return Ticket(
            marker=f"sitrep:{incident.id}/{action.label}",
            title=f"{incident.id} {action.label}: private",
            text=f"Action {action.label} of {incident.id}. Sitrep tells its owner what it is.",
            owner=self._owner(action, tracker),
            due=action.due,
            done=not action.open,
            closed=action.closed_there,
            labels=("postmortem",),
        )

    def _owner(self, action: Action, tracker: str) -> Addressee:
        directory = self._voice.directory
        return Addressee(
            person=action.owner,
            name=directory.name(action.owner),
            user=directory.user(action.owner, tracker),
        )

    def ticket(self, incident: Incident, n: int | None, tracker: str) -> Ticket:
        """Return the ticket of the incident itself (S4), or of one of its action items."""
        action = incident.action(n) if n is not None else None
        if incident.private:
            return self._masked_ticket(incident, action, tracker)
        if action is None:
            return Ticket(
                marker=f"sitrep:{incident.id}",
                title=f"{incident.id}: {self._voice.title(incident)}",
                text=incident.title,
                done=not incident.phase.active,
            )
        owner = self._owner(action, tracker)
        dropped = f"\n\nWill not be done: {action.dropped}" if action.dropped else ""
        return Ticket(
            marker=f"sitrep:{incident.id}/{action.label}",
            title=shorten(action.text, 200),
            text=(
                f"{action.text}\n\n"
                f"Action {action.label} of the postmortem of {incident.id} "
                f"({incident.highest.label}): {incident.title}\n\n"
                f"Owner: {owner.name}\n"
                f"Target date: {action.due}\n"
                f"Category: {action.category.value}; strength: {action.strength.value} "
                f"({action.strength.word}).\n\n"
                f"Until it is done, the same can happen again. Closing this ticket closes the "
                f"action.{dropped}"
            ),
            owner=owner,
            due=action.due,
            done=not action.open,
            closed=action.closed_there,
            labels=("postmortem", action.category.value),
        )


def _late(action: Action, today: date) -> bool:
    return action.open and action.due < today
