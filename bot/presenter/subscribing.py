"""Why a subscription is not possible: the reason, then the lines that would work."""

from __future__ import annotations

from collections.abc import Iterable

from bot.config.load import MAIL_NEEDS_A_WAY_OUT

Reason = tuple[str, ...]

NO_MAIL_ADDRESS: Reason = (
    "The config has no mail address of yours.",
    "subscribe",
    "subscribe to:here",
)


def unknown_service(service: str, known: Iterable[str]) -> Reason:
    """Return that a service has no communication plan."""
    there = ", ".join(known) or "none"
    return f"No service “{service[:40]}” has a plan; there is: {there}.", "subscribe"


def no_place(to: str) -> Reason:
    """Return that a text names no place."""
    return (
        f"“{to[:60]}” is no place: write here, mail, or a mail address.",
        "subscribe to:here",
        "subscribe to:mail",
    )


def no_mail(*, mailer: bool) -> Reason:
    """Return that mail cannot be sent; `mailer`: a plugin for it is there."""
    why = MAIL_NEEDS_A_WAY_OUT if mailer else "it needs [plugins.mail]"
    return f"Mail is not set up here ({why}). Directly in the chat works:", "subscribe"


def foreign_domain(domain: str) -> Reason:
    """Return that the config allows no mail to a domain."""
    return (
        f"Mail goes to people of the config and to stakeholders.mail_domains; "
        f"{domain} is not among them.",
        "subscribe to:mail",
        "subscribe",
    )
