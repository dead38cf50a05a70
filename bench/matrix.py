"""How soon people see an answer on Matrix, and a whole incident, on one real Synapse."""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import aiohttp

from bench.result import Result
from tests.peers.synapse import SERVER, Synapse

ROUNDS = 30
PICKLE = "only-for-measuring"
V3 = "/_matrix/client/v3"


def first_reply() -> Result:
    result = Result(
        unit="ms",
        aim="<= 1.15",
        note=(
            "from sending `!inc declare` to the bot's first event in the sender's sync, with the"
            " commit before it; over a bare matrix-nio echo"
        ),
    )
    asyncio.run(_measure(result, _first))
    return result


def declare_done() -> Result:
    result = Result(
        unit="ms",
        aim="<= 1.15",
        note=(
            "from sending `!inc declare` until invitation, announcement and the two messages of the"
            " new room are seen; over hand-written matrix-nio doing the same calls"
        ),
    )
    asyncio.run(_measure(result, _done))
    return result


class User:
    """Somebody who types and looks, with nothing but HTTP."""

    def __init__(self, session: aiohttp.ClientSession, hs: Synapse, login: dict[str, str]) -> None:
        self._session, self._hs = session, hs
        self._headers = {"Authorization": f"Bearer {login['access_token']}"}
        self.seen: list[tuple[str, dict]] = []
        self.invited: set[str] = set()
        self.joined: set[str] = set()
        self._since = ""
        self._came = asyncio.Condition()
        self._last = 0.0

    async def call(self, method: str, path: str, body: object = None) -> dict:
        async with self._session.request(
            method, self._hs.url + path, json=body, headers=self._headers
        ) as answer:
            return await answer.json()

    async def listen(self) -> None:
        while True:
            since = f"&since={self._since}" if self._since else ""
            found = await self.call("GET", f"{V3}/sync?timeout=30000{since}")
            self._since = found["next_batch"]
            rooms = found.get("rooms", {})
            for room in rooms.get("invite", {}):
                self.invited.add(room)
                await self.call("POST", f"{V3}/join/{quote(room)}", {})
            self._last = time.monotonic()
            self.joined |= set(rooms.get("join", {}))
            for room, data in rooms.get("join", {}).items():
                self.seen += [(room, event) for event in data["timeline"]["events"]]
            async with self._came:
                self._came.notify_all()

    async def say(self, room: str, text: str) -> None:
        path = f"{V3}/rooms/{quote(room)}/send/m.room.message/{time.time_ns()}"
        await self.call("PUT", path, {"msgtype": "m.text", "body": text})

    async def quiet(self, seconds: float) -> None:
        """Wait until nothing was seen for so long."""
        while (rest := self._last + seconds - time.monotonic()) > 0:  # noqa: ASYNC110 - a pause
            await asyncio.sleep(rest)

    async def until(self, what: Callable[[], bool]) -> None:
        async with asyncio.timeout(60), self._came:
            await self._came.wait_for(what)


def _bodies(user: User, since: int) -> list[tuple[str, str, str]]:
    return [
        (room, e["sender"], str(e["content"].get("body", "")))
        for room, e in user.seen[since:]
        if e["type"] in {"m.room.message", "m.reaction"}
    ]


async def _first(user: User, room: str, text: str, bot: str) -> float:
    since, began = len(user.seen), time.perf_counter()
    await user.say(room, text)
    await user.until(lambda: any(s == bot and r == room for r, s, _ in _bodies(user, since)))
    return (time.perf_counter() - began) * 1000


async def _done(user: User, room: str, text: str, bot: str) -> float:
    since, began = len(user.seen), time.perf_counter()
    invited = set(user.invited)
    await user.say(room, text)

    def whole() -> bool:
        said = [(r, b) for r, s, b in _bodies(user, since) if s == bot and b]
        own = {r for r, _ in said if r in user.invited - invited}
        announced = any(r == room for r, _ in said)
        return announced and any(sum(r == o for r, _ in said) >= 2 for o in own)

    await user.until(whole)
    return (time.perf_counter() - began) * 1000


async def _measure(result: Result, timed: Callable) -> None:
    hs = Synapse().start()
    home = tempfile.TemporaryDirectory()
    processes: list[subprocess.Popen] = []
    try:
        login, peer = hs.register("ann"), hs.register("peer")
        hs.register("bot")
        async with aiohttp.ClientSession() as session:
            user = User(session, hs, login)
            listening = asyncio.create_task(user.listen())
            processes.append(_sitrep(hs, Path(home.name)))
            await user.until(lambda: len(user.joined) >= 2)  # the space, and triage
            triage = await user.call("GET", f"{V3}/directory/room/%23sitrep-triage:{SERVER}")
            space = hs.call("POST", f"{V3}/createRoom", {"name": "s"}, peer["access_token"])
            made = hs.call(
                "POST", f"{V3}/createRoom", {"invite": [f"@ann:{SERVER}"]}, peer["access_token"]
            )
            processes.append(_peer(hs, peer, space["room_id"]))
            await user.until(lambda: made["room_id"] in user.joined)
            rooms = {"ours": triage["room_id"], "peer": made["room_id"]}
            bots = {"ours": f"@bot:{SERVER}", "peer": f"@peer:{SERVER}"}
            figures: dict[str, list[float]] = {"ours": [], "peer": []}
            for n in range(ROUNDS + 5):
                word = "echo" if timed is _first else "make"
                lines = {"ours": f"!inc declare 1 measured {n} ic:@ann", "peer": f"!{word} {n}"}
                order = ("ours", "peer") if n % 2 else ("peer", "ours")
                for side in order:
                    took = await timed(user, rooms[side], lines[side], bots[side])
                    if n >= 5:
                        figures[side].append(took)
                    await user.quiet(1.6)  # what follows is done before the other's turn
                if n >= 5:
                    result.add(figures["ours"][-1], figures["peer"][-1])
            result.counts = {
                f"{side}_p95_ms": round(statistics.quantiles(figures[side], n=20)[-1], 1)
                for side in figures
            }
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
    finally:
        for process in processes:
            process.terminate()
            process.wait()
        hs.stop()
        home.cleanup()


def _sitrep(hs: Synapse, home: Path) -> subprocess.Popen:
    config = home / "sitrep.toml"
    config.write_text(
        f"""
[people.ann]
commander = true
users = {{ matrix = "@ann:{SERVER}" }}
[adapters.matrix]
homeserver = "{hs.url}"
user = "@bot:{SERVER}"
pickle_key = "{PICKLE}"
encrypted = false
"""
    )
    environ = {**os.environ, "SITREP_HOME": str(home), "SITREP_CONFIG": str(config)}
    bot = [sys.executable, "-m", "bot"]
    login = [*bot, "matrix", "login", "--stdin"]
    subprocess.run(login, input="pw\n", text=True, check=True, env=environ, capture_output=True)
    quiet = subprocess.DEVNULL
    return subprocess.Popen([*bot, "run"], env=environ, stdin=quiet, stdout=quiet, stderr=quiet)


def _peer(hs: Synapse, login: dict[str, str], space: str) -> subprocess.Popen:
    script = Path(__file__).with_name("matrix_peer.py")
    who = (login["user_id"], login["device_id"], login["access_token"])
    process = subprocess.Popen(
        [sys.executable, script, hs.url, *who, space], stdout=subprocess.PIPE
    )
    process.stdout.readline()
    return process
