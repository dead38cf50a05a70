"""The line editor: history, completion, personas and rooms, while messages arrive above it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.history import FileHistory
from prompt_toolkit.patch_stdout import patch_stdout

from adapters.console.config import ConsoleSettings
from adapters.console.inbound import Heard
from bot.contract import CommandHint, PluginContext, Receive
from bot.plugin_kit.files import make_folder, open_own

WELCOME = """Sitrep. You are {persona} in {room}. Everything is kept in {home}.
  !inc declare <what is broken>   opens an incident     !inc help   all there is to type
  /as bob   speak as somebody else   /room db   go to a room   /pin   what was said   /quit   leave
"""


class Listener(Protocol):
    """The adapter, as far as the line editor needs it."""

    async def hear(self, heard: Heard, receive: Receive) -> bool:
        """Hand a line to the core; return whether it worked."""

    async def mark(self, said: Heard, by: str, receive: Receive) -> bool:
        """Put a line on the timeline; return whether it worked."""


class _LineCompleter(Completer):
    """Completes verbs after `!inc`, people after `@`, and the console's own words after `/`."""

    def __init__(
        self, commands: Iterable[CommandHint], people: Callable[[], Iterable[str]]
    ) -> None:
        self._commands = tuple(commands)
        self._people = people

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterable[Completion]:
        """Return what the word before the cursor may become."""
        del complete_event
        line = document.text_before_cursor
        word = line.rpartition(" ")[2]
        if word.startswith("@"):
            for name in self._people():
                if name.casefold().startswith(word[1:].casefold()):
                    yield Completion(f"@{name} ", -len(word), f"@{name}")
            return
        words = line.split(" ")
        if line.startswith("/"):
            own = ("/as", "/room", "/pin", "/who", "/help", "/quit")
            names = own if len(words) == 1 else tuple(self._people())
            yield from (Completion(n, -len(word)) for n in names if n.startswith(word))
        elif words[0] in {"!inc", "!incident"}:
            place = 3 if len(words) > 2 and "-" in words[1] and words[1][-1:].isdigit() else 2
            if len(words) == place:
                for hint in self._commands:
                    if hint.name.startswith(word):
                        yield Completion(
                            f"{hint.name} ", -len(word), hint.name, display_meta=hint.says
                        )
        elif "!inc".startswith(line) and line:
            yield Completion("!inc ", -len(line))


async def converse(
    context: PluginContext, settings: ConsoleSettings, listener: Listener, receive: Receive
) -> None:
    """Read lines from the person at the terminal until they leave."""
    persona, room = settings.persona, settings.room
    spoke = {persona: persona}

    def people() -> dict[str, str]:
        named = {p.user.id: p.name for p in context.addressees if p.user is not None}
        return {**named, **{name: name for name in spoke if name not in named}}

    said: dict[str, Heard] = {}
    session: PromptSession[str] = PromptSession(
        history=_history(context.home),
        completer=_LineCompleter(context.commands, people),
        complete_while_typing=False,
    )
    sys.stdout.write(WELCOME.format(persona=persona, room=room, home=context.home))
    with patch_stdout(raw=True):
        while True:
            prompt = FormattedText(
                [("ansiyellow bold", persona), ("ansicyan", f"@{room}"), ("", "> ")]
            )
            try:
                line = await session.prompt_async(prompt)
            except (EOFError, KeyboardInterrupt):
                return
            word, _, rest = line.strip().partition(" ")
            match word:
                case "":
                    continue
                case "/quit" | "/exit":
                    return
                case "/as" if rest:
                    persona = rest.strip().removeprefix("@").split()[0]
                    spoke.setdefault(persona, persona)
                case "/room" if rest:
                    room = rest.strip().removeprefix("#").split()[0]
                case "/who":
                    sys.stdout.write(", ".join(f"@{n} ({s})" for n, s in people().items()) + "\n")
                case "/pin" if room in said:
                    if not await listener.mark(said[room], persona, receive):
                        sys.stdout.write("no incident runs in this room to pin it to\n")
                case "/pin":
                    sys.stdout.write("nothing was said in this room that could be pinned\n")
                case _ if word.startswith("/"):
                    sys.stdout.write(
                        "/as <name> · /room <name> · /pin · /who · /quit · !inc help\n"
                    )
                case _:
                    if not await listener.hear(Heard(persona, room, line), receive):
                        continue
                    if not line.lstrip().startswith("!inc") and not room.startswith("@"):
                        said[room] = Heard(persona, room, line, at=context.clock.now())
                        sys.stdout.write("(said in the room; /pin puts it on the timeline)\n")


def _history(home: str) -> FileHistory:
    path = Path(home) / "console-history"
    make_folder(path.parent)
    os.close(open_own(path))
    return FileHistory(str(path))
