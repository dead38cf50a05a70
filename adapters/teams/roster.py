"""`sitrep teams people`: the people of the channel's team, as sections of the config.

The connector's own roster has each member's object id, name and mail, and needs no permission in
Entra. (It stands apart from the other commands since it fetches a token with the SDK.)
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from adapters.teams.config import GUID, TeamsSettings
from adapters.teams.connector import Connector
from adapters.teams.inbound import ADAPTER, Json, account, text_at
from adapters.teams.tokens import Tokens
from bot.contract import (
    PermanentFailure,
    PluginContext,
    SetupFailed,
    TemporaryFailure,
)
from bot.plugin_kit.files import read_file, read_stream
from bot.plugin_kit.network import http_client
from bot.plugin_kit.people import FoundPerson, name_of_mail, people_sections

NOT_FOUND = "Their object id stands in the Entra admin center: Users, their name, Object ID."

ADDRESS = re.compile(r"[^@\s<>,;:\"()]{1,64}@[A-Za-z0-9][A-Za-z0-9.-]{0,252}")


def people(
    ctx: typer.Context,
    addresses: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE",
            help="Mail addresses, one a line; - reads from standard input. None: the whole team.",
        ),
    ] = None,
) -> None:
    """Print the people of the channel's team, or of mail addresses, as sections of the config.

    Where the config names a channel, and the app is in its team, Teams itself tells who is in it:
    object id, name and mail. Nothing has to be granted in Entra for that. Mail addresses choose
    some of them. A person who is not found gets a section that says where to find the object id;
    without a channel in the config, that is everybody.

    Append it to the config: sitrep teams people >> sitrep.toml
    """
    context: PluginContext = ctx.obj
    settings = context.settings(TeamsSettings)
    wanted = _addresses(addresses) if addresses is not None else None
    if wanted is None and not settings.channel:
        raise SetupFailed(
            "[adapters.teams] no channel is named, so there is no team to ask: set channel, or "
            "give mail addresses: sitrep teams people FILE"
        )
    members = asyncio.run(_members(context, settings)) if settings.channel else []
    found = members if wanted is None else _chosen(wanted, members)
    typer.echo(people_sections(found, ADAPTER, context.addressees), nl=False)


def _addresses(file: Path) -> list[str]:
    """Return the mail addresses of a file, one a line; what follows a # is a remark.

    Raises:
        SetupFailed: It cannot be read, or a line is no address.
    """
    try:
        # A named file's kind and size are looked at first, as everywhere.
        text = read_stream(sys.stdin.buffer, file) if str(file) == "-" else read_file(file)
    except (OSError, UnicodeDecodeError) as exc:
        raise SetupFailed(f"cannot read {file}: {exc}; name a UTF-8 text file") from exc
    lines = [line.partition("#")[0].strip() for line in text.splitlines()]
    for n, line in enumerate(lines, 1):
        if line and ADDRESS.fullmatch(line) is None:
            raise SetupFailed(f"{file}, line {n}: {line[:80]!r} is not a mail address")
    return list(dict.fromkeys(line for line in lines if line))


async def _members(context: PluginContext, settings: TeamsSettings) -> list[FoundPerson]:
    """Return the people of the channel's team.

    Raises:
        SetupFailed: Entra or Teams does not answer, or refuses.
    """
    try:
        async with http_client() as http:
            tokens = Tokens(settings, lambda: http, context.clock)
            connector = Connector(settings, lambda: http, tokens.get, tokens.forget, context.clock)
            members = await connector.roster(settings.service_url, settings.channel)
    except (TemporaryFailure, PermanentFailure) as exc:
        raise SetupFailed(
            f"the channel's team cannot be asked who is in it: {exc}. Is the app in the team? "
            "Mail addresses need no team: sitrep teams people FILE, without channel"
        ) from exc
    return [person for member in members if (person := _person(member)) is not None]


def _person(member: Json) -> FoundPerson | None:
    """Return a member of the roster; `None` if it has no id."""
    found = account(member)
    if found is None:
        return None
    known = found.object_id is not None and re.match(GUID, found.object_id) is not None
    mails = (text_at(member, key) for key in ("email", "userPrincipalName"))
    guest = "A guest in the team. " if text_at(member, "userRole") == "guest" else ""
    return FoundPerson(
        name=found.name,
        user=found.object_id if known else None,
        mail=next((mail for mail in mails if ADDRESS.fullmatch(mail)), None),
        remark=f"{guest}{'' if known else NOT_FOUND}".strip(),
    )


def _chosen(wanted: Sequence[str], members: Iterable[FoundPerson]) -> list[FoundPerson]:
    """Return the people of mail addresses: members of the team, or who is still to be found."""
    by_mail: Mapping[str, FoundPerson] = {
        member.mail.casefold(): member for member in members if member.mail
    }
    return [
        by_mail.get(mail.casefold())
        or FoundPerson(name=name_of_mail(mail), user=None, mail=mail, remark=NOT_FOUND)
        for mail in wanted
    ]
