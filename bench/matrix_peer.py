"""The baseline of B1 and B2: a bare matrix-nio bot. BASE USER DEVICE TOKEN SPACE.

`!echo` is answered at once. `!make N` does by hand, one after the other, the calls that declaring
an incident takes: mark, announce, make the room, list it, two messages, their button, the pin.
"""

from __future__ import annotations

import asyncio
import json
import sys

from nio import AsyncClient, AsyncClientConfig, RoomMessageText


async def main(base: str, user: str, device: str, token: str, space: str) -> None:
    config = AsyncClientConfig(encryption_enabled=False)
    client = AsyncClient(base, user, device, config=config)
    client.restore_login(user, device, token)

    async def say(room: str, text: str) -> str:
        content = {
            "msgtype": "m.notice", "body": text, "format": "org.matrix.custom.html",
            "formatted_body": f"<p>{text}</p>", "m.mentions": {},
        }  # fmt: skip
        return (await client.room_send(room, "m.room.message", content)).event_id

    async def react(room: str, event: str, key: str) -> None:
        relation = {"rel_type": "m.annotation", "event_id": event, "key": key}
        await client.room_send(room, "m.reaction", {"m.relates_to": relation})

    async def heard(room, event) -> None:
        if event.sender == user:
            return
        here = room.room_id
        if event.body.startswith("!echo"):
            await say(here, event.body)
        if event.body.startswith("!make"):
            name = event.body.split()[1]
            await react(here, event.event_id, "✅")
            await react(here, await say(here, f"announced {name}\n" + "x" * 300), "1️⃣")
            made = await client.room_create(
                alias=f"peer-{name}", name=f"peer-{name}", topic="made by hand",
                invite=[event.sender],
                initial_state=[
                    {
                        "type": "m.room.history_visibility",
                        "content": {"history_visibility": "shared"},
                    },
                    {
                        "type": "m.space.parent", "state_key": space,
                        "content": {"via": ["sitrep.test"], "canonical": True},
                    },
                    {
                        "type": "m.room.join_rules",
                        "content": {
                            "join_rule": "restricted",
                            "allow": [{"type": "m.room_membership", "room_id": space}],
                        },
                    },
                ],
            )  # fmt: skip
            via = {"via": ["sitrep.test"]}
            await client.room_put_state(space, "m.space.child", via, made.room_id)
            await react(made.room_id, await say(made.room_id, "first\n" + "x" * 300), "1️⃣")
            card = await say(made.room_id, "State: made by hand\n" + "x" * 300)
            pins = "m.room.pinned_events"
            await client.room_put_state(made.room_id, pins, {"pinned": [card]})

    await client.sync(full_state=True)
    client.add_event_callback(heard, RoomMessageText)
    print(json.dumps({"ready": True}), flush=True)
    await client.sync_forever(timeout=30_000)


asyncio.run(main(*sys.argv[1:]))
