"""Statuspage's API, as far as incidents need it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from bot.contract import (
    ExternalRef,
    Finding,
    PermanentFailure,
    PluginContext,
    PublicState,
    RateLimited,
    Secret,
    StatusNotice,
    StatusUpdate,
    TemporaryFailure,
    WebAddress,
)
from bot.plugin_kit.http_api import Api, ApiRefused
from bot.plugin_kit.page_updates import (
    COMMON_HEALTH,
    COMMON_IMPACT,
    Theirs,
    matched,
    note,
    note_begun,
    recalled,
)

AT_ONCE = 12
"""How many calls one delivery makes: at one a second, more would exceed its time limit."""

STATES = {state.value: state.value for state in PublicState}


class StatuspageSettings(BaseModel):
    """`[plugins.statuspage]`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    page: str = Field(pattern=r"^\w+$", examples=["abcdefghijkl"])
    key: Secret
    components: dict[str, str] = Field(default_factory=dict)
    notify: bool = True
    pace: float = Field(default=1.05, ge=0, le=60)
    """The seconds between two calls: Statuspage takes one a second."""
    api: WebAddress = "https://api.statuspage.io/v1"


def _faults(answer: Any) -> str:  # noqa: ANN401 - JSON
    said = answer.get("error") or answer.get("message")
    return "; ".join(map(str, said)) if isinstance(said, list) else str(said)


class Statuspage:
    """The incidents of one page."""

    def __init__(self, context: PluginContext, settings: StatuspageSettings) -> None:
        """Make no request yet."""
        self._context, self._settings = context, settings
        headers = {"Authorization": f"OAuth {settings.key}", "User-Agent": "sitrep"}
        self._api = Api("Statuspage", settings.api, headers, lambda: context.http, faults=_faults)
        self._page = f"/pages/{settings.page}"
        self._calls = 0

    async def publish(
        self, notice: StatusNotice, ref: ExternalRef | None, *, key: str
    ) -> ExternalRef:
        """Bring the incident up to date, with all its updates, in order."""
        del key  # Statuspage takes no keys: it is asked what it has
        self._calls = 0
        memory = self._context.memory
        incident = await self._found(notice, ref)
        first = incident is None
        if incident is None:
            await note_begun(memory, notice.incident, notice.updates[0].n, ())
            incident = await self._created(notice)
        theirs = [_theirs(each) for each in reversed(incident["incident_updates"])]
        found = matched(notice, STATES, theirs, await recalled(memory, notice.incident))
        for update in notice.updates:
            there = found.get(update.n)
            if there is None:
                shown = (*theirs, *found.values())
                await note_begun(memory, notice.incident, update.n, shown)
                incident = await self._added(notice, incident, update)
                found[update.n] = _theirs(incident["incident_updates"][0])
            elif there.text != update.text:
                path = f"{self._incident(incident)}/incident_updates/{there.id}"
                await self._ask("PATCH", path, {"incident_update": {"body": update.text}})
            await note(memory, notice.incident, found)
        if not first:
            await self._put_right(notice, incident)
        return ExternalRef(self._context.name, incident["id"], incident.get("shortlink"))

    async def _found(self, notice: StatusNotice, ref: ExternalRef | None) -> dict[str, Any] | None:
        """Return the incident on the page, found by its id or by the mark of an earlier try."""
        if ref is not None:
            try:
                found: dict[str, Any] = await self._ask("GET", f"{self._page}/incidents/{ref.id}")
            except ApiRefused as exc:
                if exc.status != 404:
                    raise
            else:
                return found
        listed = await self._ask("GET", f"{self._page}/incidents", params={"limit": "100"})
        return next((each for each in listed if _mark(each) == notice.incident), None)

    async def _created(self, notice: StatusNotice) -> dict[str, Any]:
        first = notice.updates[0]
        made: dict[str, Any] = await self._ask(
            "POST",
            f"{self._page}/incidents",
            {
                "incident": {
                    "name": notice.title,
                    "status": first.state.value,
                    "body": first.text,
                    "impact_override": COMMON_IMPACT[first.health],
                    "component_ids": list(self._components(notice)),
                    "components": self._components(notice),
                    "deliver_notifications": self._notifies(notice, first),
                    "metadata": {"sitrep": {"id": notice.incident}},
                }
            },
        )
        return made

    async def _added(
        self, notice: StatusNotice, incident: Mapping[str, Any], update: StatusUpdate
    ) -> dict[str, Any]:
        changed: dict[str, Any] = await self._ask(
            "PATCH",
            self._incident(incident),
            {
                "incident": {
                    "name": notice.title,
                    "status": update.state.value,
                    "body": update.text,
                    "component_ids": list(self._components(notice)),
                    "components": self._components(notice),
                    "deliver_notifications": self._notifies(notice, update),
                }
            },
        )
        return changed

    async def _put_right(self, notice: StatusNotice, incident: Mapping[str, Any]) -> None:
        """Correct what no update carried: the title, or components that another incident held."""
        wanted, there = self._components(notice), _health(incident)
        wrong = {k: v for k, v in wanted.items() if k in there and there[k] != v}
        changes: dict[str, Any] = {"components": wrong} if wrong else {}
        if incident["name"] != notice.title:
            changes["name"] = notice.title
        if changes:
            await self._ask("PATCH", self._incident(incident), {"incident": changes})

    def _notifies(self, notice: StatusNotice, update: StatusUpdate) -> bool:
        """Return whether readers are notified: of several late updates, only about the last."""
        return self._settings.notify and update is notice.updates[-1]

    def _components(self, notice: StatusNotice) -> dict[str, str]:
        return {
            self._settings.components[name]: COMMON_HEALTH[state]
            for name, state in notice.components.items()
            if name in self._settings.components
        }

    def _incident(self, incident: Mapping[str, Any]) -> str:
        return f"{self._page}/incidents/{incident['id']}"

    async def _ask(
        self,
        method: str,
        path: str,
        body: object = None,
        params: Mapping[str, str] | None = None,
    ) -> Any:  # noqa: ANN401 - whatever JSON holds
        self._calls += 1
        if self._calls > AT_ONCE:
            raise RateLimited("Statuspage takes the rest in a second", timedelta(seconds=1))
        if self._calls > 1 and self._settings.pace:
            await self._context.clock.sleep(timedelta(seconds=self._settings.pace))
        return await self._api.ask(method, path, params=params, body=body)

    async def check(self) -> Sequence[Finding]:
        """Check that the key may read the page, and that the components are on it."""
        try:
            there = await self._api.ask("GET", f"{self._page}/components")
        except (PermanentFailure, TemporaryFailure) as exc:
            return [Finding(f"{exc}; see page and key")]
        ids = {each["id"]: each["name"] for each in there}
        known = ", ".join(f"{name} is {key}" for key, name in ids.items()) or "none"
        return [
            Finding(f"components.{name}: the page has no {key}; there is: {known}")
            for name, key in self._settings.components.items()
            if key not in ids
        ]


def _theirs(update: Mapping[str, Any]) -> Theirs:
    return Theirs(id=update["id"], state=update["status"], text=update["body"])


def _mark(incident: Mapping[str, Any]) -> str | None:
    mark = (incident.get("metadata") or {}).get("sitrep")
    return mark.get("id") if isinstance(mark, dict) else None


def _health(incident: Mapping[str, Any]) -> dict[str, str]:
    return {each["id"]: each["status"] for each in incident.get("components") or ()}
