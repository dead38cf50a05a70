"""The public status page, served by Sitrep itself.

```toml
[http]
listen = "127.0.0.1:8080"              # readers come through your proxy: /plugins/page/ alone

[plugins.page]
url = "https://status.example.com"     # where readers find it
title = "Example status"
components = { checkout = "Checkout", api = "API" }
```

It needs no JavaScript. What is published stands on it within a second; what was published stays.
"""

from __future__ import annotations

from bot.contract import PluginContext, hookimpl
from plugins.page.config import PageSettings
from plugins.page.served import ServedPage


@hookimpl
def register_status_page(context: PluginContext) -> ServedPage:
    """Provide the page."""
    return ServedPage(context, context.settings(PageSettings))
