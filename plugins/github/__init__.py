"""Action items as issues on GitHub, or GitHub Enterprise.

```toml
[plugins.github]
repository = "example/ops"
token = { env = "SITREP_GITHUB_TOKEN" }  # fine-grained: issues, read and write, of this repository
webhook_secret = { env = "SITREP_GITHUB_WEBHOOK" }  # of a webhook for issues; default: only asking
api = "https://api.github.com"

[people.ben]
users = { github = "ben-on-github" }
```

The webhook's address is `/plugins/github/webhook`. The marker stands at the end of the issue's
text; the label `sitrep` lists the issues. What people add to the text stays.
"""

from __future__ import annotations

from aiohttp import web

from bot.calling import signed, webhook_body
from bot.hookspecs import hookimpl
from bot.ports import PluginContext
from plugins.github.client import GitHub, GitHubSettings


@hookimpl
def register_ticket_tracker(context: PluginContext) -> GitHub:
    """Provide the tracker, and hear of its issues."""
    settings = context.settings(GitHubSettings)
    tracker = GitHub(context, settings)

    async def heard(request: web.Request) -> web.Response:
        body = await webhook_body(request)
        secret = settings.webhook_secret
        signature = request.headers.get("X-Hub-Signature-256", "")
        if body is None:
            return web.Response(status=413, text="too long")
        if secret is None or not signed(body, secret, signature):
            return web.Response(status=401, text="not signed with the webhook's secret")
        ticket = tracker.meant(body)
        if ticket is not None:
            await context.changed(ticket)
        return web.Response(status=202)

    if settings.webhook_secret is not None:
        context.routes.post("/webhook")(heard)
    return tracker
