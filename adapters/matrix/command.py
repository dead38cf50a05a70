"""`sitrep matrix …`: what the person who runs the bot does once."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import typer

from adapters.matrix import cross_signing
from adapters.matrix import crypto as cr
from adapters.matrix.checks import OVERRIDE
from adapters.matrix.config import MatrixSettings
from adapters.matrix.homeserver import V3, Homeserver, HomeserverRefused
from adapters.matrix.inbound import ADAPTER, local
from adapters.matrix.session import Keep, Session
from bot.contract import PluginContext, SetupFailed, TemporaryFailure
from bot.plugin_kit.files import LONGEST_SECRET
from bot.plugin_kit.network import http_client
from bot.plugin_kit.people import FoundPerson, people_sections

commands = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Set up the Matrix account. Begin with: sitrep matrix login",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@commands.command()
def login(
    ctx: typer.Context,
    token: Annotated[
        bool,
        typer.Option("--token", help="Take over an access token, where there are no passwords."),
    ] = False,
    stdin: Annotated[
        bool, typer.Option("--stdin", help="Read the password or token from standard input.")
    ] = False,
) -> None:
    """Log in once, as a device of its own, and let the account's keys sign it.

    The login is kept in the home folder, for its owner's eyes only. Where the folder is a backup
    (`sitrep backup`), the keys in it are read in.
    """
    context: PluginContext = ctx.obj
    settings = context.settings(MatrixSettings)
    what = "Access token" if token else "Password"
    secret = (
        sys.stdin.readline(LONGEST_SECRET).rstrip("\n")
        if stdin
        else typer.prompt(f"{what} of {settings.user}", hide_input=True)
    )
    for line in asyncio.run(_login(settings, Keep(context.home), secret, is_token=token)):
        typer.echo(line)


async def _login(settings: MatrixSettings, keep: Keep, secret: str, *, is_token: bool) -> list[str]:
    keep.make()
    keep.hold()  # not under a bot that runs
    async with http_client() as http:
        server = Homeserver(settings.homeserver, lambda: http)
        try:
            session = await (_adopted if is_token else _password)(settings, server, secret)
        except HomeserverRefused as exc:
            raise SetupFailed(f"not logged in as {settings.user}: {exc}") from exc
        except TemporaryFailure as exc:
            raise SetupFailed(f"not logged in as {settings.user}: {exc}") from exc
        if session.user_id != settings.user:
            raise SetupFailed(
                f"that is {session.user_id}; write it as `user`, or log in as {settings.user}"
            )
        keep.store_session(session)
        keep.forget_token()
        server.token = session.access_token
        said = [f"Logged in as {session.user_id}, device {session.device_id}."]
        pickle_key = settings.pickle_key.get_secret_value()
        client = cr.client(settings.homeserver, session, keep, pickle_key)
        try:
            if client.should_upload_keys:
                await client.keys_upload()
            password = None if is_token else secret
            await cross_signing.ensure(server, session, cr.machine(client), keep.seeds, password)
            said.append("The device is signed: clients show its messages without a warning.")
            if keep.keys.exists():
                await client.import_keys(str(keep.keys), pickle_key)
                said.append(f"The keys of {keep.keys} are read in.")
        except (cross_signing.NotOurs, HomeserverRefused) as exc:
            said.append(
                f"The device is not signed ({exc}). Clients that exclude unsigned devices will show"
                " nothing of it: log in with the password once."
            )
        finally:
            await cr.closed(client)
            keep.let_go()
    return [*said, "Next: sitrep check, then sitrep run"]


async def _password(settings: MatrixSettings, server: Homeserver, password: str) -> Session:
    found = await server.call(
        "POST",
        f"{V3}/login",
        {
            "type": "m.login.password",
            "identifier": {"type": "m.id.user", "user": settings.user},
            "password": password,
            "initial_device_display_name": "Sitrep",
        },
    )
    return Session(
        user_id=found["user_id"],
        device_id=found["device_id"],
        access_token=found["access_token"],
    )


async def _adopted(settings: MatrixSettings, server: Homeserver, token: str) -> Session:
    del settings
    found = await server.call("GET", f"{V3}/account/whoami", token=token)
    if not found.get("device_id"):
        raise SetupFailed("the token has no device, so it cannot encrypt; make one by logging in")
    return Session(user_id=found["user_id"], device_id=found["device_id"], access_token=token)


@commands.command()
def unlimit(ctx: typer.Context) -> None:
    """Let the homeserver take the bot's messages at any rate; needs an administrator's token.

    Synapse takes ten messages at once and then one per five seconds: an incident needs more. The
    token is `admin_token` of the config, or asked for; it is not kept.
    """
    context: PluginContext = ctx.obj
    settings = context.settings(MatrixSettings)
    given = settings.admin_token
    token = (
        given.get_secret_value()
        if given is not None
        else typer.prompt("Access token of an administrator of the homeserver", hide_input=True)
    )
    asyncio.run(_unlimit(settings, token))
    typer.echo(f"{settings.user} may send at any rate now.")


async def _unlimit(settings: MatrixSettings, token: str) -> None:
    async with http_client() as http:
        server = Homeserver(settings.homeserver, lambda: http)
        path = OVERRIDE.format(user=settings.user)
        try:
            body = {"messages_per_second": 0, "burst_count": 0}
            await server.call("POST", path, body, token=token)
        except (HomeserverRefused, TemporaryFailure) as exc:
            raise SetupFailed(
                f"the limit stands ({exc}); it takes an administrator's token, and Synapse"
            ) from exc


@commands.command()
def people(
    ctx: typer.Context,
    room: Annotated[
        str,
        typer.Argument(
            metavar="ROOM",
            help="Its alias or id, in quotes: '#ops:example.org', '!abc:example.org'.",
        ),
    ],
) -> None:
    """Print everybody who has joined a room as sections of people for the config.

    The bot itself is left out, and who is in the config already is only named. The bot must be in
    the room, and may run meanwhile.

    Append it to the config: sitrep matrix people '#ops:example.org' >> sitrep.toml
    """
    context: PluginContext = ctx.obj
    settings = context.settings(MatrixSettings)
    found = asyncio.run(_people(settings, Keep(context.home).session(), room))
    typer.echo(people_sections(found, ADAPTER, context.addressees), nl=False)


async def _people(settings: MatrixSettings, session: Session, room: str) -> list[FoundPerson]:
    if not room.startswith(("#", "!")):
        raise SetupFailed(f"{room!r} is not a room; write its alias or id: '#ops:example.org'")
    async with http_client() as http:
        server = Homeserver(settings.homeserver, lambda: http, session.access_token)
        try:
            name = room if room.startswith("!") else await server.resolve(room)
            if name is None:
                raise SetupFailed(f"there is no room {room}; is its alias right?")
            joined = await server.joined(name)
        except HomeserverRefused as exc:
            raise SetupFailed(
                f"Sitrep may not see who is in {room} ({exc}); invite {settings.user}"
            ) from exc
        except TemporaryFailure as exc:
            raise SetupFailed(f"{room} cannot be read: {exc}") from exc
    return [
        FoundPerson(name=name or local(user), user=user)
        for user, name in joined.items()
        if user != session.user_id
    ]
