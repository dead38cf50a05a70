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

from bot.contract import PluginContext, hookimpl
from bot.plugin_kit.webhooks import signed, webhook
from plugins.github.client import GitHub, GitHubSettings


@hookimpl
def register_ticket_tracker(context: PluginContext) -> GitHub:
    """Provide the tracker, and listen to its webhook if there is a secret for it."""
    settings = context.settings(GitHubSettings)
    tracker = GitHub(context, settings)

    secret = settings.webhook_secret
    if secret is not None:

        def verify(request: web.Request, body: bytes) -> bool:
            return signed(body, secret, request.headers.get("X-Hub-Signature-256", ""))

        handler = webhook(verify=verify, ticket_in=tracker.ticket_in, on_change=context.changed)
        context.routes.post("/webhook")(handler)
    return tracker
