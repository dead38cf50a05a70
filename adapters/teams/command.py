"""`sitrep teams …`: the app package that an administrator installs."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import typer

from adapters.teams.config import TeamsSettings
from bot.contract import CommandHint, PluginContext, SetupFailed
from bot.plugin_kit.files import open_own

SCHEMA = "1.24"

MENU = ("declare", "status", "update", "nochange", "join", "who", "timeline", "list", "help")
"""The verbs in the command menu, most needed first; Teams takes a dozen."""

commands = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Set up the app in Teams. Begin with: sitrep teams manifest",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@commands.callback()
def teams() -> None:
    """Set up the app in Teams. Begin with: sitrep teams manifest."""


@commands.command()
def manifest(  # noqa: PLR0913 - its options
    ctx: typer.Context,
    out: Annotated[Path, typer.Option("--out", "-o", help="Where the package is written.")] = Path(
        "sitrep-teams.zip"
    ),
    name: Annotated[str, typer.Option(help="What the bot is called in Teams.")] = "Sitrep",
    website: Annotated[
        str, typer.Option(help="Your page about it; Teams wants one.")
    ] = "https://example.com",
    version: Annotated[
        str, typer.Option(help="Raise it whenever you upload the package again.")
    ] = "1.0.0",
    mentions_only: Annotated[
        bool,
        typer.Option(
            "--mentions-only",
            help="Ask for no consent to hear channels and chats: mentions alone are heard.",
        ),
    ] = False,
) -> None:
    """Write the package to upload in Teams: manifest, icons, commands, permissions."""
    context: PluginContext = ctx.obj
    settings = context.settings(TeamsSettings)
    try:
        written = manifest_of(
            settings,
            context.commands,
            name=name,
            website=website,
            version=version,
            hears=not mentions_only,
        )
        write(out, written)
    except OSError as exc:
        raise SetupFailed(f"cannot write {out}: {exc.strerror or exc}") from exc
    typer.echo(f"Written: {out}")
    for permission in (
        written.get("authorization", {}).get("permissions", {}).get("resourceSpecific", ())
    ):
        typer.echo(f"It asks for {permission['name']}: {WHY[permission['name']]}")
    typer.echo("Next: upload it in the Teams admin center, under Teams apps, Manage apps.")


def write(out: Path, written: dict[str, Any]) -> None:
    """Write a package."""
    icons = files("adapters.teams").joinpath("icons")
    with (
        os.fdopen(open_own(out, os.O_RDWR | os.O_TRUNC), "w+b") as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as package,
    ):
        package.writestr("manifest.json", json.dumps(written, indent=2, ensure_ascii=False))
        for icon in ("color.png", "outline.png"):
            package.writestr(icon, icons.joinpath(icon).read_bytes())


WHY = {
    "ChannelMessage.Read.Group": "to hear `!inc …` in the team's channels without a mention",
    "ChatMessage.Read.Chat": "to hear `!inc …` in group chats without a mention",
    "Channel.Create.Group": 'to make a channel for each incident (layout = "channels")',
}
"""The permissions, and why. A team's or chat's owner grants them when adding the app."""


def manifest_of(  # noqa: PLR0913 - what a manifest says
    settings: TeamsSettings,
    verbs: Sequence[CommandHint],
    *,
    name: str,
    website: str,
    version: str,
    hears: bool,
) -> dict[str, Any]:
    """Return the manifest."""
    by_name = {verb.name: verb for verb in verbs}
    menu = [
        {"title": verb.name, "description": verb.says[:128]}
        for verb in (by_name[n] for n in MENU if n in by_name)
    ]
    asked = ["ChannelMessage.Read.Group", "ChatMessage.Read.Chat"] if hears else []
    asked += ["Channel.Create.Group"] if settings.layout == "channels" else []
    scopes = ["team", "personal", "groupChat"]
    found: dict[str, Any] = {
        "$schema": f"https://developer.microsoft.com/json-schemas/teams/v{SCHEMA}"
        "/MicrosoftTeams.schema.json",
        "manifestVersion": SCHEMA,
        "version": version,
        "id": settings.app_id,
        "developer": {
            "name": name[:32],
            "websiteUrl": website,
            "privacyUrl": website,
            "termsOfUseUrl": website,
        },
        "name": {"short": name[:30], "full": f"{name} incident response"[:100]},
        "description": {
            "short": "Runs incidents: one commander, update clocks, a timeline.",
            "full": "Declare an incident with its impact, and Sitrep runs it where you talk: one "
            "incident commander, updates that come when they were promised, a timeline that "
            "writes itself. Type `declare` and what is broken.",
        },
        "icons": {"color": "color.png", "outline": "outline.png"},
        "accentColor": "#0F2F4F",
        "bots": [
            {
                "botId": settings.app_id,
                "scopes": scopes,
                "supportsFiles": False,
                "isNotificationOnly": False,
                "commandLists": [{"scopes": scopes, "commands": menu}],
            }
        ],
        "composeExtensions": [
            {
                "botId": settings.app_id,
                "commands": [
                    {
                        "id": "timeline",
                        "type": "action",
                        "context": ["message"],
                        "title": "Add to timeline",
                        "description": "Puts this message on the incident's timeline, with its "
                        "own time.",
                        "fetchTask": True,
                    }
                ],
            }
        ],
    }
    if asked:
        found["webApplicationInfo"] = {"id": settings.app_id}
        found["authorization"] = {
            "permissions": {
                "resourceSpecific": [{"name": each, "type": "Application"} for each in asked]
            }
        }
    return found
