"""What is said to people outside the response, and about what goes outside (X1, X2, H1, H2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from bot.contract.messages import (
    Actions,
    At,
    Block,
    Bullets,
    Button,
    Fields,
    Message,
    Place,
    Precision,
    Row,
    Spans,
    Strong,
    plain,
    span_of,
    spans_text,
)
from bot.contract.stakeholders import Mail, StakeholderUpdate
from bot.domain import events as ev
from bot.domain.drills import Mark, Task, Verdict
from bot.domain.durations import duration
from bot.domain.effects import News, Scene
from bot.domain.incident import ClockName, Incident, Phase
from bot.domain.policy import Plan
from bot.domain.public import composed, health
from bot.domain.publication import ComponentState, PublicDraft, PublicState
from bot.domain.subscription import MAIL, Subscription
from bot.presenter.composing import first, message
from bot.presenter.forms import Forms
from bot.presenter.letters import as_html
from bot.presenter.voice import joined, para, shorten
from bot.refs import Lane

BUTTON_LENGTH = 1000
"""The longest text that a button carries; what is longer is typed."""

HEALTH: Mapping[ComponentState, str] = {
    ComponentState.OPERATIONAL: "operational",
    ComponentState.DEGRADED: "degraded",
    ComponentState.PARTIAL: "partial outage",
    ComponentState.MAJOR: "major outage",
}

_HEADLINE: Mapping[News, str] = {
    News.DECLARED: "declared",
    News.SEVERITY: "now {severity}",
    News.STABILISED: "stabilised: users are served again",
    News.RESOLVED: "resolved",
    News.REOPENED: "open again",
    News.CANCELLED: "a false alarm",
}


class Outside(Forms):
    """Messages to and about the outside."""

    # --- status pages -----------------------------------------------------------------------------

    def appearance(self, incident: Incident, text: ev.ExternalDrafted | PublicDraft) -> list[Block]:
        """Return a public text exactly as pages will show it (X2)."""
        state = text.state
        if incident.phase is Phase.STABILISED:
            state = PublicState.MONITORING
        how = HEALTH[health(incident.severity, state)]
        rows = [Row("Title", (text.title,)), Row("State", (state.value,))]
        if text.components:
            rows.append(Row("Components", (f"{', '.join(text.components)}: {how}",)))
        return [Fields(tuple(rows)), para(text.text)]

    def drafted_external(
        self, incident: Incident, text: ev.ExternalDrafted | PublicDraft, *, elsewhere: bool = False
    ) -> Message:
        """Return a public text for the commander's word (X2)."""
        name = incident if elsewhere else None
        if text.by is None:
            return message(
                (f"{self.label(incident)}: a public text is ready, in the plan's words.",),
                *self.appearance(incident, text),
                (
                    "Nothing is out yet. ",
                    self.who(incident.commander),
                    " decides: ",
                    self.line("approve", name),
                    "  ·  in other words: ",
                    self.line("external <text>", name),
                ),
                Actions((self.button("Approve", incident, "approve"),)),
            )
        return message(
            (f"{self.label(incident)}: for the status page, by ", self.who(text.by), ":"),
            *self.appearance(incident, text),
            (
                self.who(incident.commander),
                " decides: ",
                self.line("approve", name),
                "  ·  ",
                self.line("reject <why>", name),
            ),
            *self.approval(incident),
        )

    def external_offer(self, incident: Incident) -> Message:
        """Return the answer to `external` without a text: what waits, or what could be said."""
        if incident.draft is not None:
            return self.drafted_external(incident, incident.draft)
        text = composed(incident, self.plan_for(incident.service), None)
        short = len(text.text) <= BUTTON_LENGTH
        return message(
            (f"{incident.id}: the plan's words for now; nothing was published.",),
            *self.appearance(incident, text),
            (self.line("external <text> [title:<title>]"),),
            Actions((self.button("Use these", incident, f"external {text.text}"),))
            if short
            else None,
        )

    def publicly(self, incident: Incident, scene: Scene) -> list[Spans]:
        """Return what a change of phase says, or would say, on the status page."""
        out = first(scene, ev.ExternalPublished)
        if out is not None and out.state is not None:
            where = "Status page (practice)" if incident.drill else "Status page"
            return [(f"{where}: {out.state.value} — “{shorten(out.text, 300)}”",)]
        drafted = first(scene, ev.ExternalDrafted)
        if drafted is None or isinstance(scene.head, ev.Declared):
            return []
        return [
            (
                f"For the status page: “{shorten(drafted.text, 300)}” — ",
                self.who(incident.commander),
                ": ",
                self.line("approve"),
            )
        ]

    def plan_line(self, incident: Incident, plan: Plan, scene: Scene) -> list[Spans]:
        """Return the communication plan that applies, or its lack (X1)."""
        parts: list[Spans] = []
        for clock, what in ((ClockName.EXTERNAL, "public"), (ClockName.STAKEHOLDER, "briefs")):
            state = incident.clocks.get(clock)
            if state is not None and state.promise is not None:
                parts.append((f"{what} every {duration(state.period)}",))
        lines: list[Spans] = []
        if plan.missing:
            lack = "No service is named"
            if plan.service:
                lack = f"{plan.service} has no communication plan"
            lines.append((f"{lack}; the default plan applies", *_dashed(parts), "."))
        elif parts:
            lines.append((f"Plan of {plan.service}: ", *joined(parts, ", "), "."))
        if first(scene, ev.ExternalDrafted) is not None:
            lines.append(
                (
                    "A first public text is ready: ",
                    self.line("external"),
                    " shows it, ",
                    self.line("approve"),
                    " publishes it.",
                )
            )
        return lines

    def page_away(self, page: str, head: ev.DeliveryStalled) -> Message:
        """Return that a status page cannot be reached, and what to do meanwhile."""
        many = head.waiting != 1
        return message(
            (
                f"The status page {page} cannot be reached since ",
                self.at(head.since),
                f"; {head.waiting} update{'s' if many else ''} for it wait{'' if many else 's'}.",
            ),
            (f"Why: {shorten(head.why, 300)}",) if head.why else None,
            (
                "Retrying; it goes out by itself when the page answers. Until then customers "
                "read nothing new there: tell support directly.",
            ),
        )

    def page_refused(self, page: str, why: str, incident: Incident) -> Message:
        """Return that a status page did not take what was published, and what to do."""
        last = incident.publications[-1] if incident.publications else None
        fix: Spans = ("Put right what it names, then publish again: ", self.line("external <text>"))
        if last is not None:
            fix = (*fix, "  ·  change the last text: ", self.line(f"amend {last.entry} <text>"))
        return message(
            (f"The status page {page} did not take it: {shorten(why, 300)}",),
            fix,
            ("Whoever runs Sitrep sees more with: sitrep check",),
        )

    # --- stakeholders -----------------------------------------------------------------------------

    def news_text(self, incident: Incident, news: News, text: str | None, now: datetime) -> str:
        """Return what stakeholders are told of an event, whole, in plain text (H1)."""
        if news is News.POSTMORTEM:
            open_actions = sum(a.open for a in incident.actions)
            return (
                f"The postmortem of {incident.id} is published: {self.title(incident)}. "
                f"{open_actions} action{'s' if open_actions != 1 else ''} follow from it."
            )
        if news is News.BRIEF:
            return text or ""
        what = _HEADLINE[news].format(severity=incident.severity.label)
        if news is News.RESOLVED:
            what += f" after {span_of(now - incident.declared_at)}"
        parts = [f"{what} — {self.title(incident)}", shorten(text, 1000) if text else ""]
        if news is News.DECLARED:
            parts.append(f"Impact: {incident.impact or 'being assessed'}")
        return ". ".join(part.rstrip(".") for part in parts if part) + "."

    def told_stakeholder(self, update: StakeholderUpdate, each: Subscription) -> Message:
        """Return what one subscription is told in a chat."""
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
            parts.append(("next brief ", self.at(update.next_update)))
        return joined(parts)

    def letter(self, update: StakeholderUpdate, each: Subscription, url: str) -> Mail:
        """Return what one subscription is told by mail; the subject stays, so that it threads."""
        told = message(
            (f"{update.incident} {update.severity.label}: {update.text}",),
            self._circumstances(update),
        )
        subject = shorten(f"[{update.incident}] {update.title}")
        return self._mail(each, told, url, subject=subject, about=update.incident)

    def _mail(
        self, each: Subscription, told: Message, url: str, *, subject: str, about: str
    ) -> Mail:
        """Return a mail that says why it comes and how to end it; nothing in it can be typed."""
        link, why = f"{url.rstrip('/')}/unsubscribe/{each.token}", self.subscribed_to(each)
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

    def subscribed_to(self, each: Subscription) -> str:
        """Return what a subscription is to, in words."""
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
        """Return where a subscription is told."""
        if each.address.startswith(MAIL):
            return (each.address.removeprefix(MAIL),)
        conversation = Lane(each.address).conversation
        if conversation.direct_to is not None:
            return (f"directly on {self.platform(conversation.adapter)}",)
        return ("in ", Place(conversation, conversation.id))

    def subscribed(
        self, each: Subscription, incident: Incident | None, last: ev.BriefSent | None
    ) -> Message:
        """Return that a subscription stands, with where things stand now."""
        now: Spans = ()
        if incident is not None and incident.running:
            now = self._stands(incident, last)
        return message(
            (f"Subscribed to {self.subscribed_to(each)}: told ", *self._address(each), "."),
            now,
            ("It is practice: a drill tells nobody outside.",)
            if incident is not None and incident.drill
            else None,
            ("To end it: ", self.line(f"unsubscribe {each.n}")),
            Actions((Button("Unsubscribe", f"unsubscribe {each.n}"),)),
        )

    def unsubscribed(self, each: Subscription) -> Message:
        """Return that a subscription has ended, and how to have it back."""
        words = ["subscribe"]
        words += [each.incident or ("postmortems" if each.postmortems else "all")]
        words += [f"sev{each.severity.value}"] if each.severity else []
        words += [f"service:{each.service}"] if each.service else []
        words += [f"to:{each.address.removeprefix(MAIL)}"] if each.address.startswith(MAIL) else []
        words += ["digest"] if each.digest else []
        return message(
            (f"Unsubscribed from {self.subscribed_to(each)}.",),
            ("To have it back: ", self.line(" ".join(words))),
        )

    def ended(self, count: int) -> Message:
        """Return that several subscriptions have ended."""
        return message((f"{count} subscriptions ended.",), (self.line("subscribe"),))

    def subscriptions(self, found: Sequence[Subscription], *, ending: bool = False) -> Message:
        """Return somebody's subscriptions."""
        if not found:
            return message(("No subscriptions.",), (self.line("subscribe"),))
        items: list[Spans] = [
            (Strong(str(each.n)), f" {self.subscribed_to(each)}, ", *self._address(each))
            for each in found
        ]
        many = f"{len(found)} subscription{'s' if len(found) != 1 else ''}"
        return Message(
            summary=(f"Which one? {many}:" if ending else f"{many}:",),
            blocks=(
                Bullets(tuple(items)),
                para(self.line("unsubscribe <n>"), "  ·  ", self.line("unsubscribe all")),
            ),
        )

    def no_subscription(self, n: int | str) -> Message:
        """Return that nobody here has such a subscription."""
        return message((f"You have no subscription {n}.",), (self.line("subscriptions"),))

    def not_subscribed(self, why: str, *lines: str) -> Message:
        """Return why a subscription is not possible, and one that is."""
        return message((why,), joined([(self.line(line),) for line in lines], "  ·  ") or None)

    def digest(
        self, each: Subscription, found: Sequence[tuple[Incident, str]], day: datetime
    ) -> Message:
        """Return what happened in a day, for a subscription that wants it so."""
        items: list[Spans] = [
            (
                Strong(incident.id),
                f" {incident.severity.label} · {incident.phase.value} — {self.title(incident)}. ",
                shorten(said, 300),
            )
            for incident, said in found
        ]
        many = f"{len(found)} incident{'s' if len(found) != 1 else ''}"
        return Message(
            summary=(f"{many} in the day to ", At(day, None, Precision.DAY), ":"),
            blocks=(Bullets(tuple(items)), Actions((Button("Unsubscribe", _ending(each)),))),
        )

    def digest_letter(self, each: Subscription, told: Message, day: datetime, url: str) -> Mail:
        """Return a digest by mail."""
        subject, about = f"Incidents until {day:%Y-%m-%d}", f"digest-{day:%Y-%m-%d}"
        return self._mail(each, told, url, subject=subject, about=about)

    def draft(self, incident: Incident) -> str:
        """Return the built-in draft of a brief: what, since when, what is done, what is next."""
        lines = [
            f"{self.practice(incident)}{self.title(incident)} ({incident.severity.label}, "
            f"{incident.phase.value}), since {incident.declared_at:%H:%M} UTC.",
            f"Impact: {incident.impact or 'being assessed'}.",
        ]
        said, decided = incident.last_update, incident.decisions[-1:]
        if said is not None:
            lines.append(f"Latest, {said.at:%H:%M} UTC: {said.text}")
        if decided and (said is None or decided[0].at > said.at):
            lines.append(f"Decided, {decided[0].at:%H:%M} UTC: {decided[0].text}")
        due = self.next_update(incident, None, ClockName.STAKEHOLDER) or self.next_update(incident)
        if due:
            lines.append(spans_text(due))
        return " ".join(lines)

    def brief_offer(self, incident: Incident, text: str) -> Message:
        """Return the draft of a brief, to be sent by a person (H1)."""
        return message(
            (f"Draft of a brief for {incident.id}; nothing was sent.",),
            (text,),
            (self.line("brief <text>", incident),),
            Actions((self.button("Send it", incident, f"brief {text}"),))
            if len(text) <= BUTTON_LENGTH
            else None,
        )

    def keeping(self, incident: Incident, clock: ClockName) -> list[Block | Spans]:
        """Return what keeps a promise in one tap: what could be said, where it is not obvious."""
        if clock is ClockName.INTERNAL:
            return [self.no_change(incident)]
        if clock is ClockName.STAKEHOLDER:
            text, command = self.draft(incident), "brief"
        else:
            plan = self.plan_for(incident.service)
            text, command = composed(incident, plan, None).text, "external"
        if len(text) > BUTTON_LENGTH:
            return []
        return [
            (f"For example: {text}",),
            Actions((self.button("Say that", incident, f"{command} {text}"),)),
        ]

    # --- the shield -------------------------------------------------------------------------------

    def shielded(self, incident: Incident, last: ev.BriefSent | None) -> Message:
        """Return the answer to somebody who asks a room how it stands (H2)."""
        told = message(
            self._stands(incident, last),
            ("The responders have not been disturbed. ", self.line("subscribe", incident)),
            Actions((self.button("Send me each update", incident, "subscribe"),)),
        )
        return replace(told, aside=True)

    def _stands(self, incident: Incident, last: ev.BriefSent | None) -> Spans:
        """Return the last word and the next one's time."""
        said = incident.last_update
        internal = self.next_update(incident)
        briefs = self.next_update(incident, None, ClockName.STAKEHOLDER)
        due: Spans = (" ", *internal) if internal else ((" ", *briefs) if briefs else ())
        if last is not None and (said is None or last.at >= said.at):
            after: Spans = (" ", *briefs) if briefs else due
            return ("Last brief ", self.at(last.at), f": {shorten(last.text, 500)}.", *after)
        if said is not None:
            return ("Last update ", self.at(said.at), f": {shorten(said.text, 500)}.", *due)
        return (
            f"{self.label(incident)}, declared ",
            self.at(incident.declared_at),
            ": no update has been posted yet.",
            *due,
        )

    # --- drills -----------------------------------------------------------------------------------

    def score(self, incident: Incident, marks: Sequence[Mark]) -> Message:
        """Return how a drill went: what was late or missing, and what was good (X1)."""
        good = sum(mark.verdict is Verdict.GOOD for mark in marks)
        worst_first = sorted(marks, key=lambda mark: _WORST.index(mark.verdict))
        return message(
            (f"{incident.id} scored {good} of {len(marks)}.",),
            Bullets(tuple((f"{_SIGN[m.verdict]} ", *self._mark(m)) for m in worst_first)),
            ("What is missing once is missing at 3 a.m., too. Again: ", self.line("drill <title>"))
            if good < len(marks)
            else None,
        )

    def _mark(self, mark: Mark) -> Spans:
        what = _TASKS[mark.task]
        if mark.promised:
            return (f"{what}: {mark.kept} of {mark.promised} kept",)
        if mark.roles:
            return (f"{what}: nobody was {' or '.join(role.value for role in mark.roles)}",)
        if mark.task is Task.ORDER and mark.verdict is Verdict.MISSING:
            return (f"{what}: resolved without saying that users were served again",)
        within = f" (within {span_of(mark.within)} is asked)" if mark.within is not None else ""
        if mark.verdict is Verdict.MISSING:
            return (f"{what}: never{within}",)
        took = f": after {span_of(mark.took)}" if mark.took is not None else ""
        return (f"{what}{took}{within if mark.verdict is Verdict.LATE else ''}",)

    def no_score(self, incident: Incident) -> Message:
        """Return that only drills are scored."""
        return message(
            (f"{incident.id} is no drill: people are not scored in an incident.",),
            (self.line("drill <title>"),),
        )

    def shield_set(self, *, on: bool) -> Message:
        """Return that questions in a room are answered, or are not."""
        if on:
            return message(
                ("Questions for news here are answered by Sitrep, beside the responders.",),
                (self.line("shield off"),),
            )
        return message(("Questions for news here are left to people.",), (self.line("shield on"),))


_TASKS: Mapping[Task, str] = {
    Task.COMMAND: "A commander accepted",
    Task.ROLES: "Roles were filled",
    Task.IMPACT: "The impact was stated",
    Task.STEP: "A stabilising step was tried",
    Task.INTERNAL: "Updates to the room",
    Task.PUBLIC: "The first public text went out",
    Task.EXTERNAL: "Public updates",
    Task.BRIEFS: "Briefs to stakeholders",
    Task.ORDER: "Stabilised before it was resolved",
}
_SIGN = {Verdict.GOOD: "✅", Verdict.LATE: "🕒 late —", Verdict.MISSING: "❌ missing —"}
_WORST = (Verdict.MISSING, Verdict.LATE, Verdict.GOOD)


def _ending(each: Subscription) -> str:
    return f"unsubscribe {each.n}"


def _dashed(parts: list[Spans]) -> Spans:
    return (" — ", *joined(parts, ", ")) if parts else ()
