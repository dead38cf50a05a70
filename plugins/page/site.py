"""The status page as a static site, in a folder or a git repository, for any web server.

```toml
[plugins.site]
url = "https://status.example.com"     # where readers find it
title = "Example status"
components = { checkout = "Checkout", api = "API" }
folder = "/srv/status"                 # default: status-site in the home folder
git = true                             # commit each change; default: where it is a repository
push = false                           # and push, to where the branch is set up to
```

Unlike the page that Sitrep serves, it can be read when Sitrep is down. It is drawn at each start,
with each publication, and each hour.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bot.contract import ExternalRef, Finding, PluginContext, StatusNotice, hookimpl
from bot.plugin_kit.git_folder import Folder
from plugins.page.book import Book, opened, read_back, write_down
from plugins.page.config import SiteSettings
from plugins.page.drawing import Drawing
from plugins.page.feeds import Feeds

SUFFIX = ".html"


class Site:
    """A status page in files."""

    def __init__(self, context: PluginContext, settings: SiteSettings) -> None:
        """Write nothing yet."""
        self._context, self._settings = context, settings
        path = Path(context.home, settings.folder)
        self._folder = Folder(path, git=settings.git, push=settings.push)
        self._drawing = Drawing(settings.title, settings.components, suffix=SUFFIX)
        self._feeds = Feeds(settings.title, settings.url, suffix=SUFFIX)

    async def publish(
        self, notice: StatusNotice, ref: ExternalRef | None, *, key: str
    ) -> ExternalRef:
        """Write the site as it is now; the same notice again changes nothing."""
        del ref  # the incident's id says which it is
        await write_down(self._context.memory, notice, key)
        last = notice.updates[-1]
        said = f"{notice.incident} {last.state.value}: {' '.join(notice.title.split())[:60]}"
        await self._draw(said)
        url = f"{self._settings.url.rstrip('/')}/incidents/{notice.incident}{SUFFIX}"
        return ExternalRef(self._context.name, notice.incident, url)

    async def redraw(self) -> None:
        """Draw the site as of now (see `Redrawable`), also before its first incident."""
        await self._draw(f"As of {self._context.clock.now():%Y-%m-%d}")

    async def _draw(self, said: str) -> None:
        told = await read_back(self._context.memory)
        book = opened(told, self._settings.components, self._context.clock.now())
        await self._folder.write(lambda: self._write(book), said)

    def _write(self, book: Book) -> None:
        put = self._folder.put
        for told in book.incidents:
            put(f"incidents/{told.id}{SUFFIX}", self._drawing.incident(book, told))
        put(f"history{SUFFIX}", self._drawing.history(book))
        put("history.atom", self._feeds.atom(book))
        put("history.rss", self._feeds.rss(book))
        for name, document in self._feeds.api(book).items():
            put(f"api/v2/{name}.json", document)
        put("404.html", self._drawing.missing(book))
        # The first page comes last, when everything it links to exists.
        put("index.html", self._drawing.index(book))

    async def check(self) -> Sequence[Finding]:
        """Check that the folder can be written, and that git is installed if it is wanted."""
        return self._folder.check()


@hookimpl
def register_status_page(context: PluginContext) -> Site:
    """Provide the site."""
    return Site(context, context.settings(SiteSettings))
