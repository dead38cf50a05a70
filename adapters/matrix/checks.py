"""The checks of `sitrep check`, and the permissions that the bot needs in a room."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.matrix import cross_signing
from adapters.matrix.config import MatrixSettings
from adapters.matrix.homeserver import V3, Homeserver, HomeserverRefused
from adapters.matrix.power_levels import PowerLevels
from adapters.matrix.rooms import Rooms
from adapters.matrix.session import Keep
from bot.contract import Finding, SetupFailed, TemporaryFailure


@dataclass(frozen=True, slots=True)
class Need:
    """A permission that the bot needs in a room."""

    what: str
    """The action it allows, as a verb."""
    event: str
    """The type of the event that it allows to send."""
    state: bool = True
    """True if that is a state event."""

    def may(self, powers: PowerLevels, user: str) -> bool:
        """Return whether a user has the permission."""
        return powers.may(user, self.event, state=self.state)

    def level(self, powers: PowerLevels) -> float:
        """Return the power level that gives it."""
        return powers.needed(self.event, state=self.state)


NEEDED = (
    Need("speak", "m.room.message", state=False),
    Need("react", "m.reaction", state=False),
    Need("pin", "m.room.pinned_events"),
    Need("set the topic", "m.room.topic"),
)

OVERRIDE = "/_synapse/admin/v1/users/{user}/override_ratelimit"


async def check(
    settings: MatrixSettings, keep: Keep, server: Homeserver, rooms: Rooms
) -> list[Finding]:
    """Return what keeps the bot from working. Changes nothing."""
    try:
        await server.call("GET", "/_matrix/client/versions")
    except (TemporaryFailure, HomeserverRefused) as exc:
        return [Finding(f"{settings.homeserver} cannot be reached ({exc}); is `homeserver` right?")]
    try:
        session = keep.session()
    except SetupFailed as exc:
        return [Finding(str(exc))]
    server.token = session.access_token
    try:
        who = await server.call("GET", f"{V3}/account/whoami")
    except (TemporaryFailure, HomeserverRefused) as exc:
        return [Finding(f"the login is not valid ({exc}); run: sitrep matrix login")]
    if (who.get("user_id"), who.get("device_id")) != (settings.user, session.device_id):
        return [
            Finding(
                f"the login is {who.get('user_id')}'s, device {who.get('device_id')}, not "
                f"{settings.user}'s, device {session.device_id}; run: sitrep matrix login"
            )
        ]
    return [
        *await _device(settings, keep, server, session.device_id),
        *await _limits(settings, server),
        *await _permissions(settings, server, rooms),
    ]


async def _device(
    settings: MatrixSettings, keep: Keep, server: Homeserver, device: str
) -> list[Finding]:
    again = "run: sitrep matrix login"
    found = await cross_signing.query(server, settings.user)
    keys = found.get("device_keys", {}).get(settings.user, {})
    if device not in keys:
        return [Finding(f"the device {device} has no keys on the homeserver; {again}")]
    seeds = cross_signing.Seeds.load(keep.seeds)
    there = cross_signing.public_key(found, "master_keys", settings.user)
    if there is None:
        return [Finding(f"the account has no cross-signing keys; {again}")]
    if seeds is None or seeds.master.public != there:
        return [Finding(f"the account's cross-signing keys are not the kept ones; {again}")]
    if device in cross_signing.unsigned_devices(found, settings.user):
        return [
            Finding(
                f"the device {device} is not signed: clients that exclude such devices show nothing"
                f" of it; {again}"
            )
        ]
    return []


async def _limits(settings: MatrixSettings, server: Homeserver) -> list[Finding]:
    how = "sitrep matrix unlimit"
    if settings.admin_token is None:
        return [
            Finding(
                "whether the homeserver limits the bot's rate only an administrator can see; once, "
                f"with an administrator's token: {how}",
                fault=False,
            )
        ]
    path = OVERRIDE.format(user=settings.user)
    try:
        found = await server.call("GET", path, token=settings.admin_token.get_secret_value())
    except (HomeserverRefused, TemporaryFailure) as exc:
        return [Finding(f"admin_token cannot read the rate limit ({exc})", fault=False)]
    if found.get("messages_per_second") == 0 and found.get("burst_count") == 0:
        return []
    return [Finding(f"the homeserver limits the bot to a message per 5 s after ten; {how}")]


async def _permissions(settings: MatrixSettings, server: Homeserver, rooms: Rooms) -> list[Finding]:
    try:
        name = settings.triage or rooms.alias("triage")
        room = name if name.startswith("!") else await server.resolve(name)
        if room is None:
            if settings.triage:
                return [Finding(f"there is no room {name}; correct `triage`")]
            return [Finding(f"the triage room {name} is made at the first start", fault=False)]
        powers = await rooms.power_levels(room)
    except HomeserverRefused as exc:
        return [Finding(f"Sitrep is not in {name} ({exc}); invite {settings.user}")]
    except TemporaryFailure as exc:
        return [Finding(f"{name} cannot be read: {exc}")]
    needed = NEEDED if settings.layout == "rooms" else NEEDED[:3]
    return [
        Finding(
            f"Sitrep may not {each.what} in {name}: give {settings.user} power level "
            f"{each.level(powers):.0f}"
        )
        for each in needed
        if not each.may(powers, settings.user)
    ]
