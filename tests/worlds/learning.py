"""What tests of postmortems and actions share: an incident that is over, and acceptable actions."""

from __future__ import annotations

from datetime import timedelta

from bot.testing import Stage

ACTIONS = (
    "Page when no order was placed for 3 min",
    "Reject a query without an index in CI",
    "Roll back a canary by itself when its 5xx rate is over 1 % for 2 min",
    "Add a statement timeout of 2 s to the checkout role",
    "Restore last night's backup every Monday and compare row counts",
    "Limit the removal tool to one host within 10 min",
    "Show the host's role in every prompt of a database host, before each command",
)


async def over(bot: Stage, *, room: str = "ops", title: str = "Checkout is down") -> None:
    """Declare a SEV1 and resolve it half an hour later."""
    await bot.say("ann", f"!inc declare sev1 {title} ic:@ben impact:all orders fail", room=room)
    await bot.say("ben", "!inc accept", room=room)
    await bot.minutes(10)
    await bot.say("ben", "!inc resolve release 311 withdrawn", room=room)


def action(n: int = 0, *, owner: str = "ben", days: int = 14, now: object = None) -> str:
    """Return a line that adds an acceptable action."""
    del now
    due = f"2026-12-{days:02d}"
    return f"!inc action {ACTIONS[n]} owner:@{owner} due:{due} as:detect"


async def days(bot: Stage, count: float) -> None:
    """Let days pass."""
    await bot.pass_time(timedelta(days=count))
