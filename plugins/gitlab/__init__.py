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

from bot.contract import PluginContext, hookimpl
from bot.plugin_kit.webhooks import same_secret, webhook
from plugins.gitlab.client import GitLab, GitLabSettings


@hookimpl
def register_ticket_tracker(context: PluginContext) -> GitLab:
    """Provide the tracker, and listen to its webhook if there is a secret for it."""
    settings = context.settings(GitLabSettings)
    tracker = GitLab(context, settings)

    secret = settings.webhook_secret
    if secret is not None:

        def verify(request: web.Request, _body: bytes) -> bool:
            return same_secret(request.headers.get("X-Gitlab-Token", ""), secret)

        handler = webhook(verify=verify, ticket_in=tracker.ticket_in, on_change=context.changed)
        context.routes.post("/webhook")(handler)
    return tracker
