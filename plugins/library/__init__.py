"""Finished postmortems in a folder, or a git repository: Markdown, HTML, and an index.

```toml
[plugins.library]
folder = "/srv/postmortems"            # default: postmortems in the home folder
git = true                             # commit each; default: where the folder is a repository
push = false                           # and push, to where the branch is set up to
```

`INC-42.md`, `INC-42.html`, `README.md` and `index.html`, the newest first. A postmortem that is
taken back and finalised again replaces its files; git keeps the older ones.
"""

from __future__ import annotations

from bot.contract import PluginContext, hookimpl
from plugins.library.shelf import Library, LibrarySettings


@hookimpl
def register_postmortem_publisher(context: PluginContext) -> Library:
    """Provide the library."""
    return Library(context, context.settings(LibrarySettings))
