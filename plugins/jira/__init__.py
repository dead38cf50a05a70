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

from bot.contract import PluginContext, hookimpl
from bot.plugin_kit.webhooks import same_secret, signed, webhook
from plugins.jira.client import Jira, JiraSettings


@hookimpl
def register_ticket_tracker(context: PluginContext) -> Jira:
    """Provide the tracker, and listen to its webhook if there is a secret for it."""
    settings = context.settings(JiraSettings)
    tracker = Jira(context, settings)

    secret = settings.webhook_secret
    if secret is not None:

        def verify(request: web.Request, body: bytes) -> bool:
            signature = request.headers.get("X-Hub-Signature")
            if signature is not None:
                return signed(body, secret, signature)
            return same_secret(request.match_info.get("secret", ""), secret)

        handler = webhook(verify=verify, ticket_in=tracker.ticket_in, on_change=context.changed)
        context.routes.post("/webhook")(handler)
        context.routes.post("/webhook/{secret}")(handler)
    return tracker
