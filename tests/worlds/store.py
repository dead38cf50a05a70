"""What a store is given: a declared incident, and posts to send."""

from __future__ import annotations

from bot.contract.messages import Message
from bot.domain.due import next_due
from bot.domain.events import Entry
from bot.store.rows import Outgoing, Post
from tests.worlds.domain import START, Play


def entries(play: Play, first: int = 0) -> list[Entry]:
    return [
        Entry(n=i + 1, event=e, recorded_at=play.now)
        for i, e in enumerate(play.events)
        if i >= first
    ]


async def declared(db, play: Play | None = None) -> Play:
    play = play or Play()
    play.declare(1)
    due = next_due(play.state, play.setting.policy)
    await db.transact(lambda w: w.save(play.state, entries(play), due_at=due))
    return play


def post(text: str = "hello", lane: str = "chat/ops", **more: object) -> Outgoing:
    body = Post(message=Message(summary=(text,)))
    return Outgoing(target="chat", lane=lane, body=body, **more)


async def send(db, *what: Outgoing) -> None:
    await db.transact(lambda w: w.send(what, now=START))
