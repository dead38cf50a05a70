"""A whole Sitrep in Teams, on SQLite, for bench B4."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import timedelta
from pathlib import Path

from adapters.teams import rate_limits
from bot import log
from bot.app import composed
from bot.clock import SystemClock
from bot.config.load import parse
from bot.config.sections import LogSection
from tests.peers.microsoft import APP, PASSWORD, TENANT, object_id


async def main(port: str, folder: str, told: dict[str, str]) -> None:
    log.configure(LogSection(level="warning"))
    given = "\n".join(f'{key} = "{value}"' for key, value in told.items())
    text = f"""
[people.ann]
users = {{ teams = "{object_id("ann")}" }}
[http]
listen = "127.0.0.1:{port}"
[adapters.teams]
app_id = "{APP}"
tenant = "{TENANT}"
tenants = ["{TENANT}"]
password = "{PASSWORD}"
service_hosts = ["127.0.0.1"]
sends_per_second = 50
{given}
"""
    # The rates are Teams', and not ours to measure.
    rate_limits.LIMITS = ((1_000_000, timedelta(seconds=1)),)
    async with composed(parse(text, {}), Path(folder), SystemClock(), tell=lambda _: None) as app:
        app.plugins.adapters["teams"]._rate_limits._per_second = 1_000_000
        await app.run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3])))
