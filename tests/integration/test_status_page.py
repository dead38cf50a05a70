"""The page that Sitrep serves: what readers, feed readers and clients of status pages get."""

from __future__ import annotations

import asyncio
import gzip
import json
import math
import os
from contextlib import asynccontextmanager
from datetime import timedelta
from html import unescape
from pathlib import Path

import feedparser
import pytest
from aiohttp import ClientSession, web
from lxml import etree
from multidict import CIMultiDict

from bot.contract.errors import DatabaseAway
from bot.http.application import application
from bot.testing import TEAM, ManualClock, stage
from tests.peers.browser import browser
from tests.peers.machine import free_port

SCHEMA = Path(__file__).parent.parent / "apis/atom.rng"
PLANNED = TEAM.replace(
    'comms = "priya"',
    'comms = "priya"\nname = "Checkout"\ncomponents = ["checkout"]\n'
    'external = { sev1 = "30m", sev2 = "30m" }',
)
PAGE = """
[plugins.page]
url = "https://status.example.com"
title = "Example status"
components = { checkout = "Checkout", api = "API", search = "Search" }
"""

SHARE = f"{math.floor(1e4 * (1 - 144 / (60 * (89 * 24 + 16.4)))) / 100:.2f}"
"""What 144 minutes of outage leave of ninety days, the last of them as long as it lasts."""


@asynccontextmanager
async def served(home: Path, clock: ManualClock | None = None):
    """A Sitrep with its page, and its address."""
    async with stage(home, config=PLANNED, more=PAGE, clock=clock) as bot:
        app = application(bot.app.store, bot.app.numbers, bot.app.plugins.routes())
        runner = web.AppRunner(app)
        await runner.setup()
        port = free_port()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        try:
            yield bot, f"http://127.0.0.1:{port}/plugins/page/"
        finally:
            await runner.cleanup()


async def got(url: str, **headers: str) -> tuple[int, bytes, CIMultiDict[str]]:
    async with (
        ClientSession(auto_decompress=False) as session,
        session.get(url, headers={"Accept-Encoding": "identity", **headers}) as response,
    ):
        return response.status, await response.read(), response.headers.copy()


async def text_of(url: str) -> str:
    return (await got(url))[1].decode()


async def json_of(url: str) -> dict:
    return json.loads((await got(url))[1])


async def test_it_tells_an_incident_from_its_first_text_to_its_end(tmp_path):
    """X2"""
    async with served(tmp_path) as (bot, url):
        assert "All systems are operational" in await text_of(url)
        await bot.say("ann", "!inc declare sev1 The intern broke it service:checkout ic:@ann")
        assert "All systems are operational" in await text_of(url)
        await bot.say("ann", "!inc external <script>alert(1)</script> & more")
        index = await text_of(url)
        assert "Major outage" in index
        assert "Problems with Checkout" in index
        assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in index
        assert "intern" not in index
        assert "Next update by" in index
        assert "Nothing else in the last 15 days" in index
        await bot.minutes(5)
        await bot.say("ann", "!inc stabilised")
        assert "Some systems are degraded" in await text_of(url)
        await bot.say("ann", "!inc resolve")
        index = await text_of(url)
        assert "All systems are operational" in index
        assert "Resolved, 24 November 2026" in index
        page = await text_of(f"{url}incidents/INC-1")
        order = [page.index(text) for text in ("Resolved", "Monitoring", "Investigating")]
        assert order == sorted(order)
        assert "Problems with Checkout" in await text_of(f"{url}history")
        assert (await got(url.rstrip("/")))[1] == (await got(url))[1]
        for _ in range(2):
            assert (await got(f"{url}incidents/INC-9"))[0] == 404
        assert (await got(f"{url}incidents/../../etc"))[0] == 404
        async with ClientSession() as session, session.post(url) as refused:
            assert refused.status == 405


async def test_clients_of_status_pages_find_what_they_know(tmp_path):
    """The names and shapes of /api/v2 that other pages have made common."""
    async with served(tmp_path) as (bot, url):
        await bot.say("ann", "!inc declare sev2 x service:checkout ic:@ann")
        await bot.say("ann", "!inc external Checkout is slow")
        await bot.minutes(3)
        await bot.say("ann", "!inc external Still slow")
        status = await json_of(f"{url}api/v2/status.json")
        assert status["status"] == {"indicator": "major", "description": "Partial outage"}
        assert status["page"].keys() == {"id", "name", "url", "time_zone", "updated_at"}
        components = (await json_of(f"{url}api/v2/components.json"))["components"]
        assert [(c["name"], c["status"]) for c in components] == [
            ("Checkout", "partial_outage"),
            ("API", "operational"),
            ("Search", "operational"),
        ]
        assert len({c["id"] for c in components}) == 3
        (incident,) = (await json_of(f"{url}api/v2/incidents.json"))["incidents"]
        assert incident["impact"] == "major"
        assert incident["resolved_at"] is None
        assert incident["shortlink"] == "https://status.example.com/incidents/INC-1"
        assert [u["body"] for u in incident["incident_updates"]] == [
            "Still slow",
            "Checkout is slow",
        ]
        assert incident["incident_updates"][0]["created_at"] == "2026-11-24T14:03:00.000Z"
        assert len((await json_of(f"{url}api/v2/incidents/unresolved.json"))["incidents"]) == 1
        await bot.say("ann", "!inc resolve")
        summary = await json_of(f"{url}api/v2/summary.json")
        assert summary["incidents"] == summary["scheduled_maintenances"] == []
        assert summary["status"]["indicator"] == "none"
        for which in ("", "/upcoming", "/active"):
            found = await json_of(f"{url}api/v2/scheduled-maintenances{which}.json")
            assert found == {"page": summary["page"], "scheduled_maintenances": []}
        (incident,) = (await json_of(f"{url}api/v2/incidents.json"))["incidents"]
        assert incident["resolved_at"] == "2026-11-24T14:03:00.000Z"


async def test_feeds_are_valid_and_read_back_whole(tmp_path):
    async with served(tmp_path) as (bot, url):
        empty = (await got(f"{url}history.atom"))[1]
        schema = etree.RelaxNG(etree.parse(str(SCHEMA)))
        schema.assertValid(etree.fromstring(empty))
        await bot.say("ann", "!inc declare sev1 x service:checkout ic:@ann")
        await bot.say("ann", "!inc external Down & <out> ]]> \x07 ünïcode 🚨")
        await bot.minutes(1)
        await bot.say("ann", "!inc resolve")
        for name in ("history.atom", "history.rss"):
            _status, body, headers = await got(f"{url}{name}")
            feed = feedparser.parse(
                body, response_headers={"content-type": headers["Content-Type"]}
            )
            assert not feed.bozo
            assert feed.version == {"history.atom": "atom10", "history.rss": "rss20"}[name]
            (entry,) = feed.entries
            assert entry.title == "Problems with Checkout"
            assert entry.link == entry.id == "https://status.example.com/incidents/INC-1"
            told = entry.content[0].value if "content" in entry else unescape(entry.description)
            assert told.split("UTC: ")[-1].split() == ["Down", "&", "<out>", "]]>", "ünïcode", "🚨"]
            stamp = entry.updated_parsed if name == "history.atom" else entry.published_parsed
            assert stamp[:5] == (2026, 11, 24, 14, 1)
        schema.assertValid(etree.fromstring((await got(f"{url}history.atom"))[1]))


async def test_ninety_days_of_each_component_are_kept(tmp_path):
    clock = ManualClock()
    async with served(tmp_path, clock) as (bot, url):
        await bot.say("ann", "!inc declare sev1 x service:checkout ic:@ann")
        await bot.say("ann", "!inc external Down")
        await bot.minutes(144)
        await bot.say("ann", "!inc resolve")
        await clock.set(clock.now() + timedelta(days=2))
        index = await text_of(url)
        assert index.count("<rect") == 3 * 90
        assert "Problems on 1 day of the last 90; 24 November 2026: major outage" in index
        assert index.count("No problems in the last 90 days") == 2
        assert f"{SHARE} % available" in index
        await clock.set(clock.now() + timedelta(days=91))
        index = await text_of(url)
        assert index.count("No problems in the last 90 days") == 3
        assert "Nothing in the last 15 days" in index
        assert "Problems with Checkout" in await text_of(f"{url}history")


async def test_two_incidents_at_once_are_counted_once(tmp_path):
    clock = ManualClock()
    async with served(tmp_path, clock) as (bot, url):
        for room in ("one", "two"):
            await bot.say("ann", "!inc declare sev2 x service:checkout ic:@ann", room=room)
            await bot.say("ann", "!inc external Down", room=room)
        await bot.minutes(144)
        for room in ("one", "two"):
            await bot.say("ann", "!inc resolve", room=room)
        await clock.set(clock.now() + timedelta(seconds=2))
        assert f"{SHARE} % available" in await text_of(url)


async def test_it_is_made_once_and_told_apart_by_its_tag(tmp_path, monkeypatch):
    async with served(tmp_path) as (bot, url):
        _status, body, headers = await got(url)
        assert headers["Cache-Control"].startswith("public, max-age=")
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert (await got(url, **{"If-None-Match": f"W/{headers['ETag']}"}))[:2] == (304, b"")
        _status, packed, zipped = await got(url, **{"Accept-Encoding": "gzip, br"})
        assert zipped["Content-Encoding"] == "gzip"
        assert gzip.decompress(packed) == body
        monkeypatch.setattr("plugins.page.drawing.Drawing.index", None)  # it is not drawn again
        assert (await got(url))[1] == body
        monkeypatch.undo()
        await bot.say("ann", "!inc declare sev1 x ic:@ann")
        await bot.say("ann", "!inc external Down")
        status, anew, newer = await got(url, **{"If-None-Match": headers["ETag"]})
        assert status == 200
        assert newer["ETag"] != headers["ETag"]
        assert b"Down" in anew
        assert newer["Last-Modified"] == "Tue, 24 Nov 2026 14:00:00 GMT"


async def test_it_survives_a_restart_and_a_database_that_is_away(tmp_path, monkeypatch):
    """D4"""
    async with served(tmp_path) as (bot, _url):
        await bot.say("ann", "!inc declare sev1 x ic:@ann")
        await bot.say("ann", "!inc external Down")
    clock = ManualClock()
    async with served(tmp_path, clock) as (bot, url):
        assert "Down" in await text_of(url)

        async def away(_body):
            raise DatabaseAway("it is")

        monkeypatch.setattr(bot.app.store, "read", away)
        await clock.set(clock.now() + timedelta(minutes=5))
        status, body, _headers = await got(url)
        assert status == 200
        assert b"Down" in body
    async with served(tmp_path, clock) as (bot, url):
        with monkeypatch.context() as patched:
            patched.setattr(bot.app.store, "read", away)
            status, _body, headers = await got(url)
            assert (status, headers["Retry-After"]) == (503, "5")
        await clock.set(clock.now() + timedelta(seconds=1))
        assert "Down" in await text_of(url)


async def test_what_another_process_publishes_stands_there_a_second_later(tmp_path):
    clock = ManualClock()
    async with served(tmp_path, clock) as (bot, url):
        await bot.say("ann", "!inc declare sev1 x ic:@ann")
        await bot.say("ann", "!inc external Down")
        assert "Down" in await text_of(url)
        page = bot.app.plugins.status_pages["page"]
        memory = page._context.memory
        kept = json.loads(await memory.recall("incident/INC-1"))
        kept["updates"][0]["text"] = "Quite down"
        await memory.keep("incident/INC-1", json.dumps(kept))
        await memory.keep("revision", "another process")
        assert "Quite down" not in await text_of(url)
        await clock.set(clock.now() + timedelta(seconds=1))
        assert "Quite down" in await text_of(url)
        kept["updates"][0]["text"] = "Down and out"
        await memory.keep("incident/INC-1", json.dumps(kept))
        await memory.keep("revision", "and another")
        await clock.set(clock.now() - timedelta(hours=1))
        assert "Down and out" in await text_of(url)


# --- a real browser -------------------------------------------------------------------------------


async def test_readers_see_it_on_a_phone_and_a_desktop_in_light_and_dark(tmp_path):
    """X2: without JavaScript, and without a violation of what axe-core audits"""
    pictures = Path(os.environ.get("SITREP_PICTURES", tmp_path))
    async with (
        served(tmp_path / "home") as (bot, url),
        browser("pages.mjs", str(pictures)) as reader,
    ):

        async def seen(path: str, name: str, *texts: str) -> None:
            looks = (await reader.step(url=url + path, name=name))["seen"]
            for how, page in looks.items():
                assert page["violations"] == [], how
                assert page["passed"] > 10
                assert page["troubles"] == []
                assert page["asked"] == [url + path]  # nothing else is loaded
                assert not page["wide"], how
                for text in texts:
                    assert text in page["text"], how

        await seen("", "1-quiet", "All systems are operational", "Checkout", "Search")
        await bot.say("ann", "!inc declare sev1 x service:checkout ic:@ann")
        long = "Checkouts fail. " + "https://example.com/" + "a" * 120 + "\n\nWe are on it."
        await bot.say("ann", f"!inc external {long}")
        await bot.minutes(7)
        await bot.say("ann", "!inc external state:identified A release caused it")
        await seen("", "2-outage", "Major outage", "Identified", "Affected: Checkout")
        await seen("incidents/INC-1", "3-incident", "A release caused it", "Next update by")
        await bot.say("ann", "!inc stabilised")
        await seen("", "4-watching", "Some systems are degraded", "Monitoring")
        await bot.say("ann", "!inc resolve")
        await seen("", "5-over", "All systems are operational", "24 November 2026")
        await seen("history", "6-history", "November 2026", "Problems with Checkout")
        await seen("incidents/INC-1", "7-closed", "Resolved")


def test_a_page_of_nothing_is_told_of_by_check(tmp_path):
    async def look() -> list:
        more = PAGE.replace('{ checkout = "Checkout", api = "API", search = "Search" }', "{}")
        async with stage(tmp_path, config=TEAM, more=more) as bot:
            return list(await bot.app.plugins.status_pages["page"].check())

    (finding,) = asyncio.run(look())
    assert not finding.fault
    assert "components" in finding.text


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ("title = ''", "plugins.page.url: missing"),
        ("url = 'status.example.com'", "plugins.page.url"),
        ("url = 'https://s.example.com'\ncolour = 'red'", "colour: unknown key"),
    ],
)
async def test_a_faulty_section_is_named(section, says, tmp_path):
    """D5"""
    with pytest.raises(Exception, match=says):
        async with stage(tmp_path, config=TEAM, more=f"[plugins.page]\n{section}\n"):
            pass
