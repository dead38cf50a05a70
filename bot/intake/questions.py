"""Questions about the record: lists, one incident, its postmortem, action items."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Literal, cast

from bot.config.model import Config
from bot.contract.messages import Message
from bot.delivery.plan import Targets
from bot.domain import commands as cmd
from bot.domain import drafting
from bot.domain.incident import Incident, Phase, Severity
from bot.domain.postmortem_values import Section
from bot.grammar.parser import Request
from bot.grammar.requests import Asked, Query
from bot.intake.answers import Answers, is_elsewhere, others_read
from bot.intake.arrived import Arrived, Handled
from bot.intake.commands import Commands
from bot.intake.drills import drill_score
from bot.intake.transaction import Transaction
from bot.presenter import Presenter
from bot.presenter.privacy import masked, masked_action, masked_summary
from bot.refs import Lane
from bot.store.rows import BriefDraft, Outgoing
from bot.store.work import Work

LIST_LENGTH = 50
"""The number of incidents that `list` shows."""

_INCIDENT = re.compile(r"(?:INC|DRILL|NEAR)-\d+")


class Questions:
    """The questions that people ask. Answering changes nothing."""

    def __init__(  # noqa: PLR0913 - what it is composed of
        self,
        config: Config,
        presenter: Presenter,
        targets: Targets,
        answers: Answers,
        transaction: Transaction,
        commands: Commands,
    ) -> None:
        self._config, self._presenter, self._targets = config, presenter, targets
        self._answers, self._transaction, self._commands = answers, transaction, commands

    async def look_up(self, work: Work, arrived: Arrived, asked: Asked) -> Handled:
        """Answer `help` and `list`."""
        if asked.query is Query.HELP:
            message = self._presenter.help.answer(asked.argument)
        else:
            which = cast("Literal['open', 'owing', 'all']", asked.argument)
            found = [masked_summary(each) for each in await work.list(which, LIST_LENGTH)]
            message = self._presenter.cards.listing(which, found)
            if which == "owing" and found:
                owing = [await work.incident(each.id) for each in found]
                message = self._presenter.postmortem.owing(
                    [masked(i) for i in owing if i is not None], arrived.now
                )
        return await self._answers.answer(work, arrived, message)

    async def preview(
        self, work: Work, arrived: Arrived, declaration: cmd.Declare, line: str
    ) -> Handled:
        """Show the severity that a declaration would get."""
        typed = re.sub(r"\w+", "declare", line, count=1)
        period = self._config.policy.internal.get(declaration.severity or Severity.SEV1)
        message = self._presenter.severity.preview(declaration, typed, period)
        return await self._answers.answer(work, arrived, message)

    async def show(self, work: Work, arrived: Arrived, asked: Asked, incident: Incident) -> Handled:
        """Answer a question about one incident."""
        say, card = self._presenter, None
        match asked.query:
            case Query.STATUS:
                card = self._answers.card(arrived, incident)
                message = say.cards.status(incident, arrived.now)
            case Query.WHO:
                message = say.cards.people_of(incident)
            case Query.TIMELINE:
                message = say.timeline.answer(incident, await work.timeline(incident.id))
            case Query.DRAFT:
                return await self._draft(work, arrived, incident)
            case Query.EXTERNAL:
                message = say.public.offer(incident)
            case Query.SCORE:
                message = await self._score(work, incident)
            case Query.POSTMORTEM | Query.SECTION | Query.LINT | Query.DIFF | Query.HISTORY:
                message = await self._postmortem(work, arrived, asked, incident)
            case _:
                message = say.help.answer("")
        return replace(await self._answers.answer(work, arrived, message, incident), card=card)

    async def _score(self, work: Work, incident: Incident) -> Message:
        words = self._presenter.drills
        if not incident.drill:
            return words.no_score(incident)
        return await drill_score(work, incident, self._config.policy, words)

    async def _postmortem(
        self, work: Work, arrived: Arrived, asked: Asked, incident: Incident
    ) -> Message:
        """Show the postmortem; if an older Sitrep left it unopened, open it first (P1)."""
        if incident.review is None and incident.phase is Phase.RESOLVED and incident.postmortem:
            await self._transaction.apply(work, incident.id, cmd.StartPostmortem(reason=None))
            incident = await work.incident(incident.id) or incident
        entries, say = await work.timeline(incident.id), self._presenter
        match asked.query:
            case Query.SECTION:
                section = Section(asked.argument) if asked.argument else None
                return say.postmortem.section(incident, entries, section)
            case Query.LINT:
                opened = incident.review is not None
                found = drafting.findings(incident, entries, say.drafting) if opened else ()
                return say.postmortem.linted(incident, found)
            case Query.DIFF:
                return say.postmortem.diff(incident, entries, asked.argument)
            case Query.HISTORY:
                return say.postmortem.history(incident, entries)
            case _:
                return say.postmortem.status(incident, entries, arrived.now)

    async def actions(self, work: Work, arrived: Arrived, request: Request, which: str) -> Handled:
        """List action items: those of the incident that is meant, or all."""
        today, name = arrived.now.date(), request.incident
        if _INCIDENT.fullmatch(which):
            name, which = which, "all"
        elif name is None and which == "":
            here = await work.incidents_in(arrived.conversation)
            name = next((i.id for i in here[:1] if i.actions), None)
        incident = await work.incident(name) if name is not None else None
        if name is not None and incident is None:
            answer = self._presenter.refusals.no_incident(known=name)
            return await self._answers.refuse(work, arrived, answer, "no incident")
        if incident is not None and not self._commands.readable(incident, arrived):
            answer = self._presenter.privacy.refused(incident.id)
            return await self._answers.refuse(work, arrived, answer, "private")
        kind: Literal["open", "overdue", "all"] = "open"
        if which == "overdue":
            kind = "overdue"
        elif which == "all" or (name is not None and which == ""):
            kind = "all"
        mine = which == "mine"
        owner = arrived.actor if mine else None
        found = await work.actions(kind, today=today, incident=name, owner=owner)
        if name is None and not (mine and arrived.direct):
            found = [masked_action(each) for each in found]
        title = self._presenter.actions.title(kind, mine=mine, incident=name)
        message = self._presenter.actions.listed(title, found, today)
        return await self._answers.answer(work, arrived, message, incident)

    async def _draft(self, work: Work, arrived: Arrived, incident: Incident) -> Handled:
        """Draft a brief: by the first summarizer, in its own lane, or else from the template."""
        name = next(iter(self._targets.summarizers), None)
        aside = incident.private and is_elsewhere(arrived, incident)
        # A plugin has no conversation for a later answer, and others must not read this one.
        if name is None or arrived.by_machine or aside:
            briefs = self._presenter.briefs
            drafted = briefs.offer(incident, briefs.draft(incident))
            return await self._answers.answer(work, arrived, drafted, incident)
        row = Outgoing(
            target=name,
            lane=Lane.of_plugin(name, incident.id),
            body=BriefDraft(to=arrived.conversation, about=others_read(arrived, incident)),
            incident=incident.id,
        )
        await work.send([row], now=arrived.now)
        return Handled(word="answered")
