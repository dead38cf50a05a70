"""People outside the response: told on time, by themselves, and never at the responders' cost."""

from __future__ import annotations

import asyncio
import email
import email.policy
import re
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from aiohttp import ClientSession, web
from aiosmtpd.controller import Controller

from bot.cli.checks import verify
from bot.contract.chat import Features
from bot.contract.errors import PermanentFailure, TemporaryFailure
from bot.contract.stakeholders import Mail
from bot.delivery.outbox import LANES_AT_ONCE, OUTSIDE_AT_ONCE
from bot.domain import events as ev
from bot.domain.incident import ClockName
from bot.domain.subscription import Subscription
from bot.http.application import application
from bot.http.mail_links import Links
from bot.testing import TEAM, RecordingAdapter, RecordingProvider, stage
from tests.harness.waiting import until
from tests.peers.machine import free_port

MAILED = TEAM.replace("[people.ann]\n", '[people.ann]\nmail = "ann@example.com"\n')


class Mailbox:
    """A mail server that keeps what it gets, and refuses whom it is told to."""

    def __init__(self) -> None:
        self.messages: list[email.message.EmailMessage] = []
        self.refused: set[str] = set()

    async def handle_RCPT(self, _server, _session, envelope, address, _options):  # noqa: N802
        if address in self.refused:
            return "550 5.1.1 no such person"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.messages.append(message)
        return "250 OK"

    def to(self, address: str) -> list[email.message.EmailMessage]:
        return [message for message in self.messages if message["To"] == address]


@asynccontextmanager
async def mailing(home, config: str = MAILED, **more):
    """A Sitrep with a real mail server, and its HTTP."""
    box, port, smtp = Mailbox(), free_port(), free_port()
    controller = Controller(box, hostname="127.0.0.1", port=smtp)
    controller.start()
    section = (
        f'[plugins.mail]\nhost = "127.0.0.1"\nport = {smtp}\nsecurity = "none"\n'
        'sender = "Sitrep <sitrep@example.com>"\n'
        f'[stakeholders]\nurl = "http://127.0.0.1:{port}"\nmail_domains = ["example.org"]\n'
    )
    try:
        async with stage(home, config=config, more=section, **more) as bot:
            audience = bot.app.intake.audience
            links = Links(ending=audience.ended_by_mail, confirming=audience.confirmed_by_mail)
            app = application(bot.app.store, bot.app.numbers, (), links=links)
            runner = web.AppRunner(app)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", port).start()
            try:
                yield bot, box
            finally:
                await runner.cleanup()
    finally:
        controller.stop()


async def mailed(bot, *addresses: str) -> None:
    """Subscribe mail addresses that have confirmed it."""

    async def store(work) -> None:
        for each in addresses:
            await work.subscribe(Subscription(address=f"mail:{each}", by="dev", token=each))

    await bot.app.store.transact(store)


async def told(bot, who: str) -> list[str]:
    await bot.settle()
    return bot.chat.said(f"@{who}")


async def test_subscribers_hear_of_each_step_directly(tmp_path):
    """H1"""
    async with stage(tmp_path) as bot:
        assert await bot.say("dev", "!inc subscribe", room="lobby")
        assert "Subscribed to every incident: told directly on Chat." in bot.heard("lobby")[-1]
        await bot.say("ann", "!inc declare sev2 Checkout is slow service:checkout ic:@ann")
        await bot.say("ann", "!inc impact one in ten")
        await bot.say("ann", "!inc update internal words")
        await bot.say("ann", "!inc brief A rollback is under way")
        await bot.say("ben", "!inc sev 1 because all fail")
        await bot.say("ann", "!inc stabilised")
        await bot.say("ann", "!inc resolve release withdrawn")
        await bot.say("ann", "!inc reopen because it is back")
        await bot.say("ann", "!inc cancel because a test")
        heard = await told(bot, "dev")
        firsts = [text.splitlines()[0] for text in heard]
        assert firsts == [
            "INC-1 SEV2: declared — Checkout is slow. Impact: being assessed.",
            "INC-1 SEV2: A rollback is under way",
            "INC-1 SEV1: now SEV1 — Checkout is slow. all fail.",
            "INC-1 SEV1: stabilised: users are served again — Checkout is slow.",
            "INC-1 SEV1: resolved after 0 s — Checkout is slow. release withdrawn.",
            "INC-1 SEV1: open again — Checkout is slow. it is back.",
            "INC-1 SEV1: a false alarm — Checkout is slow. a test.",
        ]
        assert "Checkout is slow · investigating" in heard[1]
        assert "next brief 14:30 UTC" in heard[1]
        assert all("[Unsubscribe] !inc unsubscribe 1" in text for text in heard)
        assert not any("internal words" in text for text in heard)


@pytest.mark.parametrize(
    ("line", "hears"),
    [
        ("subscribe sev1", ["INC-1"]),
        ("subscribe sev2 service:checkout", ["INC-2"]),
        ("subscribe service:checkout", ["INC-2"]),
        ("INC-2 subscribe", ["INC-2"]),
        ("subscribe INC-3", ["INC-3"]),
        ("subscribe all", ["INC-1", "INC-2", "INC-3"]),
        ("subscribe postmortems", []),
    ],
)
async def test_subscriptions_are_by_severity_service_or_incident(line, hears, tmp_path):
    """H1"""
    async with stage(tmp_path) as bot:
        for n, what in enumerate(("sev1 a", "sev2 b service:checkout", "sev3 c"), 1):
            await bot.say(
                "ann", f"!inc declare {what} ic:@ann".replace("c ic:@ann", "c"), room=f"r{n}"
            )
        assert await bot.say("dev", f"!inc {line}", room="lobby")
        for n in (1, 2, 3):
            await bot.say("ann", "!inc resolve", room=f"r{n}")
        ends = [t for t in await told(bot, "dev") if "resolved" in t.splitlines()[0]]
        assert [t.split()[0] for t in ends] == hears


async def test_a_finished_postmortem_goes_to_whoever_wants_those(tmp_path):
    """P5 H1"""
    async with stage(tmp_path) as bot:
        await bot.say("dev", "!inc subscribe postmortems", room="lobby")
        await bot.say("ann", "!inc near-miss disk full")
        await bot.say("ann", "!inc NEAR-1 pm set summary The disk was found at 97 % by chance")
        await bot.say("ann", "!inc NEAR-1 pm set cause The alert looked at another volume, and the")
        for section in ("impact", "well", "poorly", "lessons", "timeline"):
            await bot.say("ann", f"!inc NEAR-1 pm set {section} 14:00 UTC the disk was at 97 %")
        await bot.say("ann", "!inc NEAR-1 pm review")
        for n in range(1, 8):
            await bot.say("ann", f"!inc NEAR-1 pm waive {n} because it is a test of another thing")
        await bot.say("ann", "!inc NEAR-1 pm finalise")
        (text,) = await told(bot, "dev")
        assert "The postmortem of NEAR-1 is published" in text


async def test_who_briefs_hears_of_somebody_listening_and_is_prompted(tmp_path):
    """H1 K1 K3: the clock runs where somebody listens, and not before"""
    config = TEAM.replace('comms = "priya"', 'comms = "priya"\nliaison = "dev"')
    async with stage(tmp_path, config=config) as bot:
        await bot.say("ann", "!inc declare sev1 down service:checkout ic:@ann")
        assert ClockName.STAKEHOLDER not in (await bot.incident()).clocks
        assert not await bot.say("ann", "!inc brief x")
        assert "Nobody is subscribed" in bot.heard()[-1]
        await bot.say("zed", "!inc INC-1 subscribe", room="lobby")
        clock = (await bot.incident()).clocks[ClockName.STAKEHOLDER]
        assert clock.promise.due_at - bot.clock.now() == timedelta(minutes=30)
        await bot.say("ann", "!inc update looking")
        await bot.minutes(27)
        prompt = next(t for t in await told(bot, "dev") if "promised a brief" in t)
        assert "For example: down (SEV1, investigating), since 14:00 UTC." in prompt
        line = re.search(r"\[Say that\] (!inc INC-1 brief .*)", prompt)[1]
        assert await bot.say("dev", line)
        assert (await bot.incident()).clocks[ClockName.STAKEHOLDER].kept == 1
        assert "down (SEV1" in (await told(bot, "zed"))[-1]
        await bot.minutes(31)
        assert any("stakeholder update is overdue" in t for t in bot.heard())


async def test_whoever_wants_no_more_says_so_in_a_word_and_can_have_it_back(tmp_path):
    """H1"""
    async with stage(tmp_path) as bot:
        await bot.say("dev", "!inc subscribe sev2 service:checkout", room="lobby")
        await bot.say("dev", "!inc subscribe postmortems", room="lobby")
        assert "2 subscriptions" in (await asked(bot, "dev", "subscriptions"))
        assert "Which one?" in (await asked(bot, "dev", "unsubscribe"))
        assert "You have no subscription 1" in (await asked(bot, "eve", "unsubscribe 1"))
        back = await asked(bot, "dev", "unsubscribe 1")
        assert "!inc subscribe all sev2 service:checkout" in back
        await bot.say("ann", "!inc declare sev1 down service:checkout ic:@ann")
        assert await told(bot, "dev") == []
        assert await bot.say("dev", back.splitlines()[-1].partition(": ")[2], room="lobby")
        assert "Unsubscribed" not in (await asked(bot, "dev", "subscriptions"))
        assert "subscriptions ended" in (await asked(bot, "dev", "unsubscribe all"))
        assert "No subscriptions" in (await asked(bot, "dev", "subscriptions"))


async def asked(bot, who: str, line: str) -> str:
    await bot.say(who, f"!inc {line}", room="lobby")
    return bot.heard("lobby")[-1]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("subscribe service:chekout", "No service “chekout” has a plan; there is: checkout."),
        ("subscribe everything", "“everything” cannot be subscribed to"),
        ("subscribe sev4", "“sev4” cannot be subscribed to"),
        ("subscribe INC-8", "There is no INC-8."),
        ("INC-7 subscribe", "There is no INC-7."),
        ("subscribe to:mail", "no mail address of yours"),
        ("subscribe to:ann@example.com", "Mail is not set up here (it needs [plugins.mail])"),
        ("subscribe to:there", "“there” is not a place: write here, mail, or a mail address."),
        ("unsubscribe x", "Which one? Its number, or all."),
        ("shield maybe", "On or off?"),
    ],
)
async def test_what_cannot_be_subscribed_to_says_what_can(line, says, tmp_path):
    """D5"""
    async with stage(tmp_path) as bot:
        assert says in " ".join((await asked(bot, "dev", line)).split())
        assert await bot.app.store.read(lambda work: work.subscriptions()) == []


async def test_where_two_incidents_run_it_has_to_be_said_which(tmp_path):
    """D5"""
    async with stage(tmp_path) as bot:
        for title in ("a", "b"):
            await bot.say("ann", f"!inc declare sev1 {title} ic:@ann")
        assert not await bot.say("dev", "!inc subscribe")
        assert "Which one?" in bot.heard()[-1]
        assert await bot.say("dev", "!inc subscribe all")


async def test_asking_twice_is_one_subscription(tmp_path):
    """D3"""
    async with stage(tmp_path) as bot:
        for _ in range(2):
            await bot.say("dev", "!inc subscribe", room="lobby")
        await bot.say("dev", "!inc subscribe sev1", room="lobby")
        await bot.say("ann", "!inc declare sev1 down ic:@ann")
        assert len(await told(bot, "dev")) == 1


async def test_a_room_can_be_told_and_only_there_is_it_ended(tmp_path):
    """H1"""
    async with stage(tmp_path) as bot:
        await bot.say("dev", "!inc subscribe sev1 to:here", room="board")
        await bot.say("ann", "!inc declare sev1 down ic:@ann")
        assert "declared — down" in bot.heard("board")[-1]
        await bot.say("priya", "!inc unsubscribe 1", room="lobby")
        assert "You have no subscription 1" in bot.heard("lobby")[-1]
        await bot.say("priya", "!inc unsubscribe 1", room="board")
        assert "Unsubscribed" in bot.heard("board")[-1]


async def test_a_drill_tells_nobody_outside(tmp_path):
    """X1"""
    async with stage(tmp_path) as bot:
        await bot.say("dev", "!inc subscribe", room="lobby")
        await bot.say("ann", "!inc drill sev1 practice ic:@ann")
        await bot.say("ann", "!inc brief practice")
        await bot.say("ann", "!inc resolve")
        assert await told(bot, "dev") == []


async def test_the_audiences_of_a_plan_are_told_by_severity_and_may_end_it(tmp_path):
    """X1 H1"""
    plan = TEAM.replace(
        'comms = "priya"',
        'comms = "priya"\naudiences = { sev1 = ["@dev", "chat:board"], sev2 = ["chat:board"] }',
    )
    async with stage(tmp_path, config=plan) as bot:
        await bot.say("ann", "!inc declare sev2 a service:checkout ic:@ann", room="r1")
        assert (await bot.incident()).clocks[ClockName.STAKEHOLDER].promise is not None
        assert len(bot.heard("board")) == 1
        assert await told(bot, "dev") == []
        await bot.say("ann", "!inc sev 1", room="r1")
        (text,) = await told(bot, "dev")
        n = re.search(r"unsubscribe (\d+)", text)[1]
        assert await bot.say("dev", f"unsubscribe {n}", room="@dev")
        await bot.say("ann", "!inc brief x", room="r1")
        assert not any("brief x" in t for t in await told(bot, "dev"))
        assert len([t for t in bot.heard("board") if t.startswith("INC-1")]) == 3


async def test_everybody_is_told_once_on_either_engine(url, tmp_path):
    """H1 D1"""
    plan = TEAM.replace('comms = "priya"', 'audiences = { sev1 = ["@dev", "chat:board"] }')
    async with stage(tmp_path / "home", config=f'{plan}[storage]\nurl = "{url}"\n') as bot:
        await bot.say("eve", "!inc subscribe", room="lobby")
        await bot.say("dev", "!inc subscribe sev2", room="lobby")
        for room in ("r1", "r2"):
            await bot.say("ann", "!inc declare sev1 x service:checkout ic:@ann", room=room)
        await bot.say("ann", "!inc brief one", room="r1")
        for who in ("dev", "eve"):
            heard = await told(bot, who)
            firsts = [text.split(":")[0] for text in heard]
            assert firsts == ["INC-1 SEV1", "INC-2 SEV1", "INC-1 SEV1"]
        assert len(bot.heard("board")) == 3
        n = re.search(r"unsubscribe (\d+)", bot.heard("board")[-1])[1]
        assert await bot.say("eve", f"!inc unsubscribe {n}", room="board")
        await bot.say("dev", "!inc unsubscribe all", room="lobby")
        await bot.say("ann", "!inc brief two", room="r1")
        assert len(await told(bot, "dev")) == 3
        assert "brief two" not in " ".join(bot.heard("board"))
        assert "two" in (await told(bot, "eve"))[-1]


async def test_no_brief_is_owed_where_the_plan_names_nobody_for_the_severity(tmp_path):
    """K1 H1"""
    plan = TEAM.replace('comms = "priya"', 'audiences = { sev1 = ["chat:board"] }')
    async with stage(tmp_path, config=plan) as bot:
        await bot.say("ann", "!inc declare sev2 a service:checkout ic:@ann")
        assert ClockName.STAKEHOLDER not in (await bot.incident()).clocks
        await bot.say("ann", "!inc sev 1")
        assert (await bot.incident()).clocks[ClockName.STAKEHOLDER].promise is not None


async def test_a_redacted_brief_is_not_told_late(tmp_path):
    """L3"""
    async with stage(tmp_path) as bot:
        await bot.say("dev", "!inc subscribe", room="lobby")
        await bot.say("ann", "!inc declare sev1 down ic:@ann")

        def away(posted) -> None:
            if posted.conversation == "@dev":
                raise TemporaryFailure("away")

        bot.chat.fault = away
        await bot.say("ann", "!inc brief Bob did it")
        entry = next(e.n for e in await bot.timeline() if isinstance(e.event, ev.BriefSent))
        await bot.say("ann", f"!inc redact {entry}")
        bot.chat.fault = lambda _posted: None
        await bot.minutes(1)
        heard = await told(bot, "dev")
        assert ev.REDACTED in heard[-1]
        assert not any("Bob" in text for text in heard)


async def test_whoever_cannot_be_told_does_not_concern_the_room(tmp_path):
    """H2 D2 D4"""
    async with mailing(tmp_path) as (bot, box):
        box.refused = {"gone@example.org", "away@example.org"}
        await mailed(bot, "gone@example.org", "away@example.org", "here@example.org")
        await bot.say("ann", "!inc declare sev1 down ic:@ben")
        await bot.say("ben", "!inc accept")
        assert [m["To"] for m in box.messages] == ["here@example.org"]
        assert not any("example.org" in text for text in bot.heard())
        hints = [t for t in await told(bot, "ann") if "a stakeholder was not told" in t]
        assert len(hints) == 1
        assert "the mail server refuses the recipient (550)" in hints[0]
        failed = [e for e in await bot.timeline() if isinstance(e.event, ev.DeliveryFailed)]
        assert len(failed) == 2


# --- mail -----------------------------------------------------------------------------------------


async def test_mail_is_one_thread_an_incident_in_both_parts_with_a_way_out(tmp_path):
    """H1"""
    async with mailing(tmp_path) as (bot, box):
        assert await bot.say("ann", "!inc subscribe to:mail", room="lobby")
        await bot.say("ann", "!inc declare sev1 Checkout <b>fails</b> für alle ic:@ann")
        await bot.say("ann", "!inc brief Rolling back & watching")
        await bot.say("ann", "!inc resolve")
        mails = box.to("ann@example.com")
        assert len(mails) == 3
        assert len({m["Message-ID"] for m in mails}) == 3
        assert {m["References"] for m in mails} == {"<INC-1@example.com>"}
        assert {m["Subject"] for m in mails} == {"[INC-1] Checkout <b>fails</b> für alle"}
        for mail in mails:
            assert mail["Auto-Submitted"] == "auto-generated"
            assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
            assert mail.get_content_type() == "multipart/alternative"
            parts = [part.get_content_type() for part in mail.iter_parts()]
            assert parts == ["text/plain", "text/html"]
        plain, page = (part.get_content() for part in mails[1].iter_parts())
        assert "INC-1 SEV1: Rolling back & watching" in plain
        assert "Checkout &lt;b&gt;fails&lt;/b&gt; für alle" in page
        assert "Rolling back &amp; watching" in page
        link = mails[1]["List-Unsubscribe"].strip("<>")
        assert link in plain
        assert link in page


async def test_a_reader_of_mail_ends_it_with_one_post_and_a_look_changes_nothing(tmp_path):
    """H1: RFC 8058"""
    async with mailing(tmp_path) as (bot, box):
        await bot.say("ann", "!inc subscribe to:mail", room="lobby")
        await bot.say("ann", "!inc declare sev1 down ic:@ann")
        link = box.messages[0]["List-Unsubscribe"].strip("<>")
        async with ClientSession() as reader:
            for _ in range(2):
                async with reader.get(link) as asked_for:
                    page = await asked_for.text()
                    assert asked_for.status == 200
                    assert '<form method="post">' in page
                    assert "You get mail about every incident." in page
            await bot.say("ann", "!inc brief still on")
            assert len(box.messages) == 2
            async with reader.post(link, data={"List-Unsubscribe": "One-Click"}) as ended:
                assert ended.status == 200
                assert "No more mail" in await ended.text()
            for call in (reader.get, reader.post):
                async with call(link) as again:
                    assert again.status == 404
            async with reader.post(link[:-1] + "x") as unknown:
                assert unknown.status == 404
            async with reader.delete(link) as odd:
                assert odd.status == 405
        await bot.say("ann", "!inc brief and off")
        assert len(box.messages) == 2


@pytest.mark.parametrize(
    "to", ["eve@elsewhere.example", "ann@EXAMPLE.org.evil.example", "a@b@c.de"]
)
async def test_mail_goes_to_nobody_whom_the_config_does_not_know(to, tmp_path):
    """F8"""
    async with mailing(tmp_path) as (bot, box):
        assert not await bot.say("dev", f"!inc subscribe to:{to}", room="lobby")
        await bot.say("ann", "!inc declare sev1 down ic:@ann")
        assert box.messages == []


async def test_a_mail_server_that_is_away_costs_the_room_nothing(tmp_path):
    """D4 H2"""
    mailer = RecordingProvider()

    def fault(call: str) -> None:
        if call == "mail":
            raise PermanentFailure("away")

    mailer.fault = fault
    more = '[plugins.post]\n[stakeholders]\nurl = "https://sitrep.example.com"\n'
    given = {"post": mailer.plugin("register_mailer")}
    async with stage(tmp_path, config=MAILED, more=more, given=given) as bot:
        await bot.say("ann", "!inc subscribe to:mail", room="lobby")
        await bot.say("ann", "!inc declare sev1 down ic:@ann")
        await bot.say("ann", "!inc brief x")
        assert "Sending to the stakeholders: x" in bot.heard()[-1]


async def test_five_hundred_mails_that_hang_leave_the_room_its_messages(tmp_path):
    """H2 D4: lanes of plugins never take all the workers there are"""
    hung = asyncio.Event()

    class Hanging(RecordingProvider):
        async def mail(self, mail: Mail, *, key: str) -> None:
            await super().mail(mail, key=key)
            await hung.wait()

    mailer = Hanging()
    domains = 'mail_domains = ["example.org"]\n'
    more = f'[plugins.post]\n[stakeholders]\nurl = "https://sitrep.example.com"\n{domains}'
    given = {"post": mailer.plugin("register_mailer")}
    async with stage(tmp_path, more=more, given=given) as bot:
        await mailed(bot, *(f"s{n}@example.org" for n in range(500)))
        await bot.say("ann", "!inc declare sev1 down ic:@ann", deliver=False)
        await until(lambda: len(mailer.calls) >= OUTSIDE_AT_ONCE)
        for n in range(20):
            await bot.say("ann", f"!inc update {n}", room="ops", deliver=False)
            await until(lambda n=n: any(f" {n} — Ann" in text for text in bot.heard()))
        assert len(mailer.calls) < LANES_AT_ONCE
        hung.set()


# --- digests --------------------------------------------------------------------------------------


async def test_a_digest_comes_once_a_day_with_what_happened(tmp_path):
    """H1"""
    async with mailing(tmp_path) as (bot, box):
        await bot.say("dev", "!inc subscribe digest", room="lobby")
        await bot.say("ann", "!inc subscribe sev1 digest to:mail", room="lobby")
        await bot.say("ann", "!inc declare sev1 Checkout is down ic:@ann", room="r1")
        await bot.say("ann", "!inc update rolling back", room="r1")
        await bot.say("ann", "!inc declare sev3 Typo on the page", room="r2")
        await bot.say("ann", "!inc drill sev1 Practice ic:@ann", room="r3")
        assert await told(bot, "dev") == []
        await bot.clock.set(bot.clock.now() + timedelta(hours=18))
        assert await bot.app.jobs.daily_digest.digest()
        assert not await bot.app.jobs.daily_digest.digest()
        await bot.settle()
        (text,) = [t for t in await told(bot, "dev") if "in the day to" in t]
        assert "2 incidents in the day to Wed 25 Nov 08:00 UTC" in text
        assert "INC-1 SEV1 · investigating — Checkout is down. rolling back" in text
        assert "INC-2 SEV3" in text
        assert "Practice" not in text
        (mail,) = box.messages
        assert mail["Subject"] == "Incidents until 2026-11-25"
        written = mail.get_body(("plain",)).get_content()
        assert "INC-1" in written
        assert "INC-2" not in written
        assert "!inc" not in written  # nobody types into a mail
        await bot.clock.set(bot.clock.now() + timedelta(days=2))
        await bot.app.jobs.daily_digest.digest()
        await bot.settle()
        assert len(box.messages) == 1


async def test_a_digest_that_fell_due_while_nothing_ran_comes_later_and_once(tmp_path):
    """K6"""
    async with stage(tmp_path) as bot:
        await bot.say("dev", "!inc subscribe digest", room="lobby")
        await bot.say("ann", "!inc declare sev1 down ic:@ann")
        clock = bot.clock
    await clock.set(clock.now() + timedelta(hours=20))
    heard = []
    for _ in range(2):
        async with stage(tmp_path, clock=clock) as bot:
            await bot.app.jobs.daily_digest.digest()
            await bot.settle()
            heard += [t for t in bot.chat.said("@dev") if "in the day to" in t]
    assert len(heard) == 1


# --- the shield -----------------------------------------------------------------------------------


async def test_whoever_asks_the_room_is_answered_and_nobody_is_disturbed(tmp_path):
    """H2"""
    async with stage(tmp_path, chat=RecordingAdapter(features=Features(threads=True))) as bot:
        await bot.say("ann", "!inc declare sev1 down ic:@ann")
        await bot.say("ann", "!inc update rolling back")
        before = len(bot.heard())
        assert await bot.say("zed", "any news? the board is asking")
        (answer,) = bot.heard()[before:]
        assert answer.startswith("Last update 14:00 UTC: rolling back. Next update 14:15 UTC.")
        assert "The responders have not been disturbed." in answer
        assert "[Send me each update] !inc INC-1 subscribe" in answer
        assert bot.chat.done[-1].answers is not None
        await bot.say("zed", "ETA?")  # he has just been answered
        await bot.say("eve", "the ETA is 5 min")
        await bot.say("ann", "any news?")  # she commands
        assert len(bot.heard()) == before + 1
        await bot.minutes(3)
        assert await bot.say("zed", "any update?")
        assert len(bot.heard()) == before + 2
        timeline = await bot.timeline()
        assert not any("zed" in str(e.event) for e in timeline)


async def test_the_last_brief_is_told_where_it_is_newer(tmp_path):
    """H2"""
    async with stage(tmp_path) as bot:
        await bot.say("eve", "!inc subscribe", room="lobby")
        await bot.say("ann", "!inc declare sev1 down ic:@ann")
        await bot.say("zed", "status?")
        assert "no update has been posted yet. Next update 14:15 UTC" in bot.heard()[-1]
        await bot.say("ann", "!inc update internal")
        await bot.minutes(3)
        await bot.say("ann", "!inc brief For everybody")
        await bot.say("zed", "status?")
        assert "Last brief 14:03 UTC: For everybody. Next brief 14:33 UTC." in bot.heard()[-1]


async def test_a_room_can_do_without(tmp_path):
    """H2"""
    async with stage(tmp_path) as bot:
        await bot.say("ann", "!inc declare sev1 down ic:@ann")
        await bot.say("ann", "!inc shield off")
        assert "left to people" in bot.heard()[-1]
        count = len(bot.heard())
        await bot.say("zed", "any news?")
        assert len(bot.heard()) == count
        await bot.say("ann", "!inc shield on")
        await bot.say("zed", "any news?")
        assert "no update has been posted yet" in bot.heard()[-1]


@pytest.mark.parametrize("more", ["[stakeholders]\nshield = false\n", ""])
async def test_where_it_is_off_or_nothing_runs_nobody_is_answered(more, tmp_path):
    """H2"""
    async with stage(tmp_path, more=more) as bot:
        if more:
            await bot.say("ann", "!inc declare sev1 down ic:@ann")
        count = len(bot.heard())
        await bot.say("zed", "any news?")
        assert len(bot.heard()) == count


async def test_a_question_to_the_bot_itself_is_answered_to_anybody(tmp_path):
    """H2 D5"""
    async with stage(tmp_path) as bot:
        await bot.say("ann", "!inc declare sev1 down ic:@ann")
        await bot.say("ann", "!inc any news?")
        assert "no update has been posted yet" in bot.heard()[-1]
        await bot.say("zed", "any news?", room="@zed")
        assert "No verb “any”" in bot.heard("@zed")[-1]


# --- drills ---------------------------------------------------------------------------------------


async def test_a_drill_plays_the_whole_plan_and_is_scored(tmp_path):
    """X1"""
    page = RecordingProvider()
    given = {"outside": page.plugin("register_status_page")}
    plan = TEAM.replace(
        'comms = "priya"',
        'comms = "priya"\nexternal = { sev1 = "30m" }\naudiences = { sev1 = ["chat:board"] }',
    )
    async with stage(tmp_path, config=plan, more="[plugins.outside]\n", given=given) as bot:
        await bot.say("ann", "!inc drill sev1 The database is gone service:checkout ic:@ben")
        assert not await bot.say("ann", "!inc score extra")
        await bot.say("ben", "!inc accept")
        await bot.say("ben", f"!inc approve {(await bot.incident('DRILL-1')).draft.entry}")
        assert "(practice: it goes nowhere)" in bot.heard()[-1]
        await bot.minutes(17)
        await bot.say("ben", "!inc impact everybody")
        await bot.say("ben", "!inc update x")
        await bot.say("cara", "!inc tried rollback 311")
        await bot.say("ben", "!inc stabilised")
        assert "Status page (practice): monitoring" in bot.heard()[-1]
        await bot.say("ben", "!inc resolve")
        score = bot.heard()[-1]
        assert score.startswith("DRILL-1 scored 5 of 8.")
        lines = score.splitlines()
        assert "missing — Roles were filled: nobody was scribe or liaison" in lines[1]
        assert any("late — A stabilising step was tried: after 17 min" in x for x in lines)
        assert any("late — Updates to the room: 0 of 1 kept" in x for x in lines)
        assert any("✅ The first public text went out: after 0 s" in x for x in lines)
        assert page.calls == []
        assert bot.heard("board") == []
        await bot.say("ben", "!inc DRILL-1 score")
        assert bot.heard()[-1] == score


async def test_an_incident_is_not_scored(tmp_path):
    async with stage(tmp_path) as bot:
        await bot.say("ann", "!inc declare sev1 down ic:@ann")
        await bot.say("ann", "!inc score")
        assert "people are not scored in an incident" in bot.heard()[-1]


async def test_a_redacted_public_text_leaves_no_twin_on_either_engine(url, tmp_path):
    """L3"""
    page = RecordingProvider()
    config = f'{TEAM}[storage]\nurl = "{url}"\n[plugins.outside]\n'
    given = {"outside": page.plugin("register_status_page")}
    async with stage(tmp_path / "home", config=config, given=given) as bot:
        await bot.say("ann", "!inc declare sev1 down service:checkout ic:@ann")
        await bot.say("priya", "!inc external Bob broke it")
        await bot.say("ann", "!inc approve")
        entry = (await bot.incident()).publications[0].entry
        await bot.say("ann", f"!inc redact {entry}")
        assert not any("Bob" in str(each.event) for each in await bot.timeline())
        assert [u.text for u in page.calls[-1][1][0].updates] == [ev.REDACTED]
        assert await verify(bot.app.store) == []


# --- mail addresses of others ---------------------------------------------------------------------


async def test_somebody_elses_address_hears_of_nothing_before_it_confirms(tmp_path):
    """H1"""
    async with mailing(tmp_path) as (bot, box):
        assert await bot.say("dev", "!inc subscribe sev1 to:board@example.org", room="lobby")
        assert "Asked board@example.org about every incident of SEV1" in bot.heard("lobby")[-1]
        assert await bot.say("ann", "!inc declare sev1 down ic:@ann", room="r1")
        assert ClockName.STAKEHOLDER not in (await bot.incident()).clocks
        (asking,) = box.messages
        text = asking.get_content()
        assert "Dev asked Sitrep to tell you by mail about every incident of SEV1" in text
        link = re.search(r"http\S+/confirm/\S+", text)[0]
        listed = await asked(bot, "dev", "subscriptions")
        assert "board@example.org — waits for the confirmation of its reader" in listed
        async with ClientSession() as reader:
            for _ in range(2):
                async with reader.get(link) as page:
                    assert page.status == 200
                    assert '<form method="post">' in await page.text()
            async with reader.post(link.replace("/confirm/", "/unsubscribe/")) as other:
                assert other.status == 404
            assert "waits" in await asked(bot, "dev", "subscriptions")
            async with reader.post(link) as page:
                assert page.status == 200
                assert "You will be told by mail about every incident" in await page.text()
            for call in (reader.get, reader.post):
                async with call(link) as again:
                    assert again.status == 404
        assert (await bot.incident()).clocks[ClockName.STAKEHOLDER].promise is not None
        assert "waits" not in await asked(bot, "dev", "subscriptions")
        assert await bot.say("ann", "!inc brief A rollback is under way", room="r1")
        assert "A rollback" in box.messages[1].get_body(("plain",)).get_content()


async def test_what_nobody_confirms_lapses_on_either_engine(url, tmp_path):
    """H1"""
    config = f'{MAILED}[storage]\nurl = "{url}"\n'
    async with mailing(tmp_path / "home", config) as (bot, box):
        await bot.say("dev", "!inc subscribe digest to:ann@example.com", room="lobby")
        link = re.search(r"http\S+/confirm/\S+", box.messages[0].get_content())[0]
        token = link.rpartition("/")[2]
        audience = bot.app.intake.audience
        await bot.clock.advance(timedelta(days=6, hours=23))
        assert await audience.confirmed_by_mail(token, post=False) is not None
        await bot.clock.advance(timedelta(hours=1))
        assert await audience.confirmed_by_mail(token, post=True) is None
        assert "No subscriptions" in await asked(bot, "dev", "subscriptions")
        await bot.say("dev", "!inc subscribe digest to:ann@example.com", room="lobby")
        assert len(box.messages) == 2
        assert len(await bot.app.store.read(lambda work: work.subscriptions())) == 1


async def test_nobody_fills_a_mailbox_by_asking(tmp_path):
    """H1 F18"""
    async with mailing(tmp_path) as (bot, box):
        for _ in range(3):
            for level in ("sev1", "sev2", "sev3", "all", "postmortems"):
                await bot.say("dev", f"!inc subscribe {level} to:board@example.org", room="lobby")
            await bot.say("dev", "!inc unsubscribe all", room="lobby")
        await bot.say("eve", "!inc subscribe digest to:board@example.org", room="lobby")
        await bot.say("cara", "!inc subscribe digest to:board@example.org", room="lobby")
        assert len(box.messages) == 3
        assert "asked at most 3 times in 7 days" in " ".join(bot.heard("lobby")[-1].split())
        for n in range(20):
            await bot.say("dev", f"!inc subscribe to:s{n}@example.org", room="lobby")
        assert len(box.messages) == 10
        # What was called off can be asked for again, with the mail that is there.
        await bot.say("dev", "!inc subscribe sev1 to:board@example.org", room="lobby")
        assert len(box.messages) == 10
        link = re.search(r"/confirm/(\S+)", box.messages[0].get_content())[1]
        assert await bot.app.intake.audience.confirmed_by_mail(link, post=True) is not None


async def test_ones_own_address_and_those_of_a_plan_need_no_confirmation(tmp_path):
    """H1"""
    plan = MAILED.replace('comms = "priya"', 'audiences = { sev1 = ["board@example.org"] }')
    async with mailing(tmp_path, plan) as (bot, box):
        await bot.say("dev", "!inc subscribe to:ann@example.com", room="lobby")
        assert len(box.messages) == 1
        # Whoever reads it can have it at once: it is their own address.
        await bot.say("ann", "!inc subscribe to:mail", room="lobby")
        assert "Subscribed" in bot.heard("lobby")[-1]
        await bot.say("dev", "!inc subscribe sev2 to:board@example.org", room="lobby")
        assert "Subscribed" in bot.heard("lobby")[-1]
        await bot.say("ann", "!inc declare sev2 down ic:@ann")
        assert len(box.to("board@example.org")) == 1
        assert len(box.to("ann@example.com")) == 2
