"""Atlassian Statuspage.

```toml
[plugins.statuspage]
page = "abcdefghijkl"                  # its id: Manage account, API
key = { env = "SITREP_STATUSPAGE_KEY" }
components = { checkout = "0123456789ab" } # ours, and the id of theirs
```
"""

from __future__ import annotations

from bot.contract import PluginContext, hookimpl
from plugins.statuspage.client import Statuspage, StatuspageSettings


@hookimpl
def register_status_page(context: PluginContext) -> Statuspage:
    """Provide Statuspage."""
    return Statuspage(context, context.settings(StatuspageSettings))
