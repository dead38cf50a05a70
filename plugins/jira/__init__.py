"""Action items as issues in Jira: Cloud, or Data Center.

```toml
[plugins.jira]
url = "https://example.atlassian.net"
kind = "cloud"                         # or "datacenter"
project = "OPS"
issue_type = "Task"
user = "sitrep@example.com"            # Cloud: the account of the token
token = { env = "SITREP_JIRA_TOKEN" }  # Cloud: an API token; Data Center: a personal one
fields = { customfield_10042 = "ops" } # what the project requires besides; default: nothing
webhook_secret = { env = "SITREP_JIRA_WEBHOOK" }  # default: only asking

[people.ben]
users = { jira = "5b10a2844c20165700ede21g" }  # Cloud: the account id; Data Center: the user name
```

A webhook for issues goes to `/plugins/jira/webhook/<secret>`; where Jira signs, the signature is
checked instead and the address ends with `webhook`. The marker is a label, `sitrep-inc-42-a1`.
"""

from __future__ import annotations

from aiohttp import web

from bot.calling import same_secret, signed, webhook_body
from bot.hookspecs import hookimpl
from bot.ports import PluginContext
from plugins.jira.client import Jira, JiraSettings


@hookimpl
def register_ticket_tracker(context: PluginContext) -> Jira:
    """Provide the tracker, and hear of its issues."""
    settings = context.settings(JiraSettings)
    tracker = Jira(context, settings)

    async def heard(request: web.Request) -> web.Response:
        secret = settings.webhook_secret or ""
        body = await webhook_body(request)
        if body is None:
            return web.Response(status=413, text="too long")
        signature = request.headers.get("X-Hub-Signature")
        in_path = request.match_info.get("secret", "")
        trusted = (
            signed(body, secret, signature)
            if signature is not None
            else same_secret(in_path, secret)
        )
        if not trusted:
            return web.Response(status=401, text="neither signed nor at the secret address")
        ticket = tracker.meant(body)
        if ticket is not None:
            await context.changed(ticket)
        return web.Response(status=202)

    if settings.webhook_secret is not None:
        context.routes.post("/webhook")(heard)
        context.routes.post("/webhook/{secret}")(heard)
    return tracker
