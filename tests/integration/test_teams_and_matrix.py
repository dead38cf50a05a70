"""One incident on a real Synapse and in the Agents Playground at once."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from datetime import timedelta

from bot.domain import events as ev
from bot.domain.incident import ClockName, Phase
from tests.peers.machine import Missing, unavailable
from tests.peers.microsoft import object_id
from tests.peers.playground import CHANNEL, HERE, PERSONAL, emulated
from tests.worlds.matrix import config as matrix_config
from tests.worlds.matrix import world
from tests.worlds.teams import shown, until

THREAD = f"{CHANNEL};messageid="


@asynccontextmanager
async def both(synapse, tmp_path, monkeypatch, more: str = ""):
    """A Sitrep on both, with Ann and Ben known on each."""
    if not HERE.exists():
        unavailable("no Agents Playground: run `make peers`")
    (tmp_path / "m").mkdir()
    try:
        async with world(synapse, tmp_path / "m", start=False) as w:
            matrix = matrix_config(synapse, w.bot.prefix).partition("[adapters.matrix]")[2]
            section = f"[adapters.matrix]{matrix}".replace('{ env = "PICKLE" }', f'"{PICKLE}"')
            users = {
                name: f'users = {{ teams = "{object_id(name)}", matrix = "{person.user}" }}'
                for name, person in w.people.items()
            }

            def of_both(text: str) -> str:
                for name, line in users.items():
                    text = text.replace(f'users = {{ teams = "{object_id(name)}" }}', line)
                return text

            monkeypatch.setattr("tests.worlds.teams.edited", of_both)
            async with emulated(tmp_path / "m", monkeypatch, more=f"{section}\n{more}") as there:
                for person in w.people.values():
                    await person.room(f"{w.bot.prefix}-triage")
                yield w, there
    except (Missing, OSError) as exc:
        unavailable(f"no Agents Playground: {exc}")
        raise


PICKLE = "a-long-enough-test-secret"


async def thread_of(there) -> str:
    def found() -> str | None:
        threads = [c for c in there.ms.messages if c.startswith(THREAD)]
        return next((c for c in threads if "State:" in shown(there.seen(c)[0])), None)

    return await until(found, "the thread")


async def test_declared_on_matrix_and_run_on_both(synapse, tmp_path, monkeypatch):
    """K2 L1 L2: promises are counted once, whoever says it where"""
    async with both(synapse, tmp_path, monkeypatch) as (w, there):
        room = await w.declared("1 Checkout is down ic:@ann")
        await w.ann.say(room, "!inc mirror teams")
        await w.ann.hears("INC-1 is told on Teams too", room)
        thread = await thread_of(there)
        await there.hears("runs on Matrix, and here", thread)
        await w.ann.say(room, "!inc update rolling back")
        await there.hears("rolling back — Ann (Matrix)", thread)
        await there.says("ben", "update 40 % done", thread)
        await w.ann.hears("40 % done — Ben (Teams)", room)
        await there.says("ben", "note the replica lags", thread)
        await w.ann.hears("Ben (Teams): the replica lags — entry", room)
        said = await w.ann.say(room, "db-1 is full")
        await w.ann.react(room, said, "📌")
        await there.hears("Ann (Matrix): db-1 is full — entry", thread)
        await w.ann.say(room, "!inc impact everybody")
        await until(lambda: "Impact: everybody" in shown(there.seen(thread)[0]), "the card there")
        await w.ann.hears("Impact: everybody", room)
        clock = (await there.incident()).clocks[ClockName.INTERNAL]
        assert (clock.made, clock.kept) == (3, 2)
        _, answer = await there.clicks("ben", there.seen(thread)[0], "Resolve", thread, text="x")
        assert "Only the commander" in answer["value"]
        await there.clicks("ann", there.seen(thread)[0], "Resolve", thread, text="done")
        await w.ann.hears("RESOLVED", room)
        await there.hears("RESOLVED", thread)
        assert (await there.incident()).phase is Phase.RESOLVED


async def test_declared_in_teams_mirrored_by_the_plan_and_teams_goes_away(
    synapse, tmp_path, monkeypatch
):  # fmt: skip
    """D2 D4"""
    more = '[plan]\nmirror = { sev1 = ["matrix"] }\n'
    async with both(synapse, tmp_path, monkeypatch, more) as (w, there):
        second = timedelta(seconds=1)
        for name in ("late_after", "retry_longest"):
            monkeypatch.setitem(vars(there.app.config.delivery), name, second)
        await there.says("ann", "declare 1 Checkout is down ic:@ann")
        thread = await thread_of(there)
        room = await w.ann.room(f"{w.bot.prefix}-inc-1")
        await w.ann.hears("INCIDENT DECLARED", room)
        await there.idle()
        there.wire.mode = "502"  # Teams is gone
        await w.ann.say(room, "!inc update while it is away")
        await w.ann.hears("while it is away — Ann", room)
        told = await w.ann.hears("Teams has not taken messages since", room)
        assert "Matrix is complete. Retrying." in str(told)
        await w.ann.say(room, "!inc update still")
        await w.ann.hears("still — Ann", room)
        there.wire.mode = "pass"
        await w.ann.hears("Teams takes messages again", room)
        late = await there.hears("while it is away — Ann (Matrix)", thread)
        assert "late. Nothing was lost." in shown(late)
        await there.hears("still — Ann (Matrix)", thread)
        events = [type(e) for e in await there.timeline()]
        assert events.count(ev.DeliveryStalled) == 1
        assert events.count(ev.DeliveryResumed) == 1


async def test_matrix_goes_away_and_teams_stays_whole(synapse, tmp_path, monkeypatch):
    """D2 D4"""
    async with both(synapse, tmp_path, monkeypatch) as (w, there):
        second = timedelta(seconds=1)
        for name in ("late_after", "retry_longest"):
            monkeypatch.setitem(vars(there.app.config.delivery), name, second)
        room = await w.declared("1 Checkout is down ic:@ann")
        await w.ann.say(room, "!inc mirror teams")
        thread = await thread_of(there)
        await there.hears("runs on Matrix, and here", thread)
        await there.idle()
        synapse.halt()
        try:
            await there.says("ben", "update Matrix is down", thread)
            await there.hears("Matrix is down — Ben", thread)
            await there.hears("Matrix has not taken messages since", thread)
            _, answer = await there.clicks("ben", there.seen(thread)[0], "No new findings", thread)
            assert answer["type"] == "application/vnd.microsoft.card.adaptive"
            await there.hears("no new findings", thread)
        finally:
            synapse.start()
        await there.hears("Matrix takes messages again", thread)
        await w.ann.hears("Matrix is down — Ben (Teams)", room)


async def test_the_outside_is_told_over_both(synapse, tmp_path, monkeypatch):
    """X2 H1 H2: drafts here, approval there, subscribers on either, a question in the room"""
    more = """
[plan]
external = { sev1 = "30m" }
[plugins.page]
url = "https://status.example.com"
components = { checkout = "Checkout" }
"""
    async with both(synapse, tmp_path, monkeypatch, more) as (w, there):
        room = await w.declared("1 Checkout is down service:checkout ic:@ben")
        await w.ann.say(room, "!inc mirror teams")
        thread = await thread_of(there)
        await there.hears("runs on Matrix, and here", thread)
        offered = await w.ann.hears("a public text is ready, in the plan's words")
        assert offered["room_id"] != room  # alone: the room has enough to read
        await w.ben.hears("A public text waits for the commander: We are investigating")
        await w.ben.say(await w.ben.room(f"{w.bot.prefix}-inc-1"), "!inc accept")
        await w.ann.hears("Ben is incident commander", room)

        # Comms drafts on Matrix; the commander approves in Teams, with a button.
        await w.ann.say(room, "!inc external Checkout is slow since 14:04")
        draft = await there.hears("for the status page, by", thread)
        assert "Checkout is slow since 14:04" in shown(draft)
        _, answer = await there.clicks("ann", draft, "Approve", thread)
        assert "Only the commander may approve" in answer["value"]
        await there.clicks("ben", draft, "Approve", thread)
        await w.ann.hears("Publishing as investigating: Checkout is slow since 14:04", room)

        # Cara subscribes on Matrix, Ann alone with the bot in Teams.
        await w.cara.say(await w.cara.room(f"{w.bot.prefix}-triage"), "!inc subscribe sev1")
        await w.cara.hears("Subscribed to every incident of SEV1: told directly on Matrix.")
        await there.says("ann", "INC-1 subscribe")
        await there.hears("Subscribed to INC-1: told directly on Teams.", PERSONAL)
        await w.ann.say(room, "!inc brief A rollback is under way")
        direct = await w.cara.hears("INC-1 SEV1: A rollback is under way")
        assert direct["room_id"] != room
        news = await there.hears("INC-1 SEV1: A rollback is under way", PERSONAL)
        await there.clicks("ann", news, "Unsubscribe", PERSONAL)
        await until(lambda: _subscribed(there), "one is left")
        await w.ann.say(room, "!inc brief Nearly done")
        await w.cara.hears("INC-1 SEV1: Nearly done", direct["room_id"])
        await there.idle()
        assert not any("Nearly done" in shown(m) for m in there.seen(PERSONAL))

        # Cara asks in the incident's room: the bot answers in a thread.
        await w.ann.client.room_invite(room, w.cara.user)
        await until(lambda: room in w.cara.client.rooms, "Cara is in the room")
        asked = await w.cara.say(room, "any news?")
        answer = await w.cara.hears("Last brief", room)
        assert "Nearly done" in answer["content"]["body"]
        assert answer["content"]["m.relates_to"]["event_id"] == asked

        await w.ben.say(await w.ben.room(f"{w.bot.prefix}-inc-1"), "!inc resolve")
        await there.hears("Status page: resolved", thread)
        await w.cara.hears("INC-1 SEV1: resolved after", direct["room_id"])
        memory = there.app.plugins.status_pages["page"]._context.memory
        await until(lambda: _told(memory), "the page is complete")


async def _subscribed(there) -> bool:
    found = await there.app.store.read(lambda work: work.subscriptions())
    return len(found) == 1


async def _told(memory) -> bool:
    kept = json.loads(await memory.recall("incident/INC-1") or '{"updates": []}')
    return [u["state"] for u in kept["updates"]] == ["investigating", "resolved"]
