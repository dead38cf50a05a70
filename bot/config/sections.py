"""The tables of the config, one class each: typed and frozen."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import time, timedelta
from enum import StrEnum
from ipaddress import ip_address
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from bot.contract.addresses import WebAddress
from bot.domain.durations import parse_duration
from bot.domain.incident import Severity
from bot.domain.publication import Moment, faults_in

SEVERITIES = {"sev1": Severity.SEV1, "sev2": Severity.SEV2, "sev3": Severity.SEV3}


def _duration(value: object) -> object:
    if isinstance(value, str) and (length := parse_duration(value)) is not None:
        return length
    if isinstance(value, timedelta):
        return value
    raise ValueError(f"{value!r} is not a duration; write 15m, 1h30m or 45s")


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise ValueError("must be longer than nothing; write 15m, 1h30m or 45s")
    return value


def _five_minutes_at_most(value: timedelta) -> timedelta:
    if value > timedelta(minutes=5):
        raise ValueError("is too long; write 5m or less")
    return value


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError) as exc:  # a folder of zones is no zone
        raise ValueError(f"{value!r} is not a time zone; write one like Europe/Berlin") from exc
    return value


def _time_of_day(value: object) -> object:
    typed = isinstance(value, str) and re.fullmatch(r"\d{2}:\d{2}(:\d{2})?", value) is not None
    try:
        found = time.fromisoformat(value) if typed and isinstance(value, str) else value
    except ValueError:
        found = None
    if not isinstance(found, time):
        raise ValueError(  # noqa: TRY004 - what pydantic takes for a fault
            f"{value!r} is not a time of day; write 09:00:00, without quotes"
        )
    return found


def _listen(value: object) -> object:
    host, _, port = str(value).rpartition(":")
    bare = str(value) if str(value).isdecimal() else port if not host else None
    if not isinstance(value, str | int) or (bare and bare.isdecimal()):
        right = bare if bare and _is_port(bare) else "8080"
        raise ValueError(
            f'{value!r} has no address; write "0.0.0.0:{right}" to listen on all addresses, or '
            f'"127.0.0.1:{right}" for this machine alone'
        )
    if ":" in host and not (host[0] == "[" and host[-1] == "]") and not _is_ip(host):
        raise ValueError(f'{value!r} has no port; write an address like "[{value}]:8080"')
    if not host or not port.isdecimal():
        raise ValueError(f'{value!r} has no port; write an address like "127.0.0.1:8080"')
    if not _is_port(port):
        raise ValueError(f"there is no port {port}; write one from 1 to 65535")
    return value


def _is_ip(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdecimal() and 0 < int(text[:6]) < 65536


TimeOfDay = Annotated[time, BeforeValidator(_time_of_day)]


Listen = Annotated[str, BeforeValidator(_listen)]
"""An address and a port to listen at."""


Duration = Annotated[timedelta, BeforeValidator(_duration)]


Period = Annotated[timedelta, BeforeValidator(_duration), AfterValidator(_positive)]


Patience = Annotated[Period, AfterValidator(_five_minutes_at_most)]
"""How long a peer is waited for, who may be anybody."""


def _window(value: timedelta) -> timedelta:
    if not timedelta(minutes=1) <= value <= timedelta(hours=1):
        raise ValueError("is out of range; write a time from 1m to 1h")
    return value


Window = Annotated[timedelta, BeforeValidator(_duration), AfterValidator(_window)]


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
    """A period for each severity; a severity without one has no clock."""

    sev1: Period | None = None
    sev2: Period | None = None
    sev3: Period | None = None

    def by_severity(self) -> Mapping[Severity, timedelta]:
        """Return the periods there are."""
        found = _by_severity(self)
        return {severity: period for severity, period in found.items() if period is not None}


class NamesBySeverity(ConfigSection):
    """Names for each severity: platforms to mirror to, or people and places that hear briefs."""

    sev1: tuple[str, ...] = ()
    sev2: tuple[str, ...] = ()
    sev3: tuple[str, ...] = ()

    def by_severity(self) -> Mapping[Severity, tuple[str, ...]]:
        """Return the names of each severity."""
        return _by_severity(self)


def _by_severity(section: ConfigSection) -> dict[Severity, Any]:
    return {severity: getattr(section, key) for key, severity in SEVERITIES.items()}


class WordsSection(ConfigSection):
    """The public texts of each moment; a moment without one uses the built-in text."""

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
        found = _by_severity(self).items()
        levels: dict[Severity | None, Mapping[Moment, str]] = {
            level: own.words() for level, own in found
        }
        return {None: self.words(), **levels}


class PlanSection(ConfigSection):
    """`[plan]`, and what a service's plan has of it (X1)."""

    comms: str | None = None
    liaison: str | None = None
    status_page: str | None = None
    status_pages: tuple[str, ...] | None = None
    external: Periods = Periods()
    stakeholder: Periods | None = None
    mirror: NamesBySeverity | None = None
    audiences: NamesBySeverity | None = None
    templates: TemplatesSection = TemplatesSection()


class ServiceSection(PlanSection):
    """`[services.<name>]`."""

    name: str | None = None
    components: tuple[str, ...] = ()
    owner: str | None = None
    on_call: tuple[str, ...] = ()
    private: bool = False


class Rungs(ConfigSection):
    """The times of the ladder's rungs, counted from the due time (K3)."""

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
    """`[triage]`: where a SEV3 goes that nobody took up by the end of the business day (F16).

    A day that closes before it opens goes on past midnight; `days` name those on which it opens.
    """

    conversation: str | None = None
    opens: TimeOfDay = time(9)
    closes: TimeOfDay = time(17)
    days: tuple[Day, ...] = (Day.MON, Day.TUE, Day.WED, Day.THU, Day.FRI)
    zone: Annotated[str, AfterValidator(_zone)] = "UTC"

    @field_validator("days")
    @classmethod
    def _some(cls, value: tuple[Day, ...]) -> tuple[Day, ...]:
        if not value:
            raise ValueError('names no day; write at least one, like ["mon"]')
        return value

    @model_validator(mode="after")
    def _takes_time(self) -> TriageSection:
        if self.opens == self.closes:
            raise ValueError("opens and closes are the same time; write when the day ends")
        return self


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
    report_at: TimeOfDay = time(9)

    @model_validator(mode="after")
    def _owner_first(self) -> ActionsSection:
        if self.owner_after >= self.service_after:
            raise ValueError("owner_after must be shorter than service_after")
        return self


class StakeholdersSection(ConfigSection):
    """`[stakeholders]`: subscriptions, and the answers to people who are not responding (H1, H2).

    `url` is where this Sitrep's HTTP is reached by readers of mail; without one, no mail.
    """

    url: WebAddress | None = None
    mail_domains: tuple[str, ...] = ()
    digest_at: TimeOfDay = time(8)
    shield: bool = True


class FloodsSection(ConfigSection):
    """`[floods]`: what one person calls for, and one reader gets, before it is gathered (F18)."""

    declarations: Annotated[int, Field(ge=1, le=100)] = 3
    declarations_within: Window = timedelta(minutes=5)
    news: Annotated[int, Field(ge=1, le=1000)] = 10
    news_within: Window = timedelta(minutes=5)


class PagingSection(ConfigSection):
    """`[paging]`."""

    last: tuple[str, ...] = ()


class AccessSection(ConfigSection):
    """`[access]`."""

    unknown_people: Literal["admit", "trust", "refuse"] = "admit"
    trusted: tuple[str, ...] = ()
    auditors: tuple[str, ...] = ()
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
    """`[http]`; no address: nothing listens. The rest bounds what a connection may cost."""

    listen: Listen | None = None
    header_timeout: Patience = timedelta(seconds=10)
    body_timeout: Patience = timedelta(seconds=20)
    connections: Annotated[int, Field(ge=4, le=10_000)] = 200
    ready_timeout: Patience = timedelta(seconds=2)


class LogSection(ConfigSection):
    """`[log]`."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"
    file: str | None = None
