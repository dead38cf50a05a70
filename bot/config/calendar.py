"""The calendar of the config: the business day, the daily digest, the weekly report."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.config.sections import Day, TriageSection


def end_of_day(triage: TriageSection, now: datetime) -> datetime:
    """Return the end of the business day at `now`, or of the next one (F16).

    A day that goes on past midnight is the day on which it opens.
    """
    zone = ZoneInfo(triage.zone)
    lasts = timedelta(days=triage.closes < triage.opens)
    day = now.astimezone(zone).date() - lasts
    names = tuple(Day)
    while True:
        ends = datetime.combine(day + lasts, triage.closes, zone)
        if names[day.weekday()] in triage.days and ends > now:
            return ends.astimezone(now.tzinfo)
        day += timedelta(days=1)


def last_digest(zone: str, at: time, now: datetime) -> datetime:
    """Return the due time of today's digest, or of yesterday's if it is still to come."""
    local = now.astimezone(ZoneInfo(zone))
    due = datetime.combine(local.date(), at, local.tzinfo)
    return due if due <= now else due - timedelta(days=1)


def last_report(zone: str, day: Day, at: time, now: datetime) -> datetime:
    """Return the due time of this week's report, or of the last one if it is still to come."""
    local = now.astimezone(ZoneInfo(zone))
    back = (local.weekday() - tuple(Day).index(day)) % 7
    date = local.date() - timedelta(days=back)
    due = datetime.combine(date, at, local.tzinfo)
    return due if due <= now else due - timedelta(days=7)
