"""Action items as issues on GitLab, hosted or your own.

```toml
[plugins.gitlab]
url = "https://gitlab.example.com"
project = "platform/ops"                 # its path, or its number
token = { env = "SITREP_GITLAB_TOKEN" }  # scope api; role Reporter or more
webhook_secret = { env = "SITREP_GITLAB_WEBHOOK" }  # its secret token; default: only asking

[people.ben]
users = { gitlab = "ben" }
```

The webhook (issues events) goes to `/plugins/gitlab/webhook`. The marker stands at the end of the
description; the label `sitrep` lists the issues. What people add to the description stays.
"""

from __future__ import annotations

from aiohttp import web

from bot.calling import same_secret, webhook_body
from bot.hookspecs import hookimpl
from bot.ports import PluginContext
from plugins.gitlab.client import GitLab, GitLabSettings


@hookimpl
def register_ticket_tracker(context: PluginContext) -> GitLab:
    """Provide the tracker, and hear of its issues."""
    settings = context.settings(GitLabSettings)
    tracker = GitLab(context, settings)

    async def heard(request: web.Request) -> web.Response:
        secret = settings.webhook_secret
        given = request.headers.get("X-Gitlab-Token", "")
        if secret is None or not same_secret(given, secret):
            return web.Response(status=401, text="not the webhook's secret token")
        body = await webhook_body(request)
        if body is None:
            return web.Response(status=413, text="too long")
        ticket = tracker.meant(body)
        if ticket is not None:
            await context.changed(ticket)
        return web.Response(status=202)

    if settings.webhook_secret is not None:
        context.routes.post("/webhook")(heard)
    return tracker
