"""Whole days at random through the whole bot: whatever people type, the record stays whole."""

from __future__ import annotations

import random

import pytest

from bot.cli.checks import verify
from bot.contract.chat import Features
from bot.testing import TEAM, RecordingAdapter, RecordingProvider, stage

PLANNED = TEAM.replace(
    'comms = "priya"',
    'comms = "ben"\ncomponents = ["shop"]\nexternal = { sev1 = "20m" }\n'
    'audiences = { sev1 = ["@cara", "chat:board"] }',
)
PAGES = """
[plan]
external = { sev1 = "20m" }
[plugins.outside]
[plugins.page]
url = "https://status.example.com"
components = { shop = "Shop" }
"""

LINES = (
    "declare sev{s} t{n}", "declare t{n} ic:@{p}", "drill sev2 d", "near-miss x", "assess no yes",
    "assess no no no", "update u{n}", "nc", "cadence internal {m}m because x", "sev {s} because x",
    "ic @{p}", "accept", "decline", "take ic", "handoff @{p}", "role liaison @{p}", "join", "leave",
    "page @{p}", "page checkout", "note root cause n{n}", "did x by:@{p}", "tried rollback r",
    "impact i{n}", "stabilised ok", "resolve done", "reopen because x", "cancel because y",
    "amend {e} z{n}", "redact {e}", "status", "timeline", "who", "list all", "INC-1 update q",
    "INC-2 accept", "INC-1 reopen because z", "external e", "brief b", "brief", "help {n}",
    "external", "external state:identified f title:T{n}", "approve", "approve", "reject no",
    "subscribe", "subscribe sev{s} digest", "INC-1 subscribe to:here", "unsubscribe {e}",
    "unsubscribe all", "subscriptions", "shield off", "shield on", "any news?", "score",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
async def test_a_random_day_ends_whole(tmp_path, seed):
    """D1 D2 D5 K5 L3"""
    chance = random.Random(seed)
    features = Features(rooms=bool(seed % 2), edits=True, pins=True, direct=bool(seed % 3))
    chat = RecordingAdapter(features=features)
    given = {"outside": RecordingProvider().plugin("register_status_page")}
    async with stage(tmp_path, config=PLANNED, more=PAGES, given=given, chat=chat) as bot:
        for n in range(70):
            if chance.random() < 0.25:
                await bot.minutes(chance.choice([0.5, 1, 3, 5, 10, 16, 40]))
            line = chance.choice(LINES).format(
                s=chance.randint(1, 4),
                n=n,
                p=chance.choice(["ann", "ben", "cara", "dev"]),
                m=chance.choice([1, 5, 20, 60]),
                e=chance.randint(1, 20),
            )
            who = chance.choice(["ann", "ben", "cara", "dev", "eve"])
            room = chance.choice(["ops", "lab", "!inc-1", "!inc-2", "@ben"])
            await bot.say(who, f"!inc {line}", room=room)
        assert await verify(bot.app.store) == []
        assert await bot.app.store.backlog() == {"waiting": 0, "dead": 0}
        keys = [posted.key for posted in chat.done]
        assert len(keys) == len(set(keys))
        for posted in chat.done:
            assert "None" not in posted.text
            assert "something is wrong" not in posted.text
