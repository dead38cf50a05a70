"""Commands that people give: the incident that is meant, and the answer."""

from __future__ import annotations

from dataclasses import replace

from bot.config.model import Config
from bot.contract.messages import Message
from bot.domain import commands as cmd
from bot.domain.errors import Rejected, Unseen
from bot.domain.impact import QUESTIONS
from bot.domain.incident import Incident
from bot.domain.privacy import takes_part
from bot.domain.telling import Scene, offered, scenes
from bot.grammar.parser import Request
from bot.intake.answers import Answers, is_elsewhere
from bot.intake.arrived import Arrived, Handled
from bot.intake.transaction import Transaction
from bot.presenter import Presenter
from bot.refs import PersonId
from bot.store.work import Work

SAID_WHO_COUNTS = "said/everybody-counts/"
"""The prefix of references that say that an adapter was told who counts as named there."""


class Commands:
    """The commands that open or change an incident."""

    def __init__(
        self, config: Config, presenter: Presenter, answers: Answers, transaction: Transaction
    ) -> None:
        self._config = config
        self._presenter, self._answers, self._transaction = presenter, answers, transaction

    async def ask_again(
        self, work: Work, arrived: Arrived, request: Request, incident: Incident | None
    ) -> Handled:
        """Ask whether an old command is still meant (F11)."""
        message = self._presenter.refusals.stale(incident, request.line, arrived.actor, arrived.age)
        return await self._answers.refuse(work, arrived, message, "stale", incident)

    async def meant(
        self, work: Work, arrived: Arrived, request: Request, name: str | None
    ) -> Incident | Handled:
        """Return the incident that is named or runs in the conversation, or a refusal.

        The incident is held until the transaction ends.
        """
        refusals = self._presenter.refusals
        if name is not None:
            found = await work.incident(name)
            if found is not None and not self.readable(found, arrived):
                answer = self._presenter.privacy.refused(found.id)
                return await self._answers.refuse(work, arrived, answer, "private")
            if found is not None:
                return found
            answer = refusals.no_incident(known=name)
            return await self._answers.refuse(work, arrived, answer, "no incident")
        here = await work.incidents_in(arrived.conversation)
        active = [incident for incident in here if incident.running] or list(here[:1])
        if len(active) == 1 and (held := await work.held(active[0])) is not None:
            return held
        if len(active) > 1:
            answer = refusals.which(active, request.line)
        else:
            answer = refusals.no_incident(known=None)
        return await self._answers.refuse(work, arrived, answer, "no incident")

    def readable(self, incident: Incident, arrived: Arrived) -> bool:
        """Return whether an incident may be read and written where somebody asks (F17)."""
        if not incident.private or arrived.conversation in incident.conversations:
            return True
        if arrived.by_machine:
            return False
        owner = self._config.plan_for(incident.service).owner
        also = (owner, *map(PersonId, self._config.access.auditors))
        alone = arrived.direct or arrived.inline
        return alone and takes_part(incident, arrived.actor, also)

    async def open(self, work: Work, arrived: Arrived, declaration: cmd.Declare) -> Handled:
        """Declare an incident, and tell the conversation in which it was declared (F9).

        A plugin's declaration is told in the triage conversation, and answered to the plugin.
        """
        if arrived.by_machine and not self._transaction.can_tell(declaration):
            nowhere = self._presenter.refusals.nowhere()
            return await self._answers.refuse(work, arrived, nowhere, "nowhere to tell")
        name = f"{declaration.kind.prefix}-{arrived.number}"
        try:
            decision = await self._transaction.declare(work, arrived, declaration, name)
        except Rejected as refusal:
            message = self._presenter.refusals.rejected(refusal, None, elsewhere=False)
            return await self._answers.refuse(work, arrived, message, "rejected")
        committed = await self._transaction.commit(work, decision, arrived)
        incident = committed.incident
        here = decision.setting.here
        elsewhere = here is not None and here not in incident.conversations
        answers: tuple[Message, ...] = ()
        if elsewhere or arrived.by_machine:
            scene = Scene(head=decision.happened[0], events=decision.happened)
            told = self._presenter.telling.tell(incident, scene, arrived.now)
            if incident.private and not arrived.direct:
                told = self._presenter.privacy.declared(incident)
            answers = (told,) if arrived.by_machine else ()
            if here is not None and elsewhere:
                there = replace(arrived, conversation=here)
                await self._answers.tell_all(work, there, told, about=incident)
        await self._say_who_counts(work, arrived)
        due = committed.due_at
        return Handled(word="done", answers=answers, incident=incident.id, due_at=due)

    async def _say_who_counts(self, work: Work, arrived: Arrived) -> None:
        """Say once for each adapter that the config names nobody there, so everybody counts (F8).

        `sitrep check` says so, too; but whoever is in the room is who it is about.
        """
        untold = arrived.source in self._config.directory.everybody_counts_on
        if arrived.by_machine or not untold:
            return
        said = f"{SAID_WHO_COUNTS}{arrived.source}"
        if await work.ref(said) is None:
            await work.store_ref(said, arrived.now.isoformat())
            remark = self._presenter.trouble.everybody_counts(arrived.source)
            await self._answers.tell_all(work, arrived, remark)

    async def do(
        self, work: Work, arrived: Arrived, command: cmd.Command, incident: Incident
    ) -> Handled:
        """Carry out a command, or answer why not."""
        try:
            decision = await self._transaction.decide(work, arrived, command, incident)
        except Rejected as refusal:
            return await self._rejected(work, arrived, command, incident, refusal)
        committed = await self._transaction.commit(work, decision, arrived)
        after, events = committed.incident, decision.happened
        answers: tuple[Message, ...] = ()
        if arrived.conversation not in after.conversations:
            for scene in scenes(events):
                if not offered(scene.head):
                    told = self._presenter.telling.tell(
                        after, scene, arrived.now, arrived.conversation
                    )
                    aside = after.private and arrived.inline and is_elsewhere(arrived, after)
                    if arrived.by_machine or aside:
                        answers += (told,)
                    else:
                        await self._answers.tell_all(work, arrived, told, about=after)
        card = self._answers.card(arrived, after)
        return Handled(word="done", answers=answers, card=card, due_at=committed.due_at)

    async def _rejected(
        self,
        work: Work,
        arrived: Arrived,
        command: cmd.Command,
        incident: Incident,
        refusal: Rejected,
    ) -> Handled:
        elsewhere = arrived.conversation not in incident.conversations
        if isinstance(refusal, Unseen) and incident.draft is not None:
            shown = self._presenter.public.unseen(incident, incident.draft, elsewhere=elsewhere)
            return await self._answers.refuse(work, arrived, shown, "rejected", incident)
        message = self._presenter.refusals.rejected(refusal, incident, elsewhere=elsewhere)
        if isinstance(command, cmd.Assess) and refusal.parts[0] in QUESTIONS:
            # The next question is not a refusal.
            return await self._answers.answer(work, arrived, message, incident)
        return await self._answers.refuse(work, arrived, message, "rejected", incident)
