"""What comes after an incident: its review, its draft, its tickets."""

from __future__ import annotations

import asyncio
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from aiohttp import ClientSession, ClientTimeout
from markdown_it import MarkdownIt

from bench.making import CONFIG, ROOT  # first: it makes the tests' modules importable
from bench.result import Result
from bot import log
from bot.app import composed
from bot.config.load import parse
from bot.config.sections import LogSection
from bot.contract.chat import ChatEvent
from bot.delivery import outbox
from bot.domain import commands as cmd
from bot.domain import drafting
from bot.domain import events as ev
from bot.domain.blameless import lint
from bot.domain.decide import decide
from bot.domain.events import Entry
from bot.domain.evolve import fold
from bot.domain.incident import Severity
from bot.domain.setting import Setting
from bot.presenter import Presenter
from bot.refs import ConversationRef, PersonId, UserRef
from bot.testing import START, ManualClock, RecordingAdapter
from storage.codec import SCHEMA, dump_event, load_event

WORDS, EVENTS, ROUNDS = 5_000, 2_000, 9
EACH, INCIDENTS = 7, 4


def linting() -> Result:
    """B12"""
    from tests.worlds.corpus import judged, scored

    result = Result(
        unit="ms",
        aim="<= 3",
        note=f"a postmortem of {WORDS} words reviewed, over drawn as HTML by markdown-it-py",
    )
    sentences = [each.text for each in judged("tuning") if each.kind == "narrative"]
    words: list[str] = []
    paragraphs: list[str] = []
    while len(words) < WORDS:
        some = sentences[len(paragraphs) * 7 % len(sentences) :][:7]
        paragraphs.append(" ".join(some))
        words += paragraphs[-1].split()
    text = "# Postmortem: x\n\n## Summary\n\n" + "\n\n".join(paragraphs)
    people = ("Ann", "Ben", "Cara", "Dev", "Priya")
    draw = MarkdownIt()
    lint(text, people)
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        found = lint(text, people)
        between = time.perf_counter()
        draw.render(text)
        result.add((between - begun) * 1e3, (time.perf_counter() - between) * 1e3)
    held = scored("held_back")
    result.counts = {
        "findings": len(found),
        "held_back_sentences": held.count,
        "precision": round(held.precision, 3),
        "recall": round(held.recall, 3),
    }
    return result


def drafted() -> Result:
    """B13"""
    result = Result(
        unit="ms",
        aim="<= 1",
        note=f"a postmortem drafted from {EVENTS} timeline entries, over reading them from JSON",
    )
    config = parse(CONFIG, {})
    say = Presenter(config.directory, config.plan_for)
    incident, entries = _long()
    stored = [(type(e.event).__name__, dump_event(e.event)) for e in entries]
    drafting.document(incident, entries, say.drafting)
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        drafting.document(incident, entries, say.drafting)
        between = time.perf_counter()
        for kind, data in stored:
            load_event(kind, data, SCHEMA)
        result.add((between - begun) * 1e3, (time.perf_counter() - between) * 1e3)
    return result


def _long():
    now, here = START, ConversationRef("chat", "ops")
    setting = Setting(actor=PersonId("ann"), name="INC-1", here=here)
    declared = cmd.Declare(
        title="x",
        severity=Severity.SEV1,
    )
    events = list(decide(None, declared, now, setting).happened)
    while len(events) < EVENTS:
        now += timedelta(seconds=20)
        text = f"p99 at {len(events)} ms, 5xx rate at {len(events) % 40} %"
        events.append(ev.NoteAdded(at=now, by=PersonId("ann"), kind=cmd.NoteKind.SAW, text=text))
    incident = fold(tuple(events))
    events += decide(incident, cmd.Resolve(text="done"), now, setting).happened
    entries = [Entry(n=n, event=e, recorded_at=e.at) for n, e in enumerate(events, 1)]
    return fold(tuple(events)), entries


def tickets() -> Result:
    """B14"""
    return asyncio.run(_tickets())


async def _tickets() -> Result:
    from tests.peers.redmine import Redmine

    log.configure(LogSection())
    result = Result(
        unit="1/s",
        aim=">= 0.8",
        note="tickets filed in a real Redmine from the queue, over a bare loop of POSTs, "
        "one at a time",
    )
    server = await asyncio.to_thread(lambda: Redmine().start())
    try:
        await _bare(server, 4)  # warm
        for _ in range(5):
            ours = await _filed(server)
            result.add(ours, await _bare(server, EACH * INCIDENTS))
    finally:
        server.stop()
    return result


async def _bare(server, count: int) -> float:
    body = {
        "issue": {
            "project_id": "ops",
            "subject": "Page when no order was placed for 3 min [sitrep:INC-0/A0]",
            "description": "x" * 400,
            "due_date": "2026-12-14",
        }
    }
    headers = {"X-Redmine-API-Key": server.people["sitrep"]["key"]}
    numbers = iter(range(count))

    async def worker(session: ClientSession) -> None:
        for _ in numbers:
            async with session.post(f"{server.url}/issues.json", json=body) as answer:
                assert answer.status == 201
                await answer.read()

    async with ClientSession(headers=headers, timeout=ClientTimeout(total=30)) as session:
        begun = time.perf_counter()
        await worker(session)
        return count / (time.perf_counter() - begun)


async def _filed(server) -> float:
    from tests.worlds.learning import ACTIONS

    key = server.secret()
    text = CONFIG + (f'[plugins.redmine]\nurl = "{server.url}"\nkey = {key}\nproject = "ops"\n')
    chat, clock = RecordingAdapter(), ManualClock()
    numbers = iter(range(10_000))
    with tempfile.TemporaryDirectory(dir=ROOT) as folder:
        async with composed(
            parse(text, {}), Path(folder), clock, given={"chat": chat.plugin()},
            tell=lambda _line: None,
        ) as app:  # fmt: skip

            async def say(line: str, room: str) -> None:
                n = f"e{next(numbers)}"
                await app.receive(
                    ChatEvent(
                        id=n,
                        conversation=ConversationRef("chat", room),
                        sender=UserRef("chat", "ben"),
                        sender_name="ben",
                        text=line,
                        written_at=clock.now(),
                        message=n,
                    )
                )

            for incident in range(INCIDENTS):
                await say("!inc declare sev1 x ic:@ben", f"room{incident}")
                await say("!inc resolve", f"room{incident}")
                for n in range(EACH):
                    line = f"!inc action {ACTIONS[n]} owner:@ben due:2026-12-14 as:detect"
                    await say(line, f"room{incident}")
            outbox.LANES_AT_ONCE = 1  # as the loop does: its SQLite takes one writer at a time
            begun = time.perf_counter()
            async with app.working():
                await app.outbox.drain(timedelta(0))
            return EACH * INCIDENTS / (time.perf_counter() - begun)
