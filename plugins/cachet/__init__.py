"""Cachet 3.

```toml
[plugins.cachet]
url = "https://status.example.com"
token = { env = "SITREP_CACHET_TOKEN" } # of a user who may write incidents and components
components = { checkout = 3 }          # ours, and the number of theirs
```
"""

from __future__ import annotations

from bot.contract import PluginContext, hookimpl
from plugins.cachet.client import Cachet, CachetSettings


@hookimpl
def register_status_page(context: PluginContext) -> Cachet:
    """Provide Cachet."""
    return Cachet(context, context.settings(CachetSettings))
