"""The review is scheduled: by mail to a real mail server, and as a file in the chat (P2)."""

from __future__ import annotations

import email.policy
from email import message_from_bytes

import pytest
from aiosmtpd.controller import Controller
from icalendar import Calendar

from bot.testing import TEAM, stage
from tests.peers.machine import free_port
from tests.worlds.learning import over

PEOPLE = TEAM.replace("[people.ben]\n", '[people.ben]\nmail = "ben@example.com"\n').replace(
    "[people.ann]\n", '[people.ann]\nname = "Änn; the first"\nmail = "ann@example.com"\n'
)


class Box:
    """What a mail server has taken. `refuse` is what it says to the next ones."""

    def __init__(self) -> None:
        self.mails: list = []
        self.to: list[str] = []
        self.refuse: list[str] = []

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd's name
        if self.refuse:
            return self.refuse.pop(0)
        self.mails.append(message_from_bytes(envelope.content, policy=email.policy.default))
        self.to += envelope.rcpt_tos
        return "250 taken"


@pytest.fixture
def box():
    box = Box()
    controller = Controller(box, hostname="127.0.0.1", port=free_port())
    controller.start()
    box.port = controller.port
    yield box
    controller.stop()


def config(box: Box) -> str:
    return PEOPLE + (
        f'[plugins.mail]\nhost = "127.0.0.1"\nport = {box.port}\nsecurity = "none"\n'
        'sender = "Sitrep <sitrep@example.com>"\n'
    )


def calendars(box: Box, to: str) -> list:
    return [
        Calendar.from_ical(part.get_content())
        for mail in box.mails
        if mail["To"] == to
        for part in mail.walk()
        if part.get_content_type() == "text/calendar"
    ]


async def test_everybody_who_took_part_is_invited_moved_and_told_off(box, tmp_path):
    """P2"""
    async with stage(tmp_path, config=config(box)) as bot:
        await over(bot, title="Größe, Preis; alles falsch")
        await bot.say("ben", "!inc pm schedule 2026-11-26 14:00")
        await bot.say("ben", "!inc pm schedule 2026-11-27T16:00+02:00")
        await bot.say("ben", "!inc pm unschedule")
        assert sorted(box.to) == ["ann@example.com"] * 3 + ["ben@example.com"] * 3
        first, second, third = calendars(box, "ann@example.com")
        events = [next(iter(c.walk("VEVENT"))) for c in (first, second, third)]
        assert [c["METHOD"] for c in (first, second, third)] == ["REQUEST", "REQUEST", "CANCEL"]
        assert [e["SEQUENCE"] for e in events] == [0, 1, 2]
        assert len({e["UID"] for e in events}) == 1
        assert [e["STATUS"] for e in events] == ["CONFIRMED", "CONFIRMED", "CANCELLED"]
        assert events[1]["DTSTART"].dt.isoformat() == "2026-11-27T14:00:00+00:00"
        assert events[0]["SUMMARY"] == "Postmortem INC-1: Größe, Preis; alles falsch"
        assert events[0]["ORGANIZER"] == "mailto:ben@example.com"
        assert {str(a) for a in events[0]["ATTENDEE"]} == {
            "mailto:ann@example.com",
            "mailto:ben@example.com",
        }
        (mail, *_rest) = box.mails
        types = {part.get_content_type(): part for part in mail.walk()}
        assert types["text/calendar"].get_param("method") == "REQUEST"
        assert mail["Auto-Submitted"] == "auto-generated"
        assert len({m["References"] for m in box.mails}) == 1
        assert len({m["Message-ID"] for m in box.mails}) == len(box.mails)
        (posted, *_more) = [p.message for p in bot.chat.done if p.message and p.message.files]
        assert posted.files[0].name == "INC-1.ics"
        assert "METHOD:REQUEST" in posted.files[0].text


async def test_a_mail_server_that_is_busy_is_asked_again_and_one_that_refuses_is_told_of(
    box, tmp_path
):
    """D2"""
    async with stage(tmp_path, config=config(box)) as bot:
        await over(bot)
        box.refuse = ["451 later"]
        await bot.say("ben", "!inc pm schedule 2026-11-26 14:00")
        await bot.minutes(1)
        assert sorted(box.to) == ["ann@example.com", "ben@example.com"]
        box.refuse = ["550 no such person"]
        await bot.say("ben", "!inc pm unschedule")
        assert any("550" in text and "Not delivered" in text for text in bot.heard())


async def test_without_mail_the_file_is_in_the_chat(tmp_path):
    """P2"""
    async with stage(tmp_path) as bot:
        await over(bot)
        await bot.say("ben", "!inc pm schedule 2026-11-26 14:00")
        (message,) = [p.message for p in bot.chat.done if p.message and p.message.files]
        calendar = Calendar.from_ical(message.files[0].text)
        assert calendar["METHOD"] == "REQUEST"
        assert message.files[0].link.startswith("https://outlook.office.com/calendar/")


async def test_check_proves_the_mail_server(box, tmp_path):
    async with stage(tmp_path, config=config(box)) as bot:
        assert await bot.app.plugins.mailers["mail"].check() == []
    away = config(box).replace(str(box.port), str(free_port()))
    async with stage(tmp_path / "b", config=away) as bot:
        (finding,) = await bot.app.plugins.mailers["mail"].check()
        assert "cannot send mail" in finding.text
