"""Whole conversations as people read them. Each file in `golden/` is script and record in one.

A line `who@room: text` is said, `+12m` lets time pass, `# …` is a remark; the indented lines below
are what Sitrep says to that. `SITREP_GOLDEN=write make test` writes the record anew; read the diff.
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.durations import parse_duration
from bot.testing import RecordingAdapter, stage

GOLDEN = sorted(Path(__file__).parent.joinpath("golden").glob("*.txt"))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda p: p.stem)
async def test_the_conversation_reads_as_agreed(path, tmp_path):
    recorded = path.read_text("utf-8")
    script = [line for line in recorded.splitlines() if line and not line.startswith("    ")]
    played = await play(script, tmp_path)
    if os.environ.get("SITREP_GOLDEN") == "write":
        path.write_text(played, "utf-8")
    assert played == recorded


async def play(script: list[str], home: Path) -> str:
    lines: list[str] = []
    chat = RecordingAdapter()
    async with stage(home, chat=chat) as bot:
        for step in script:
            heard = len(chat.done)
            lines.append(step)
            if step.startswith("+"):
                length = parse_duration(step[1:])
                assert isinstance(length, timedelta), step
                await bot.pass_time(length)
            elif not step.startswith("#"):
                who, _, rest = step.partition("@")
                room, _, text = rest.partition(": ")
                await bot.say(who, text, room=room)
            # Order is kept within a conversation; conversations do not wait for each other.
            for posted in sorted(chat.done[heard:], key=lambda p: p.conversation):
                if posted.kind in {"post", "edit"}:
                    mark = "~" if posted.kind == "edit" else ""
                    body = posted.text.replace("\n", "\n        ")
                    lines.append(f"    {posted.conversation}{mark}: {body}")
            lines.append("")
    return "\n".join(lines)
