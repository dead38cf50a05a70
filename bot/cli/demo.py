"""`sitrep demo`: one SEV1 from declaration to resolution, at a fast clock, teaching."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.options import run_async, start_log

if TYPE_CHECKING:
    from bot.clock import FastClock

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.refs import ConversationRef, UserRef

RATE = 60.0
"""How much faster than life it plays: a minute is a second."""

ROOM = ConversationRef("console", "ops")


@dataclass(frozen=True, slots=True)
class ScriptLine:
    """At a minute of the incident: something said by somebody, or by the narrator."""

    minute: float
    who: str
    text: str


SCRIPT: tuple[ScriptLine, ...] = (
    ScriptLine(
        0, "", "Checkout is down. Ann says so, with a title alone: no form, no level needed."
    ),
    ScriptLine(0.5, "ann", "!inc declare Checkout answers 500 for everyone service:checkout"),
    ScriptLine(
        2, "", "It is a SEV1 until assessed, and Ann commands until somebody trained accepts."
    ),
    ScriptLine(3, "ben", "!inc accept"),
    ScriptLine(4, "", "Ben commands, and does not debug. Dev takes the hands-on work."),
    ScriptLine(4.5, "dev", "!inc join"),
    ScriptLine(5.5, "dev", "!inc saw errors began with release 311 at 13:58"),
    ScriptLine(6.5, "ben", "!inc impact every checkout ends in an error"),
    ScriptLine(8, "", "Ten minutes in, nobody has rolled back: the room is asked, once."),
    ScriptLine(
        12, "", "The next update was promised. Three minutes before, Ben alone is reminded."
    ),
    ScriptLine(
        16.2, "", "Nobody wrote: the promise is overdue, and the room knows. Cara keeps it, late."
    ),
    ScriptLine(17, "dev", "!inc tried rollback release 311"),
    ScriptLine(18, "cara", "!inc update Rolling back release 311, 40 % of hosts done"),
    ScriptLine(
        20, "", "The clock starts anew, from now. An update may be one tap: no new findings."
    ),
    ScriptLine(31, "ben", "!inc nochange"),
    ScriptLine(34, "dev", "!inc saw error rate back to 0.2 %"),
    ScriptLine(35, "ben", "!inc stabilised error rate back to 0.2 %"),
    ScriptLine(37, "", "Users are served; only now the cause. Then the commander calls it."),
    ScriptLine(43, "ben", "!inc resolve release 311 withdrawn"),
    ScriptLine(
        45,
        "",
        "The timeline wrote itself: !inc timeline, or sitrep export. or sitrep export INC-1.",
    ),
)


async def play(home: Path, say: Callable[[str, str], None], rate: float = RATE) -> None:
    """Play the script over a database in `home`; `say` shows who says what, or the narrator."""
    from bot.app import composed
    from bot.clock import FastClock
    from bot.config.load import default_text, parse
    from bot.contract.chat import ChatEvent

    clock = FastClock(rate)
    text = default_text().replace("[adapters.console]", "[adapters.console]\nmute = true")
    config = parse(text, {})
    async with composed(config, home, clock, tell=lambda _line: None) as app, app.working():
        began = clock.now()
        for number, step in enumerate(SCRIPT):
            await _until(clock, began + timedelta(minutes=step.minute))
            say(step.who, step.text)
            if step.who:
                await app.receive(
                    ChatEvent(
                        id=str(number),
                        conversation=ROOM,
                        sender=UserRef("console", step.who),
                        sender_name=step.who,
                        text=step.text,
                        written_at=clock.now(),
                        mentions={},
                    )
                )
                await app.outbox.drain()
        await app.outbox.drain()


async def _until(clock: FastClock, when: datetime) -> None:
    await clock.sleep(when - clock.now())


def demo(
    rate: Annotated[
        float, typer.Option(min=1.0, max=1000.0, help="How much faster than life it plays.")
    ] = 60.0,
) -> None:
    """Play one SEV1 from declaration to resolution in under a minute, and teach while it plays."""
    from bot.config.model import Config

    def say(who: str, text: str) -> None:
        if who:
            typer.echo(typer.style(f"{who}@ops: {text}", fg=typer.colors.YELLOW))
        else:
            typer.echo(typer.style(f"\n── {text}\n", dim=True))

    with tempfile.TemporaryDirectory(prefix="sitrep-demo-") as folder:
        start_log(Config(), Path(folder, "sitrep.log"))
        run_async(play(Path(folder), say, rate))
    typer.echo("\nYour turn: sitrep run")
