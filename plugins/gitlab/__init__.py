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
from bot.plugin_kit.webhooks import hints, same_secret
from plugins.gitlab.client import GitLab, GitLabSettings


@hookimpl
def register_ticket_tracker(context: PluginContext) -> GitLab:
    """Provide the tracker, and hear of its issues."""
    settings = context.settings(GitLabSettings)
    tracker = GitLab(context, settings)

    secret = settings.webhook_secret
    if secret is not None:

        def trusted(request: web.Request, _body: bytes) -> bool:
            return same_secret(request.headers.get("X-Gitlab-Token", ""), secret)

        context.routes.post("/webhook")(hints(trusted, tracker.meant, context.changed))
    return tracker
