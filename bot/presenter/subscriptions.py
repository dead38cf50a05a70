"""Answers about subscriptions: beginning, listing and ending them (H1)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bot.config.cross import MAIL_NEEDS_A_WAY_OUT
from bot.contract.messages import Actions, Bullets, Button, Message, Place, Spans, Strong, span_of
from bot.domain import events as ev
from bot.domain.incident import Incident
from bot.domain.subscription import (
    ASKED_AT_MOST,
    ASKS_AT_MOST,
    LAPSES,
    MAIL,
    Subscription,
)
from bot.presenter.briefs import BriefWords
from bot.presenter.voice import Voice, joined, message, para
from bot.refs import Lane


class SubscriptionWords:
    """Answers about subscriptions."""

    def __init__(self, voice: Voice, briefs: BriefWords) -> None:
        self._voice, self._briefs = voice, briefs

    def described(self, each: Subscription) -> str:
        """Return in words what a subscription covers."""
        what = each.incident or "every incident"
        if each.postmortems:
            what = f"the postmortem of {each.incident}" if each.incident else "postmortems"
        if each.severity is not None and not each.incident:
            worse = " or worse" if each.severity > 1 else ""
            what += f" of {each.severity.label}{worse}"
        if each.service is not None:
            what += f" of {each.service}"
        return f"{what}, once a day" if each.digest else what

    def _address(self, each: Subscription) -> Spans:
        """Return where a subscription's news go."""
        if each.address.startswith(MAIL):
            return (each.address.removeprefix(MAIL),)
        conversation = Lane(each.address).conversation
        if conversation.direct_to is not None:
            return (f"directly on {self._voice.platform(conversation.adapter)}",)
        return ("in ", Place(conversation, conversation.id))

    def subscribed(
        self, each: Subscription, incident: Incident | None, last: ev.BriefSent | None
    ) -> Message:
        """Return the confirmation of a subscription, with the latest news."""
        now: Spans = ()
        if incident is not None and incident.running:
            now = self._briefs.stands(incident, last)
        return message(
            (f"Subscribed to {self.described(each)}: told ", *self._address(each), "."),
            now,
            ("It is practice: a drill tells nobody outside.",)
            if incident is not None and incident.drill
            else None,
            ("To end it: ", self._voice.line(f"unsubscribe {each.n}")),
            Actions((Button("Unsubscribe", f"unsubscribe {each.n}"),)),
        )

    def asked(self, each: Subscription) -> Message:
        """Return that an address was asked whether it wants what somebody else wants for it."""
        return message(
            ("Asked ", *self._address(each), f" about {self.described(each)}."),
            (
                "Nothing else is sent there until its reader confirms it, by the link in the mail. "
                f"Without that it lapses in {span_of(LAPSES)}.",
            ),
            ("To call it off: ", self._voice.line(f"unsubscribe {each.n}")),
        )

    def unsubscribed(self, each: Subscription) -> Message:
        """Return the confirmation that a subscription has ended, with the line that renews it."""
        words = ["subscribe"]
        words += [each.incident or ("postmortems" if each.postmortems else "all")]
        words += [f"sev{each.severity.value}"] if each.severity else []
        words += [f"service:{each.service}"] if each.service else []
        words += [f"to:{each.address.removeprefix(MAIL)}"] if each.address.startswith(MAIL) else []
        words += ["digest"] if each.digest else []
        return message(
            (f"Unsubscribed from {self.described(each)}.",),
            ("To have it back: ", self._voice.line(" ".join(words))),
        )

    def ended(self, count: int) -> Message:
        """Return the confirmation that several subscriptions have ended."""
        return message((f"{count} subscriptions ended.",), (self._voice.line("subscribe"),))

    def listed(self, found: Sequence[Subscription], *, ending: bool = False) -> Message:
        """Return the list of somebody's subscriptions; `ending` asks which one to end."""
        if not found:
            return message(("No subscriptions.",), (self._voice.line("subscribe"),))
        items: list[Spans] = [
            (
                Strong(str(each.n)),
                f" {self.described(each)}, ",
                *self._address(each),
                _WAITS if each.pending else "",
            )
            for each in found
        ]
        many = f"{len(found)} subscription{'s' if len(found) != 1 else ''}"
        return Message(
            summary=(f"Which one? {many}:" if ending else f"{many}:",),
            blocks=(
                Bullets(tuple(items)),
                para(
                    self._voice.line("unsubscribe <n>"),
                    "  ·  ",
                    self._voice.line("unsubscribe all"),
                ),
            ),
        )

    def _where(self, each: Subscription) -> Spans:
        return (*self._address(each), _WAITS) if each.pending else self._address(each)

    def unknown(self, n: int | str) -> Message:
        """Return the answer to a number that is not one of the person's subscriptions."""
        return message((f"You have no subscription {n}.",), (self._voice.line("subscriptions"),))

    def refused(self, why: str, *lines: str) -> Message:
        """Return the reason why a subscription is not possible, and lines that would work."""
        return message(
            (why,), joined([(self._voice.line(line),) for line in lines], "  ·  ") or None
        )


_WAITS = " — waits for the confirmation of its reader"

Reason = tuple[str, ...]

ASKED_ENOUGH: Reason = (
    f"An address is asked at most {ASKED_AT_MOST} times in {span_of(LAPSES)}, and one person asks "
    f"at most {ASKS_AT_MOST} addresses, until they confirm. Its reader can subscribe it:",
    "subscribe to:mail",
)

NO_MAIL_ADDRESS: Reason = (
    "The config has no mail address of yours.",
    "subscribe",
    "subscribe to:here",
)


def unknown_service(service: str, known: Iterable[str]) -> Reason:
    """Return that a service has no communication plan."""
    there = ", ".join(known) or "none"
    return f"No service “{service[:40]}” has a plan; there is: {there}.", "subscribe"


def no_place(to: str) -> Reason:
    """Return that a text names no place."""
    return (
        f"“{to[:60]}” is not a place: write here, mail, or a mail address.",
        "subscribe to:here",
        "subscribe to:mail",
    )


def no_mail(*, mailer: bool) -> Reason:
    """Return that mail cannot be sent; `mailer`: a plugin for it is there."""
    why = MAIL_NEEDS_A_WAY_OUT if mailer else "it needs [plugins.mail]"
    return f"Mail is not set up here ({why}). Directly in the chat works:", "subscribe"


def foreign_domain(domain: str) -> Reason:
    """Return that the config allows no mail to a domain."""
    return (
        f"Mail goes to people of the config and to stakeholders.mail_domains; "
        f"{domain} is not among them.",
        "subscribe to:mail",
        "subscribe",
    )
