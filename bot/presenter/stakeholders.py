"""News for stakeholders: in a chat, by mail, or once a day (H1, P5, F6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from bot.contract.messages import (
    Actions,
    At,
    Bullets,
    Button,
    Message,
    Precision,
    Spans,
    Strong,
    plain,
    span_of,
)
from bot.contract.stakeholders import Mail, StakeholderUpdate
from bot.domain.effects import News
from bot.domain.incident import Incident
from bot.domain.subscription import LAPSES, MAIL, Subscription
from bot.presenter.mail import as_html
from bot.presenter.subscriptions import SubscriptionWords
from bot.presenter.voice import Voice, joined, message, para, shorten

_HEADLINE: Mapping[News, str] = {
    News.DECLARED: "declared",
    News.SEVERITY: "now {severity}",
    News.STABILISED: "stabilised: users are served again",
    News.RESOLVED: "resolved",
    News.REOPENED: "open again",
    News.CANCELLED: "a false alarm",
}


class StakeholderWords:
    """Messages and mails to subscribers."""

    def __init__(self, voice: Voice, subscriptions: SubscriptionWords) -> None:
        self._voice, self._subscriptions = voice, subscriptions

    def news(self, incident: Incident, news: News, text: str | None, now: datetime) -> str:
        """Return the news of an event as plain text (H1)."""
        if news is News.POSTMORTEM:
            open_actions = sum(a.open for a in incident.actions)
            return (
                f"The postmortem of {incident.id} is published: {self._voice.title(incident)}. "
                f"{open_actions} action{'s' if open_actions != 1 else ''} follow from it."
            )
        if news is News.BRIEF:
            return text or ""
        what = _HEADLINE[news].format(severity=incident.severity.label)
        if news is News.RESOLVED:
            what += f" after {span_of(now - incident.declared_at)}"
        parts = [f"{what} — {self._voice.title(incident)}", shorten(text, 1000) if text else ""]
        if news is News.DECLARED:
            parts.append(f"Impact: {incident.impact or 'being assessed'}")
        return ". ".join(part.rstrip(".") for part in parts if part) + "."

    def told(self, update: StakeholderUpdate, each: Subscription) -> Message:
        """Return the chat message for one subscription."""
        more = self._circumstances(update)
        return Message(
            summary=(f"{update.incident} {update.severity.label}: {shorten(update.text, 2000)}",),
            blocks=(
                para(*more),
                Actions((Button("Unsubscribe", _ending(each)),)),
            ),
        )

    def _circumstances(self, update: StakeholderUpdate) -> Spans:
        title: list[Spans] = [(shorten(update.title),)] if update.news is News.BRIEF else []
        parts: list[Spans] = [*title, (update.phase.value,)]
        if update.since is not None:
            parts.append(("since ", At(update.since, None, Precision.DAY)))
        if update.next_update is not None:
            parts.append(("next brief ", self._voice.at(update.next_update)))
        return joined(parts)

    def digest(
        self, each: Subscription, found: Sequence[tuple[Incident, str]], day: datetime
    ) -> Message:
        """Return a day's news for one subscription."""
        items: list[Spans] = [
            (
                Strong(incident.id),
                f" {incident.severity.label} · {incident.phase.value} — "
                f"{self._voice.title(incident)}. ",
                shorten(said, 300),
            )
            for incident, said in found
        ]
        many = f"{len(found)} incident{'s' if len(found) != 1 else ''}"
        return Message(
            summary=(f"{many} in the day to ", At(day, None, Precision.DAY), ":"),
            blocks=(Bullets(tuple(items)), Actions((Button("Unsubscribe", _ending(each)),))),
        )

    def letter(self, update: StakeholderUpdate, each: Subscription, url: str) -> Mail:
        """Return the mail for one subscription; an incident's mails share a subject, to thread."""
        told = message(
            (f"{update.incident} {update.severity.label}: {update.text}",),
            self._circumstances(update),
        )
        subject = shorten(f"[{update.incident}] {update.title}")
        return self._mail(each, told, url, subject=subject, about=update.incident)

    def digest_letter(self, each: Subscription, told: Message, day: datetime, url: str) -> Mail:
        """Return the mail with a day's news."""
        subject, about = f"Incidents until {day:%Y-%m-%d}", f"digest-{day:%Y-%m-%d}"
        return self._mail(each, told, url, subject=subject, about=about)

    def gathered_letter(self, each: Subscription, told: Message, now: datetime, url: str) -> Mail:
        """Return the mail with the news that was gathered."""
        subject, about = f"Incidents until {now:%H:%M} UTC", f"news-{now:%Y-%m-%dT%H%M%S}"
        return self._mail(each, told, url, subject=subject, about=about)

    def asking_letter(self, each: Subscription, url: str) -> Mail:
        """Return the mail that asks an address whether it wants what somebody wants for it."""
        who = self._voice.directory.name(each.by) if each.by is not None else "Somebody"
        what = self._subscriptions.described(each)
        link = f"{url.rstrip('/')}/confirm/{each.token}"
        return Mail(
            to=each.address.removeprefix(MAIL),
            subject=shorten(f"{who} asks: news of incidents for you?"),
            text=(
                f"{who} asked Sitrep to tell you by mail about {what}.\n\n"
                f"If you want that, confirm it: {link}\n\n"
                f"If not, do nothing. You get no other mail, and the link lapses in "
                f"{span_of(LAPSES)}.\n"
            ),
            about=f"subscription-{each.n}",
        )

    def _mail(
        self, each: Subscription, told: Message, url: str, *, subject: str, about: str
    ) -> Mail:
        """Return a message as a mail, with a link that ends the subscription; without buttons."""
        link, why = (
            f"{url.rstrip('/')}/unsubscribe/{each.token}",
            self._subscriptions.described(each),
        )
        blocks = tuple(block for block in told.blocks if not isinstance(block, Actions))
        told = replace(told, blocks=blocks)
        return Mail(
            to=each.address.removeprefix(MAIL),
            subject=subject,
            text=f"{plain(told)}\n\n--\nYou are subscribed to {why}. Unsubscribe: {link}\n",
            html=as_html(told, why=why, link=link),
            about=about,
            unsubscribe=link,
        )


def _ending(each: Subscription) -> str:
    return f"unsubscribe {each.n}"
