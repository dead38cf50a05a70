"""The console: a line editor on a terminal, a line protocol in a pipe."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from adapters.console import inbound, render
from adapters.console.config import ConsoleSettings
from adapters.console.inbound import ADAPTER, Heard, Unreadable
from bot.contract import (
    ChatCapture,
    ConversationRef,
    ConversationRequest,
    DatabaseAway,
    Features,
    Inbound,
    Message,
    MessageRef,
    Opened,
    PluginContext,
    Receive,
    TemporaryFailure,
    Text,
    UserRef,
)
from bot.plugin_kit.files import make_folder, write_own

LONGEST_LINE = 1024 * 1024
"""The longest line in bytes; the rest of a longer one is dropped."""


REMEMBERED = 500
"""How many messages are remembered, so that an edit that changes nothing is not shown."""

NOBODY_READS = timedelta(minutes=1)
"""When standard output is tried again that nobody read: a reader that left comes back rarely."""

AGAIN = timedelta(seconds=1)
"""How long to wait before a line is handed in again after the database was away."""


class ConsoleAdapter:
    """Several people in several rooms, at one terminal."""

    def __init__(self, context: PluginContext, settings: ConsoleSettings) -> None:
        """Read and write nothing yet."""
        self._context, self._settings = context, settings
        self.features = Features(rooms=settings.rooms, direct=True, edits=True)
        self._terminal = settings.format == "text" and sys.stdin.isatty() and sys.stdout.isatty()
        coloured = settings.colour == "always" or (
            settings.colour == "auto" and sys.stdout.isatty()
        )
        if settings.format == "json":
            self._show: render.Show = render.as_json
        elif coloured:
            self._show = render.painter(lambda: shutil.get_terminal_size((100, 24)).columns)
        else:
            self._show = render.as_text
        self._met: dict[str, str] = {}
        self._shown: dict[str, Message] = {}
        self._session = uuid4().hex[:12]
        self._count = 0

    # --- in ---------------------------------------------------------------------------------------

    async def run(self, receive: Receive) -> bool:
        """Read until the end of the input, or until the person leaves."""
        if self._settings.mute:
            return True
        if self._terminal:
            from adapters.console.terminal import converse  # noqa: PLC0415 - 60 ms, terminals only

            await converse(self._context, self._settings, self, receive)
            return True
        return await self._piped(receive)

    async def hear(self, heard: Heard, receive: Receive) -> bool:
        """Hand on what somebody said; whoever speaks can be mentioned from then on."""
        self._met.setdefault(heard.sender.casefold(), heard.sender)
        self._count += 1
        number = f"{self._session}.{self._count}"
        now = self._context.clock.now()
        event = inbound.event(heard, number=number, now=now, known=self._known())
        return await self._hand_in(event, receive)

    def _known(self) -> dict[str, str]:
        """Return the users who can be mentioned, by case-folded names: whoever spoke as well."""
        named = {
            word.casefold(): person.user.id
            for person in self._context.addressees
            if person.user is not None
            for word in (person.user.id, person.person, person.name)
        }
        return {**self._met, **named}

    async def mark(self, said: Heard, by: str, receive: Receive) -> bool:
        """Put what somebody said on the timeline, with its own time (L1)."""
        self._count += 1
        now = self._context.clock.now()
        capture = ChatCapture(
            id=f"{self._session}.{self._count}",
            conversation=ConversationRef(ADAPTER, said.room),
            sender=UserRef(ADAPTER, by),
            sender_name=by,
            author=UserRef(ADAPTER, said.sender),
            author_name=said.sender,
            text=said.text,
            written_at=said.at or now,
            marked_at=now,
        )
        return await self._hand_in(capture, receive)

    async def _hand_in(self, event: Inbound, receive: Receive) -> bool:
        while True:
            try:
                return (await receive(event)).done
            except DatabaseAway as exc:
                # Nobody else will hand the line in again; its number makes a repeat harmless.
                sys.stderr.write(f"sitrep: {exc}; trying again\n")
                await self._context.clock.sleep(AGAIN)

    async def _piped(self, receive: Receive) -> bool:
        reader = inbound.from_json if self._settings.format == "json" else inbound.from_text
        lines: asyncio.Queue[str | None] = asyncio.Queue(maxsize=1000)
        _read_lines(lines, asyncio.get_running_loop())
        readable = True
        while (line := await lines.get()) is not None:
            if not line.strip():
                continue
            try:
                heard = reader(line.rstrip("\r"))
            except Unreadable as exc:
                readable = False
                sys.stderr.write(f"sitrep: {exc}\n")
                sys.stderr.flush()
                continue
            await self.hear(heard, receive)
        return readable

    # --- out --------------------------------------------------------------------------------------

    async def open_conversation(self, request: ConversationRequest, *, key: str) -> Opened:
        """Open a room: on a console it is there once it is named."""
        del key
        if request.direct_to is not None:
            return Opened(conversation=ConversationRef(ADAPTER, f"@{request.direct_to.id}"))
        return Opened(conversation=ConversationRef(ADAPTER, f"{request.name}.{request.alias}"))

    async def post(
        self,
        to: ConversationRef,
        message: Message,
        *,
        key: str,
        answers: str | None = None,
        urgent: bool = False,
    ) -> MessageRef:
        """Print a message."""
        del answers, urgent
        message = self._kept(message)
        self._print(to, message, key=key, edit=False)
        self._remember(key, message)
        return MessageRef(to, key)

    def _kept(self, message: Message) -> Message:
        """Write a message's files to the home folder, and return the message with their paths."""
        folder = Path(self._context.home, "files")
        places = []
        for file in message.files:
            make_folder(folder)
            path = folder / Path(file.name).name
            write_own(path, file.text)
            places.append(Text((f"{file.name}: {path}",)))
        return replace(message, blocks=(*message.blocks, *places)) if places else message

    async def offer(self, ref: MessageRef, buttons: int, *, key: str) -> None:
        """Offer nothing: a console shows the lines to type."""

    async def acknowledge(self, ref: MessageRef, *, worked: bool, key: str) -> None:
        """Mark nothing: a console shows the answer beneath."""

    async def edit(self, ref: MessageRef, message: Message, *, key: str) -> None:
        """Print a message again if it has changed."""
        if self._shown.get(ref.id) != message:
            self._print(ref.conversation, message, key=key, edit=True)
            self._remember(ref.id, message)

    def _remember(self, shown: str, message: Message) -> None:
        """Remember what the last messages show: only cards are ever edited."""
        self._shown.pop(shown, None)
        self._shown[shown] = message
        if len(self._shown) > REMEMBERED:
            del self._shown[next(iter(self._shown))]

    async def pin(self, ref: MessageRef, *, key: str) -> None:
        """Pin nothing: a console scrolls."""

    async def invite(self, to: ConversationRef, users: Sequence[UserRef], *, key: str) -> None:
        """Invite nobody: everybody at a console is there."""

    async def set_topic(self, to: ConversationRef, topic: str, *, key: str) -> None:
        """Set no topic: a console has none."""

    def _print(self, to: ConversationRef, message: Message, *, key: str, edit: bool) -> None:
        text = self._show(to.id, self._context.clock.now(), message, key, edit)
        out = sys.stdout  # looked up each time: the line editor replaces it
        try:
            try:
                out.write(text + "\n")
            except UnicodeEncodeError:
                encoding = out.encoding or "ascii"
                out.write(text.encode(encoding, "replace").decode(encoding) + "\n")
            out.flush()
        except OSError as exc:
            why = f"standard output cannot be written: {exc.strerror}"
            raise TemporaryFailure(why, NOBODY_READS) from exc


def _read_lines(lines: asyncio.Queue[str | None], loop: asyncio.AbstractEventLoop) -> None:
    """Read standard input line by line, in a daemon thread.

    It reads the file descriptor: a thread blocked inside Python's own buffer would hold that
    buffer's lock when the process ends, and crash it.
    """
    file = sys.stdin.fileno()

    def read() -> None:
        kept = b""
        while chunk := os.read(file, 65536):
            *whole, kept = (kept + chunk).split(b"\n")
            for line in whole:
                put(line[:LONGEST_LINE].decode("utf-8", "replace"))
            if len(kept) > LONGEST_LINE:
                kept = kept[: LONGEST_LINE + 1]
        if kept:
            put(kept[:LONGEST_LINE].decode("utf-8", "replace"))
        put(None)

    def put(line: str | None) -> None:
        try:
            asyncio.run_coroutine_threadsafe(lines.put(line), loop).result()
        except RuntimeError:  # the loop has ended: nobody reads any more
            return

    threading.Thread(target=read, daemon=True, name="stdin").start()
