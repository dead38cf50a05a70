"""Bits that flip in a database's file are found, or do no harm: there is no traceback."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from bot.cli.checks import verify
from bot.contract.errors import BotError
from storage import found_damage, open_database
from storage.transactions import Transactions
from tests.players.command_line import sitrep
from tests.worlds.store import post, send

FLIPS = int(os.environ.get("SITREP_KILLS", "16")) * 4

LINES = (
    "ann@ops: !inc declare sev1 Checkout is down ic:@ben\n"
    "ben@ops: !inc accept\n"
    "ben@ops: !inc update rolling back\n"
    "ben@ops: !inc resolve done\n"
) * 3

pytestmark = pytest.mark.crash


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> bytes:
    home = tmp_path_factory.mktemp("written")
    sitrep(home, "run", lines=LINES)
    assert not (home / "sitrep.db-wal").exists()
    return (home / "sitrep.db").read_bytes()


async def test_flipped_bits_are_found_or_do_no_harm(tmp_path, written):
    """D7"""
    chance, told = random.Random(FLIPS), 0
    for n in range(FLIPS):
        path = tmp_path / f"{n}.db"
        spoilt = bytearray(written)
        for _ in range(chance.choice((1, 1, 8))):
            at = chance.randrange(len(spoilt))
            spoilt[at] ^= 1 << chance.randrange(8)
        path.write_bytes(spoilt)
        told += await _told(path)
    assert told > FLIPS // 10


async def _told(path: Path) -> bool:
    """Look at a file as check and run do; return whether something was found wrong in it."""
    url = f"sqlite://{path}"
    try:
        faults = await found_damage(url)
        async with open_database(url, tell=lambda _line: None) as db:
            assert isinstance(db, Transactions)
            faults += await verify(db)
            await send(db, post())
    except BotError as exc:
        return "\n" not in str(exc)
    return bool(faults)
