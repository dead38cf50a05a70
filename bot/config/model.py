"""The whole config, with the rules and calendars that it sets."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import (
    Field,
)

from bot.config.calendar import end_of_day, last_digest, last_report
from bot.config.rules import directory_of, plan_of, policy_of
from bot.config.sections import (
    AccessSection,
    ActionsSection,
    ClocksSection,
    CommandSection,
    ConfigSection,
    DeliverySection,
    FloodsSection,
    HttpSection,
    LogSection,
    PagingSection,
    PersonSection,
    PlanSection,
    PostmortemSection,
    ServiceSection,
    StakeholdersSection,
    StorageSection,
    TriageSection,
)
from bot.domain.policy import Bound, Plan, Policy
from bot.people import Directory
from bot.refs import ConversationRef, PersonId


class Config(ConfigSection):
    """The whole config."""

    people: dict[str, PersonSection] = Field(default_factory=dict)
    services: dict[str, ServiceSection] = Field(default_factory=dict)
    plan: PlanSection = PlanSection()
    clocks: ClocksSection = ClocksSection()
    command: CommandSection = CommandSection()
    triage: TriageSection = TriageSection()
    postmortem: PostmortemSection = PostmortemSection()
    actions: ActionsSection = ActionsSection()
    stakeholders: StakeholdersSection = StakeholdersSection()
    paging: PagingSection = PagingSection()
    floods: FloodsSection = FloodsSection()
    access: AccessSection = AccessSection()
    storage: StorageSection = StorageSection()
    delivery: DeliverySection = DeliverySection()
    http: HttpSection = HttpSection()
    log: LogSection = LogSection()
    adapters: dict[str, dict[str, Any]] = Field(default={"console": {}})
    plugins: dict[str, dict[str, Any]] = Field(default_factory=dict)

    @cached_property
    def directory(self) -> Directory:
        """The people."""
        return directory_of(self.people, self.access, self.adapters)

    @property
    def news_bound(self) -> Bound:
        """How much one reader is told one by one (F18)."""
        return Bound(most=self.floods.news, within=self.floods.news_within)

    @cached_property
    def policy(self) -> Policy:
        """The rules in force."""
        return policy_of(self.clocks, self.command, self.postmortem, self.actions, self.floods)

    def plan_for(self, service: str | None) -> Plan:
        """Return the communication plan of a service; the default plan if it has none (X1)."""
        return plan_of(service, self.services, self.plan)

    @cached_property
    def on_call(self) -> Mapping[str, tuple[PersonId, ...]]:
        """The people who answer a page to each service."""
        return {
            name: tuple(PersonId(p) for p in section.on_call)
            for name, section in self.services.items()
        }

    def database_url(self, home: Path) -> str:
        """Return the URL of the record: as configured, else a file in the home folder."""
        return self.storage.url or f"sqlite://{home / 'sitrep.db'}"

    def admits(self, conversation: ConversationRef) -> bool:
        """Return whether a conversation may speak to the bot; all may if none are named (F8)."""
        patterns = self.access.conversations
        name = f"{conversation.adapter}:{conversation.id}"
        return not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)

    @cached_property
    def triage_conversation(self) -> ConversationRef | None:
        """The conversation in which untouched SEV3s are raised (F16)."""
        return conversation_named(self.triage.conversation)

    @cached_property
    def report_conversation(self) -> ConversationRef | None:
        """The conversation of the weekly report: the triage room unless another one is named."""
        return conversation_named(self.actions.conversation) or self.triage_conversation

    def last_digest(self, now: datetime) -> datetime:
        """Return the due time of the last daily digest."""
        return last_digest(self.triage.zone, self.stakeholders.digest_at, now)

    def last_report(self, now: datetime) -> datetime:
        """Return the due time of the last weekly report."""
        actions = self.actions
        return last_report(self.triage.zone, actions.report_day, actions.report_at, now)

    def end_of_day(self, now: datetime) -> datetime:
        """Return the end of the business day (F16)."""
        return end_of_day(self.triage, now)


def conversation_named(name: str | None) -> ConversationRef | None:
    """Return the conversation of a config name like `console:ops`."""
    if name is None:
        return None
    adapter, _, conversation = name.partition(":")
    return ConversationRef(adapter, conversation)
