"""A bare botbuilder-core bot that echoes, for bench B4; it validates nothing and keeps nothing."""

from __future__ import annotations

import sys

from aiohttp import web
from botbuilder.core import BotFrameworkAdapter, BotFrameworkAdapterSettings, TurnContext
from botbuilder.schema import Activity

ADAPTER = BotFrameworkAdapter(BotFrameworkAdapterSettings("", ""))


async def echo(turn: TurnContext) -> None:
    await turn.send_activity(turn.activity.text)


async def messages(request: web.Request) -> web.Response:
    activity = Activity().deserialize(await request.json())
    # The connector of its own would be asked for by name; the address is the activity's.
    await ADAPTER.process_activity(activity, "", echo)
    return web.Response(status=202)


async def ready(_request: web.Request) -> web.Response:
    return web.Response()


if __name__ == "__main__":
    app = web.Application()
    app.router.add_post("/plugins/teams/messages", messages)
    app.router.add_get("/readyz", ready)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None)
