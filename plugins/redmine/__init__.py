"""Action items as issues in Redmine 4 or newer, over its REST API.

```toml
[plugins.redmine]
url = "https://redmine.example.com"
key = { env = "SITREP_REDMINE_KEY" }   # of an account that may add and edit issues
project = "ops"
tracker = "Bug"                        # default: the project's first

[people.ben]
users = { redmine = "5" }              # the number in the address of their page
```

Redmine has no webhooks: it is asked every few minutes. The marker stands in the subject, where it
can be listed by: `… [sitrep:INC-42/A1]`.
"""

from __future__ import annotations

from bot.contract import PluginContext, hookimpl
from plugins.redmine.client import Redmine, RedmineSettings


@hookimpl
def register_ticket_tracker(context: PluginContext) -> Redmine:
    """Provide the tracker."""
    return Redmine(context, context.settings(RedmineSettings))
