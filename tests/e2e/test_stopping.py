"""SIGTERM at any moment: the end is in good order, whoever hangs meanwhile."""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
import subprocess
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from tests.harness.waiting import PATIENCE, until
from tests.peers.machine import free_port
from tests.peers.microsoft import Microsoft
from tests.peers.postgres import Postgres, started
from tests.peers.toxic import Toxic, toxic
from tests.players.command_line import SITREP, TEAM
from tests.worlds import teams
from tests.worlds.matrix import PICKLE, Bot, config

UNSEEMLY = re.compile(
    r"Traceback|loop is closed|never retrieved|was destroyed|never awaited|unclosed|\w+Warning"
)
DECLARE = b"ann@ops: !inc declare sev1 Checkout is down\n"


class Run:
    """A `sitrep run` with every warning that Python and asyncio have."""

    def __init__(self, process: Process) -> None:
        self.process = process

    async def says(self, line: bytes, text: str) -> None:
        """Write a line, and read until a text came."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(line)
        async with asyncio.timeout(PATIENCE):
            while text not in (await self.process.stdout.readline()).decode():
                pass

    async def ended(self, by: signal.Signals = signal.SIGTERM) -> str:
        """Ask it to end; return what it logged, once it has ended in good order."""
        self.process.send_signal(by)
        async with asyncio.timeout(PATIENCE):
            _out, errors = await self.process.communicate()
        said = errors.decode()
        assert self.process.returncode == 0, said
        assert not UNSEEMLY.search(said), said
        return said


@asynccontextmanager
async def running(home: Path, text: str) -> AsyncIterator[Run]:
    home.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 - in a test
    (home / "sitrep.toml").write_text(text)
    environ = {
        **os.environ, "SITREP_HOME": str(home), "SITREP_CONFIG": str(home / "sitrep.toml"),
        "PICKLE": PICKLE, "PYTHONDEVMODE": "1", "PYTHONASYNCIODEBUG": "1",
    }  # fmt: skip
    pipe = subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        SITREP, "run", stdin=pipe, stdout=pipe, stderr=pipe, env=environ
    )
    try:
        yield Run(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


@pytest.mark.parametrize("seed", range(3))
async def test_at_any_moment_of_the_start(url, tmp_path, seed):
    """Python itself starts before anything of ours can listen."""
    chance = random.Random(f"{seed}{url.partition(':')[0]}")
    async with running(tmp_path / "home", f'{TEAM}[storage]\nurl = "{url}"\n') as bot:
        await asyncio.sleep(0.2 + chance.random() * 2)
        await bot.ended(signal.SIGINT if seed % 2 else signal.SIGTERM)


async def test_while_it_delivers(url, tmp_path):
    async with running(tmp_path / "home", f'{TEAM}[storage]\nurl = "{url}"\n') as bot:
        await bot.says(DECLARE * 3, "Checkout is down")
        await bot.ended()


@pytest.mark.parametrize("away", ["frozen", "gone"])
async def test_while_the_database_hangs(tmp_path, away):
    server: Postgres = started()
    try:
        text = f'{TEAM}[storage]\nurl = "{server.database()}"\n'
        async with running(tmp_path / "home", text) as bot:
            await bot.says(DECLARE, "Checkout is down")
            said = (signal.SIGSTOP,) if away == "frozen" else (signal.SIGCONT, signal.SIGQUIT)
            _tell(server, *said)
            await bot.ended()
    finally:
        _tell(server, signal.SIGCONT)
        server.stop()


def _tell(server: Postgres, *signals: signal.Signals) -> None:
    """Send signals to a server and to every process that it has started."""
    postmaster = server._process.pid
    listed = Path(f"/proc/{postmaster}/task/{postmaster}/children")
    children = listed.read_text().split() if listed.exists() else []
    for each in (postmaster, *map(int, children)):
        for number in signals:
            with suppress(ProcessLookupError):
                os.kill(each, number)


HANGS = ("whoami", "/sync", "/send/")


@pytest.mark.parametrize("path", HANGS)
async def test_while_the_homeserver_hangs(synapse, tmp_path, path):
    prefix = f"stop{abs(hash(str(tmp_path))) % 10**8}"
    synapse.register(f"{prefix}-bot")
    async with toxic(synapse.url) as proxy:
        more = "[adapters.console]\n"
        text = config(synapse, prefix, url=proxy.url, people=("ann", "ben", "cara"), more=more)
        home = tmp_path / "home"
        await Bot(synapse, home, text, prefix, f"@{prefix}-bot:sitrep.test").login()
        proxy.only, proxy.mode = path, "hang"
        async with running(home, text) as bot:
            await bot.says(DECLARE, "Checkout is down")
            await until(lambda: _hangs(proxy))
            await bot.ended()


async def test_while_entra_hangs(tmp_path):
    """MSAL asks from a thread, and Python waits for its threads before it ends."""
    came = asyncio.Event()

    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.set()
        with suppress(OSError):
            await _reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    ms = Microsoft()
    ms.login = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        async with running(tmp_path / "home", teams.config(ms, free_port())) as bot:
            await came.wait()
            said = await bot.ended()
    finally:
        server.close()
    assert "did not end in time" not in said


def _hangs(proxy: Toxic) -> bool:
    return any(mode == "hang" for _, mode, _ in proxy.seen)
