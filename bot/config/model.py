"""The config as typed and frozen sections, one class a table."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from bot.domain.durations import parse_duration
from bot.domain.incident import Rung, RungKind, Severity
from bot.domain.policy import Plan, Policy
from bot.domain.publication import Moment, faults_in
from bot.people import Directory, Person
from bot.refs import ConversationRef, PersonId

_SEVERITIES = {"sev1": Severity.SEV1, "sev2": Severity.SEV2, "sev3": Severity.SEV3}


def _duration(value: object) -> object:
    if isinstance(value, str) and (length := parse_duration(value)) is not None:
        return length
    if isinstance(value, timedelta):
        return value
    raise ValueError(f"{value!r} is not a duration; write 15m, 1h30m or 45s")


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise ValueError("must be longer than nothing")
    return value


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError) as exc:
        raise ValueError(f"{value!r} is no time zone; write one like Europe/Berlin") from exc
    return value


Duration = Annotated[timedelta, BeforeValidator(_duration)]


Period = Annotated[timedelta, BeforeValidator(_duration), AfterValidator(_positive)]


class ConfigSection(BaseModel):
    """A table of the config: nothing unknown in it, nothing changes it."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PersonSection(ConfigSection):
    """`[people.<id>]`."""

    name: str = ""
    commander: bool = False
    users: dict[str, str] = Field(default_factory=dict)
    mail: str | None = None


class Periods(ConfigSection):
    """A period for each severity; one that is not named has no clock."""

    sev1: Period | None = None
    sev2: Period | None = None
    sev3: Period | None = None

    def by_severity(self) -> Mapping[Severity, timedelta]:
        """Return the periods there are."""
        pairs = ((severity, getattr(self, key)) for key, severity in _SEVERITIES.items())
        return {severity: period for severity, period in pairs if period is not None}


class MirrorSection(ConfigSection):
    """Which platforms an incident is told on too, by severity."""

    sev1: tuple[str, ...] = ()
    sev2: tuple[str, ...] = ()
    sev3: tuple[str, ...] = ()

    def by_severity(self) -> Mapping[Severity, tuple[str, ...]]:
        """Return the platforms of each severity."""
        return {severity: getattr(self, key) for key, severity in _SEVERITIES.items()}


class AudienceSection(ConfigSection):
    """Who hears the briefs, by severity: a person, a mail address, a conversation."""

    sev1: tuple[str, ...] = ()
    sev2: tuple[str, ...] = ()
    sev3: tuple[str, ...] = ()

    def by_severity(self) -> Mapping[Severity, tuple[str, ...]]:
        """Return the audiences of each severity."""
        return {severity: getattr(self, key) for key, severity in _SEVERITIES.items()}


class WordsSection(ConfigSection):
    """What the public is told at each moment; what is not written has built-in words."""

    title: str | None = None
    investigating: str | None = None
    identified: str | None = None
    monitoring: str | None = None
    resolved: str | None = None
    reopened: str | None = None
    cancelled: str | None = None

    @model_validator(mode="after")
    def _fields(self) -> WordsSection:
        for moment in Moment:
            text = getattr(self, moment.value)
            for fault in faults_in(moment, text) if text is not None else ():
                raise ValueError(f"{moment.value}: {fault}")
        return self

    def words(self) -> Mapping[Moment, str]:
        """Return the words there are."""
        found = ((moment, getattr(self, moment.value)) for moment in Moment)
        return {moment: text for moment, text in found if text is not None}


class TemplatesSection(WordsSection):
    """`templates` of a plan: for every severity, and for one."""

    sev1: WordsSection = WordsSection()
    sev2: WordsSection = WordsSection()
    sev3: WordsSection = WordsSection()

    def by_severity(self) -> Mapping[Severity | None, Mapping[Moment, str]]:
        """Return the words of each severity, and of all."""
        levels = {key: getattr(self, key).words() for key in _SEVERITIES}
        return {None: self.words(), **{_SEVERITIES[key]: words for key, words in levels.items()}}


class PlanSection(ConfigSection):
    """`[plan]`, and what a service's plan has of it (X1)."""

    comms: str | None = None
    liaison: str | None = None
    status_page: str | None = None
    status_pages: tuple[str, ...] | None = None
    external: Periods = Periods()
    stakeholder: Periods | None = None
    mirror: MirrorSection | None = None
    audiences: AudienceSection | None = None
    templates: TemplatesSection = TemplatesSection()


class ServiceSection(PlanSection):
    """`[services.<name>]`."""

    name: str | None = None
    components: tuple[str, ...] = ()
    owner: str | None = None
    on_call: tuple[str, ...] = ()


class Rungs(ConfigSection):
    """When each rung of the ladder comes, from the due time (K3)."""

    prompt_before: Duration = timedelta(minutes=3)
    overdue_after: Duration = timedelta(0)
    page_after: Duration = timedelta(minutes=5)
    next_after: Duration = timedelta(minutes=10)


class ClocksSection(ConfigSection):
    """`[clocks]`."""

    internal: Periods = Periods(sev1=timedelta(minutes=15), sev2=timedelta(minutes=15))
    stakeholder: Periods = Periods(sev1=timedelta(minutes=30), sev2=timedelta(minutes=30))
    ladder: Rungs = Rungs()


class CommandSection(ConfigSection):
    """`[command]`."""

    ask_next_after: Period = timedelta(minutes=5)
    respond_within: Periods = Periods(sev1=timedelta(minutes=5), sev2=timedelta(minutes=15))
    nudge_after: Period = timedelta(minutes=10)
    assess_within: Period = timedelta(minutes=15)


class Day(StrEnum):
    """A day of the week."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


class TriageSection(ConfigSection):
    """`[triage]`: where a SEV3 goes that nobody took up by the end of the business day (F16)."""

    conversation: str | None = None
    opens: time = time(9)
    closes: time = time(17)
    days: tuple[Day, ...] = (Day.MON, Day.TUE, Day.WED, Day.THU, Day.FRI)
    zone: Annotated[str, AfterValidator(_zone)] = "UTC"

    @model_validator(mode="after")
    def _opens_first(self) -> TriageSection:
        if self.opens >= self.closes or not self.days:
            raise ValueError("opens must be before closes, on at least one day")
        return self

    def end_of_day(self, now: datetime) -> datetime:
        """Return when the business day ends that `now` is in, or the next one."""
        zone = ZoneInfo(self.zone)
        day = now.astimezone(zone).date()
        names = tuple(Day)
        while True:
            ends = datetime.combine(day, self.closes, zone)
            if names[day.weekday()] in self.days and ends > now:
                return ends.astimezone(now.tzinfo)
            day += timedelta(days=1)


class PostmortemSection(ConfigSection):
    """`[postmortem]`: what the end of an incident promises (P2)."""

    schedule_within: Period = timedelta(hours=48)
    hold_within: Period = timedelta(days=7)


class ActionsSection(ConfigSection):
    """`[actions]`: who is told of an overdue action, from the end of its date, and the report (A3).

    The report is sent on a day of the week, at a time in the zone of `[triage]`.
    """

    owner_after: Duration = timedelta(hours=9)
    service_after: Duration = timedelta(days=3, hours=9)
    conversation: str | None = None
    report_day: Day = Day.MON
    report_at: time = time(9)

    @model_validator(mode="after")
    def _owner_first(self) -> ActionsSection:
        if self.owner_after >= self.service_after:
            raise ValueError("owner_after must be shorter than service_after")
        return self


class StakeholdersSection(ConfigSection):
    """`[stakeholders]`: subscriptions, and the answers to people who are not responding (H1, H2).

    `url` is where this Sitrep's HTTP is reached by readers of mail; without one, no mail.
    """

    url: Annotated[str, Field(pattern=r"^https?://[^\s?#]+$")] | None = None
    mail_domains: tuple[str, ...] = ()
    digest_at: time = time(8)
    shield: bool = True


class PagingSection(ConfigSection):
    """`[paging]`."""

    last: tuple[str, ...] = ()


class AccessSection(ConfigSection):
    """`[access]`."""

    unknown_people: Literal["admit", "refuse"] = "admit"
    stale_after: Period = timedelta(minutes=5)
    conversations: tuple[str, ...] = ()


class StorageSection(ConfigSection):
    """`[storage]`; no URL: a file in the home folder."""

    url: str | None = None


class DeliverySection(ConfigSection):
    """`[delivery]`."""

    timeout: Period = timedelta(seconds=30)
    give_up_after: Period = timedelta(hours=2)
    late_after: Period = timedelta(minutes=1)
    retry_first: Period = timedelta(seconds=1)
    retry_longest: Period = timedelta(minutes=5)
    keep: Period = timedelta(days=30)


class HttpSection(ConfigSection):
    """`[http]`; no address: nothing listens."""

    listen: Annotated[str, Field(pattern=r"^.+:\d{1,5}$")] | None = None


class LogSection(ConfigSection):
    """`[log]`."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"
    file: str | None = None


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
        return Directory(
            (
                Person(
                    id=PersonId(key),
                    name=section.name or key.capitalize(),
                    commander=section.commander,
                    users={"console": key, **section.users},
                    mail=section.mail,
                )
                for key, section in self.people.items()
            ),
            admit_unknown=self.access.unknown_people == "admit",
        )

    @cached_property
    def policy(self) -> Policy:
        """The rules in force."""
        ladder = self.clocks.ladder
        return Policy(
            internal=self.clocks.internal.by_severity(),
            stakeholder=self.clocks.stakeholder.by_severity(),
            rungs=(
                Rung(kind=RungKind.PROMPT, offset=-ladder.prompt_before),
                Rung(kind=RungKind.OVERDUE, offset=ladder.overdue_after),
                Rung(kind=RungKind.PAGE, offset=ladder.page_after),
                Rung(kind=RungKind.NEXT, offset=ladder.next_after),
            ),
            ask_next_after=self.command.ask_next_after,
            respond_within=self.command.respond_within.by_severity(),
            nudge_after=self.command.nudge_after,
            correct_within=self.command.assess_within,
            schedule_within=self.postmortem.schedule_within,
            hold_within=self.postmortem.hold_within,
            chase_after=(self.actions.owner_after, self.actions.service_after),
        )

    def plan_for(self, service: str | None) -> Plan:
        """Return the communication plan of a service; the default one where it has none (X1)."""
        section = self.services.get(service) if service else None
        own: PlanSection = section or self.plan
        stakeholder = own.stakeholder or self.plan.stakeholder
        mirror = own.mirror or self.plan.mirror
        audiences = own.audiences or self.plan.audiences
        pages = own.status_pages if own.status_pages is not None else self.plan.status_pages
        shared, words = self.plan.templates.by_severity(), own.templates.by_severity()
        return Plan(
            service=service,
            name=section.name if section else None,
            missing=section is None,
            owner=_person(section.owner) if section else None,
            comms=_person(own.comms or self.plan.comms),
            liaison=_person(own.liaison or self.plan.liaison),
            on_call=tuple(PersonId(p) for p in section.on_call) if section else (),
            external=own.external.by_severity() or self.plan.external.by_severity(),
            stakeholder=stakeholder.by_severity() if stakeholder else {},
            status_page=own.status_page or self.plan.status_page,
            mirror=mirror.by_severity() if mirror else {},
            components=section.components if section else (),
            pages=pages,
            audiences=audiences.by_severity() if audiences else {},
            templates={each: {**shared[each], **words[each]} for each in shared},
        )

    @cached_property
    def on_call(self) -> Mapping[str, tuple[PersonId, ...]]:
        """Who answers a page to a service."""
        return {
            name: tuple(PersonId(p) for p in section.on_call)
            for name, section in self.services.items()
        }

    def database_url(self, home: Path) -> str:
        """Return the URL of the record: as configured, else a file in the home folder."""
        return self.storage.url or f"sqlite://{home / 'sitrep.db'}"

    def admits(self, conversation: ConversationRef) -> bool:
        """Whether a conversation may speak to the bot; all may where none are named (F8)."""
        patterns = self.access.conversations
        name = f"{conversation.adapter}:{conversation.id}"
        return not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)

    @cached_property
    def triage_conversation(self) -> ConversationRef | None:
        """Where untouched SEV3s are raised."""
        return _conversation(self.triage.conversation)

    @cached_property
    def report_conversation(self) -> ConversationRef | None:
        """Where the weekly report of action items goes: the triage room, where nothing is said."""
        return _conversation(self.actions.conversation) or self.triage_conversation

    def last_digest(self, now: datetime) -> datetime:
        """Return when today's digest is, or yesterday's was, due."""
        local = now.astimezone(ZoneInfo(self.triage.zone))
        due = datetime.combine(local.date(), self.stakeholders.digest_at, local.tzinfo)
        return due if due <= now else due - timedelta(days=1)

    def last_report(self, now: datetime) -> datetime:
        """Return when this week's report is, or the last one was, due."""
        local = now.astimezone(ZoneInfo(self.triage.zone))
        back = (local.weekday() - tuple(Day).index(self.actions.report_day)) % 7
        day = local.date() - timedelta(days=back)
        due = datetime.combine(day, self.actions.report_at, local.tzinfo)
        return due if due <= now else due - timedelta(days=7)


def _conversation(name: str | None) -> ConversationRef | None:
    if name is None:
        return None
    adapter, _, conversation = name.partition(":")
    return ConversationRef(adapter, conversation)


def _person(name: str | None) -> PersonId | None:
    return PersonId(name) if name is not None else None
