"""Cachet's API, as far as incidents need it. Its first update is the incident's own message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from bot.contract import (
    ComponentState,
    ExternalRef,
    Finding,
    PermanentFailure,
    PluginContext,
    PublicState,
    Secret,
    StatusNotice,
    TemporaryFailure,
    WebAddress,
)
from bot.plugin_kit.http_api import Api, ApiRefused
from bot.plugin_kit.page_updates import Theirs, matched, note, note_begun, recalled

LONGEST_NAME = 255
FIRST = "message"
"""The id that stands for the incident's own message, which has none."""

STATES = {
    PublicState.INVESTIGATING.value: "1",
    PublicState.IDENTIFIED.value: "2",
    PublicState.MONITORING.value: "3",
    PublicState.RESOLVED.value: "4",
}
HEALTH: Mapping[ComponentState, int] = {
    ComponentState.OPERATIONAL: 1,
    ComponentState.DEGRADED: 2,
    ComponentState.PARTIAL: 3,
    ComponentState.MAJOR: 4,
}


class CachetSettings(BaseModel):
    """`[plugins.cachet]`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: WebAddress
    token: Secret
    components: dict[str, int] = Field(default_factory=dict)
    notify: bool = True


def _faults(answer: Any) -> str:  # noqa: ANN401 - JSON
    fields = answer.get("errors") or {}
    return "; ".join(text for texts in fields.values() for text in texts) or str(answer["message"])


class Cachet:
    """The incidents of a Cachet server."""

    def __init__(self, context: PluginContext, settings: CachetSettings) -> None:
        """Make no request yet."""
        self._context, self._settings = context, settings
        headers = {
            "Authorization": f"Bearer {settings.token}",
            "Accept": "application/json",
            "User-Agent": "sitrep",
        }
        base = f"{settings.url.rstrip('/')}/api"
        self._api = Api("Cachet", base, headers, lambda: context.http, faults=_faults)

    async def publish(
        self, notice: StatusNotice, ref: ExternalRef | None, *, key: str
    ) -> ExternalRef:
        """Bring the incident and its components up to date, with all its updates, in order."""
        del key  # Cachet takes no keys: it is asked what it has
        memory = self._context.memory
        incident = await self._found(notice, ref) or await self._created(notice)
        number = incident["id"]
        theirs = [_first(incident), *await self._updates(number)]
        noted = await recalled(memory, notice.incident)
        noted = replace(noted, ids={notice.updates[0].n: FIRST, **noted.ids})
        found = matched(notice, STATES, theirs, noted)
        for update in notice.updates:
            there = found.get(update.n)
            if there is None:
                shown = (*theirs, *found.values())
                await note_begun(memory, notice.incident, update.n, shown)
                body = {"status": int(STATES[update.state.value]), "message": update.text}
                made = await self._api.ask("POST", f"/incidents/{number}/updates", body=body)
                found[update.n] = _theirs(made["data"])
            elif there.text != update.text and there.id == FIRST:
                body = {"message": _marked(update.text, notice.incident)}
                await self._api.ask("PUT", f"/incidents/{number}", body=body)
            elif there.text != update.text:
                path = f"/incidents/{number}/updates/{there.id}"
                await self._api.ask("PUT", path, body={"message": update.text})
            await note(memory, notice.incident, found)
        if incident["attributes"]["name"] != self._name(notice):
            await self._api.ask("PUT", f"/incidents/{number}", body={"name": self._name(notice)})
        for component, state in self._components(notice).items():
            await self._api.ask("PUT", f"/components/{component}", body={"status": state})
        url = f"{self._settings.url.rstrip('/')}/incidents/{incident['attributes']['guid']}"
        return ExternalRef(self._context.name, str(number), url)

    async def _found(self, notice: StatusNotice, ref: ExternalRef | None) -> dict[str, Any] | None:
        """Return the incident on the page, found by its id or by the mark of an earlier try."""
        if ref is not None:
            try:
                found: dict[str, Any] = (await self._api.ask("GET", f"/incidents/{ref.id}"))["data"]
            except ApiRefused as exc:
                if exc.status != 404:
                    raise
            else:
                return found
        newest = {"sort": "-id", "per_page": "50"}
        listed = (await self._api.ask("GET", "/incidents", params=newest))["data"]
        mark = _marked("", notice.incident)
        return next((e for e in listed if str(_message(e)).endswith(mark)), None)

    async def _created(self, notice: StatusNotice) -> dict[str, Any]:
        first = notice.updates[0]
        body = {
            "name": self._name(notice),
            "status": int(STATES[first.state.value]),
            "message": _marked(first.text, notice.incident),
            "visible": True,
            "stickied": False,
            "notifications": self._settings.notify,
            "occurred_at": f"{first.at:%Y-%m-%d %H:%M:%S}",
            "components": [
                {"id": component, "status": state}
                for component, state in self._components(notice).items()
            ],
        }
        made: dict[str, Any] = (await self._api.ask("POST", "/incidents", body=body))["data"]
        return made

    async def _updates(self, number: str) -> list[Theirs]:
        listed = await self._api.ask(
            "GET", f"/incidents/{number}/updates", params={"sort": "id", "per_page": "1000"}
        )
        return [_theirs(each) for each in listed["data"]]

    def _name(self, notice: StatusNotice) -> str:
        name = notice.title
        return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"

    def _components(self, notice: StatusNotice) -> dict[int, int]:
        return {
            self._settings.components[name]: HEALTH[state]
            for name, state in notice.components.items()
            if name in self._settings.components
        }

    async def check(self) -> Sequence[Finding]:
        """Check that the components exist; whether the token may write only shows on writing."""
        try:
            listed = await self._api.ask("GET", "/components", params={"per_page": "1000"})
        except (PermanentFailure, TemporaryFailure) as exc:
            return [Finding(f"{exc}; see url and token")]
        there = {int(each["id"]): each["attributes"]["name"] for each in listed["data"]}
        known = ", ".join(f"{name} is {key}" for key, name in there.items()) or "none"
        return [
            Finding(f"components.{name}: Cachet has no {key}; there is: {known}")
            for name, key in self._settings.components.items()
            if key not in there
        ]


def _marked(text: str, incident: str) -> str:
    return f"{text}\n\n<!-- sitrep:{incident} -->"


def _message(incident: Mapping[str, Any]) -> str | None:
    message = incident["attributes"].get("message")
    return message.get("raw") if isinstance(message, dict) else message


def _status(attributes: Mapping[str, Any]) -> str:
    status = attributes["status"]
    return str(status["value"] if isinstance(status, dict) else status)


def _first(incident: Mapping[str, Any]) -> Theirs:
    text = str(_message(incident) or "").partition("\n\n<!-- sitrep:")[0]
    return Theirs(id=FIRST, state=_status(incident["attributes"]), text=text)


def _theirs(update: Mapping[str, Any]) -> Theirs:
    attributes = update["attributes"]
    text = attributes["message"]
    return Theirs(
        id=str(update["id"]),
        state=_status(attributes),
        text=str(text.get("raw") if isinstance(text, dict) else text),
    )
