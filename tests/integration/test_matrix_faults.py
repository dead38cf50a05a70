"""The Matrix adapter when things break: nothing lost, nothing twice, no storm of requests."""

from __future__ import annotations

import asyncio
import os
import time

import pytest

from adapters.matrix.command import _login
from adapters.matrix.config import MatrixSettings
from adapters.matrix.session import Keep
from bot.cli.backup import backed_up
from bot.domain import events as ev
from bot.domain.incident import RungKind
from tests.harness.waiting import PATIENCE, until
from tests.peers.synapse import Synapse
from tests.peers.toxic import toxic
from tests.worlds.matrix import world

LONG = bool(os.environ.get("SITREP_KILLS"))
SECONDS = 60 if LONG else 6
"""How long a homeserver is broken; `make test-crash` has it broken for a minute."""


async def updates(bot) -> list[str]:
    return [e.event.text for e in await bot.timeline() if isinstance(e.event, ev.UpdatePosted)]


async def prompts(bot) -> int:
    """How many prompts have fired."""
    fired = [e.event for e in await bot.timeline() if isinstance(e.event, ev.RungFired)]
    return sum(each.kind is RungKind.PROMPT for each in fired)


@pytest.mark.crash
@pytest.mark.parametrize("mode", ["502", "json500", "truncate", "reset"])
async def test_a_broken_homeserver_is_waited_out_without_a_storm(synapse, tmp_path, mode):
    """D1 D2"""
    async with toxic(synapse.url) as proxy, world(synapse, tmp_path, url=proxy.url) as w:
        room = await w.declared("1 down")
        await w.ann.hears("State", room)
        begun, proxy.mode = time.monotonic(), mode
        await w.ann.say(room, "!inc update said while it was broken")
        await asyncio.sleep(SECONDS)
        await until(lambda: [each for each in proxy.since(begun) if each[1] == mode], "a request")
        broken = [each for each in proxy.since(begun) if each[1] == mode]
        seconds = time.monotonic() - begun
        proxy.mode = "pass"
        # The HTTP client repeats a reset request once by itself, so some of these count twice.
        assert len(broken) <= 20 + seconds, len(broken)
        # What waits is tried again after as long as it was broken, at the latest.
        heard = "said while it was broken — Ann"
        await w.ann.hears(heard, room, patience=PATIENCE + (SECONDS if LONG else 0))
        assert await updates(w.bot) == ["said while it was broken"]
        await asyncio.sleep(0.5)
        assert len([t for t in w.ann.texts(room) if "said while it was broken — Ann" in t]) == 1


async def test_an_answer_that_is_lost_does_not_say_it_twice(synapse, tmp_path):
    """D2"""
    async with toxic(synapse.url) as proxy, world(synapse, tmp_path, url=proxy.url) as w:
        room = await w.declared("1 down")
        card = await w.ann.hears("State", room)
        proxy.only, proxy.every, proxy.mode = "/send/", 2, "lost"
        for n in range(6):
            await w.ann.say(room, f"!inc update number {n}")
        for n in range(6):
            await w.ann.hears(f"number {n} — Ann", room)
        proxy.mode = "pass"
        asked = await w.ann.say(room, "!inc who")
        await w.ann.hears("who is who", room)
        said = [t for t in w.ann.texts(room) if "— Ann" in t and not t.startswith("* ")]
        assert [t.split(" — ")[0][6:] for t in said] == [f"number {n}" for n in range(6)]
        assert card["event_id"] != asked


async def test_rooms_are_made_once_though_the_answer_is_lost(synapse, tmp_path):
    """D2: the alias says whether a room was made"""
    async with toxic(synapse.url) as proxy, world(synapse, tmp_path, url=proxy.url) as w:
        triage = await w.triage()
        proxy.only, proxy.mode = "/createRoom", "lost"
        await w.ann.say(triage, "!inc declare 1 down")
        await until(lambda: any(each[1] == "lost" for each in proxy.seen))
        proxy.mode = "pass"
        await w.ann.hears("State")
        rooms = [r for r in w.ann.client.rooms.values() if (r.name or "").startswith("incident-")]
        assert len(rooms) == 1


async def test_a_hung_homeserver_is_given_up_and_tried_again(synapse, tmp_path, monkeypatch):
    monkeypatch.setattr("adapters.matrix.sync.HANGS_SECONDS", 2.0)
    async with toxic(synapse.url) as proxy, world(synapse, tmp_path, url=proxy.url) as w:
        room = await w.declared("1 down")
        await w.ann.hears("State", room)
        proxy.only, proxy.mode = "/sync", "hang"
        await w.ann.say(room, "!inc update through")
        await until(lambda: sum(each[1] == "hang" for each in proxy.seen) >= 2)
        proxy.mode = "pass"
        await w.ann.hears("through — Ann", room)


async def test_a_revoked_token_stops_the_adapter_and_alarms_elsewhere(
    synapse, tmp_path, capsys
):  # fmt: skip
    """D2"""
    more = '[adapters.console]\nmute = true\ncolour = "never"\n[paging]\nlast = ["ann"]'
    async with toxic(synapse.url) as proxy:
        async with world(synapse, tmp_path, url=proxy.url, more=more) as w:
            room = await w.declared("1 down")
            await w.ann.hears("State", room)
            token = Keep(str(tmp_path)).session().access_token
            synapse.call("POST", "/_matrix/client/v3/logout", {}, token)
            begun = time.monotonic()
            app = w.bot.app
            await until(lambda: app.adapters.lost)
            await until(lambda: "sitrep matrix login" in capsys.readouterr().out, "the alarm")
            await asyncio.sleep(2)
            assert len(proxy.since(begun)) <= 10
        assert w.bot.outcome is None or w.bot.outcome.lost


async def test_a_stock_homeserver_s_limits_are_honoured(tmp_path):
    """D2: later, and in order, and without a storm"""
    hs = Synapse(stock_limits=True).start()
    try:
        async with (
            toxic(hs.url) as proxy,
            world(hs, tmp_path, url=proxy.url, people=("ann", "cara")) as w,
        ):
            triage = await w.triage()
            begun = time.monotonic()
            for n in range(8):
                await w.ann.say(triage, f"!inc help {['declare', 'update'][n % 2]}")
                await asyncio.sleep(0.1)

            def answers():
                return [t.split(":")[0] for t in w.ann.texts(triage) if " !inc" in t or "\n" in t]

            await until(lambda: len(answers()) >= 8, "eight answers")
            assert answers()[:8] == ["declare", "update"] * 4
            assert len([s for s in proxy.since(begun) if "/send/" in s[2]]) <= 40
    finally:
        hs.stop()


async def test_a_homeserver_that_restarts_loses_nothing(tmp_path):
    """D1 D2"""
    hs = Synapse().start()
    try:
        async with world(hs, tmp_path) as w:
            room = await w.declared("1 down")
            await w.ann.hears("State", room)
            for n in range(3):
                await w.ann.say(room, f"!inc update before {n}")
            hs.halt()
            await asyncio.sleep(1)
            hs.start()
            await w.ann.say(room, "!inc update after")
            await w.ann.hears("after — Ann", room)
            await until(
                lambda: len([t for t in w.ann.texts(room) if "before" in t and "—" in t]) >= 3
            )
            said = [t for t in w.ann.texts(room) if "— Ann" in t and not t.startswith("* ")]
            assert len(said) == 4, said
    finally:
        hs.stop()


async def test_a_prompt_that_the_homeserver_kept_back_says_that_it_is_late(synapse, tmp_path):
    """K3 K6 D2"""
    more = """
[clocks]
internal = { sev1 = "20s" }
[clocks.ladder]
prompt_before = "13s"
page_after = "2s"
next_after = "4s"
[delivery]
late_after = "2s"
retry_longest = "1s"
"""
    # The prompt comes 7 s after the update, and the promise is missed 33 s later: long enough for
    # a slow machine to still have something to remind of.
    async with toxic(synapse.url) as proxy, world(synapse, tmp_path, url=proxy.url, more=more) as w:
        room = await w.declared("1 down ic:@ann")
        await w.ann.hears("State", room)
        await w.ann.hears("promised an update")
        heard = len(w.ann.heard())
        proxy.only, proxy.mode = "/send/", "502"
        await w.ann.say(room, "!inc update fine")

        async def written() -> bool:
            return await updates(w.bot) == ["fine"]

        await until(written)

        async def prompted() -> bool:
            return await prompts(w.bot) == 2

        await until(prompted, "the prompt is due")
        await asyncio.sleep(3)
        proxy.mode = "pass"
        late = await w.ann.hears("promised an update", after=heard)
        assert "late. Nothing was lost." in late["content"]["body"]


# --- restarts -------------------------------------------------------------------------------------


async def test_what_was_typed_while_down_is_done_once_and_nothing_is_replayed(synapse, tmp_path):
    """D3: more than one sync brings"""
    async with world(synapse, tmp_path, start=False) as w:
        async with w.bot.running():
            room = await w.declared("1 down")
            await w.ann.hears("State", room)
            await w.ann.say(room, "!inc update before")
            await w.ann.hears("before — Ann", room)
        await w.ann.say(room, "!inc update the first while it was down")
        await asyncio.gather(*(w.ann.say(room, f"chatter {n}") for n in range(130)))
        await w.ann.say(room, "!inc update the last while it was down")
        async with w.bot.running():
            await w.ann.hears("the last while it was down — Ann", room)
            assert await updates(w.bot) == [
                "before", "the first while it was down", "the last while it was down",
            ]  # fmt: skip
        async with w.bot.running():
            await w.ann.say(room, "!inc who")
            await w.ann.hears("who is who", room)
            assert len(await updates(w.bot)) == 3


async def test_old_commands_are_asked_about(synapse, tmp_path):
    """F11"""
    async with world(synapse, tmp_path, start=False) as w:
        async with w.bot.running():
            room = await w.declared("1 down ic:@ann")
            await w.ann.hears("State", room)
        await w.ann.say(room, "!inc resolve")
        # From here on: before, a busy machine may take as long to hear what was just said.
        w.bot.settings += '[access]\nstale_after = "1s"\n'
        await asyncio.sleep(1.1)
        async with w.bot.running():
            asked = await w.ann.hears("Still meant?", room)
            await w.ann.reacted(asked["event_id"], "1️⃣")
            assert (await w.bot.incident()).running
            await w.ann.react(room, asked["event_id"], "1️⃣")
            await w.ann.hears("RESOLVED", room)


async def test_a_first_start_does_not_obey_what_was_said_before(synapse, tmp_path):
    async with world(synapse, tmp_path, start=False) as w:
        made = await w.ann.client.room_create(name="ops", invite=[w.bot.user])
        async with w.bot.running():
            await w.ann.joined(made.room_id, w.bot.user)
        await w.ann.say(made.room_id, "!inc declare 1 from another life")
        await w.bot.login()
        async with w.bot.running():
            await w.ann.say(made.room_id, "!inc list")
            await w.ann.hears("No incident is open", made.room_id)


async def test_what_was_said_before_the_bot_came_is_not_for_it(synapse, tmp_path):
    async with world(synapse, tmp_path) as w:
        made = await w.ann.client.room_create(name="ops")
        await w.ann.say(made.room_id, "!inc declare 1 too early")
        await w.ann.client.room_invite(made.room_id, w.bot.user)
        await w.ann.joined(made.room_id, w.bot.user)
        await w.ann.say(made.room_id, "!inc list")
        await w.ann.hears("No incident is open", made.room_id)


async def test_one_slow_room_delays_no_other_and_a_fault_costs_one_event(
    synapse, tmp_path
):  # fmt: skip
    """D4"""
    async with world(synapse, tmp_path) as w:
        handler = w.bot.app.plugins.adapters["matrix"]._room_events
        receive, release = handler._receive, asyncio.Event()

        async def odd(inbound):
            if "slow" in getattr(inbound, "text", ""):
                await release.wait()
            if "broken" in getattr(inbound, "text", ""):
                raise ZeroDivisionError
            return await receive(inbound)

        room = await w.declared("1 down")
        await w.ann.hears("State", room)
        handler._receive = odd
        triage = await w.triage()
        await w.ann.say(room, "!inc update slow")
        await w.ann.say(triage, "!inc update broken")
        await w.ann.say(triage, "!inc list")
        await w.ann.hears("1 incident open", triage)
        assert await updates(w.bot) == []
        release.set()
        await w.ann.hears("slow — Ann", room)


# --- keys -----------------------------------------------------------------------------------------


class Keys(asyncio.Event):
    """The arrival of keys, for which patience ends when the test says so."""

    patience_ends = False

    async def wait(self) -> bool:
        while not self.is_set():
            await asyncio.sleep(0.02)
            if self.patience_ends:
                self.patience_ends = False
                raise TimeoutError
        return True


async def test_a_message_without_its_key_is_answered_and_done_when_the_key_comes(
    synapse, tmp_path, monkeypatch
):  # fmt: skip
    async with world(synapse, tmp_path) as w:
        handler, keys = w.bot.app.plugins.adapters["matrix"]._room_events, Keys()
        monkeypatch.setattr(handler._crypto, "keys_came", keys)
        room = await w.declared("1 down")
        await w.ann.hears("State", room)
        await w.ann.say(room, "!inc note hello")
        await w.ann.hears("Noted", room)
        olm, users = w.ann.client.olm, list(w.ann.client.rooms[room].users)
        olm.create_outbound_group_session(room)
        shares = [m for _, m in olm.share_group_session_parallel(room, users, True)]
        olm.outbound_group_sessions[room].shared = True  # as far as its sender knows
        keep = Keep(str(tmp_path))
        await w.ann.say(room, "!inc update in secret")
        await until(lambda: handler._untold, "the message that cannot be read")
        since = keep.token()
        await w.ann.say(await w.triage(), "!inc list")
        await w.ann.hears("1 incident open")
        await asyncio.sleep(0.3)
        assert keep.token() == since  # until its sender is told, a crash brings it again
        keys.patience_ends = True
        await w.ann.hears("cannot be read here", room)
        await until(lambda: keep.token() != since)
        assert await updates(w.bot) == []
        for n, share in enumerate(shares):
            path = f"/_matrix/client/v3/sendToDevice/m.room.encrypted/late{n}"
            synapse.call("PUT", path, share, w.ann.token)
        await w.ann.hears("in secret — Ann", room)


async def test_devices_that_their_owners_have_not_signed_get_no_keys(synapse, tmp_path):
    async with world(synapse, tmp_path, matrix='devices = "signed"') as w:
        await w.ann.say(await w.triage(), "!inc list")
        sealed = await until(
            lambda: next(
                (e for e in w.ann.events if e["sender"] == w.bot.user and e["sealed"]), None
            )
        )
        assert sealed["type"] == "m.room.encrypted"


async def test_what_is_kept_is_its_owner_s_alone_and_a_backup_reads_old_messages(
    synapse, tmp_path, monkeypatch
):  # fmt: skip
    home, other = tmp_path / "home", tmp_path / "backup"
    async with world(synapse, home, start=False) as w:
        async with w.bot.running():
            room = await w.declared("2 slow")
            await w.ann.hears("State", room)
            said = await w.ann.say(room, "the disk is full")
            await w.ann.say(room, "!inc who")
            await w.ann.hears("who is who", room)
            written = await backed_up(w.bot.config(), home, other)
            assert {p.rsplit("/", 1)[1] for p in written} == {
                "sitrep.db", "keys.txt", "cross-signing.json",
            }  # fmt: skip
        for file in (*(home / "matrix").iterdir(), *(other / "matrix").iterdir()):
            assert file.stat().st_mode & 0o077 == 0, file
        with pytest.raises(Exception, match="not empty"):
            await backed_up(w.bot.config(), home, other)
        w.bot.home = other
        settings = MatrixSettings.model_validate(w.bot.config().adapters["matrix"])
        told = await _login(settings, Keep(str(other)), "pw", is_token=False)
        assert any("are read in" in line for line in told)
        async with w.bot.running():
            await w.ann.react(room, said, "📌")
            await w.ann.reacted(said, "✅")
            captured = [e.event for e in await w.bot.timeline()][-1]
            assert captured.text == "the disk is full"
