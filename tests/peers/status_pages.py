"""Stand-ins for the status pages that cannot be run here; see `tests.peers.vendors`."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from tests.peers.vendors import TOKEN, Vendor


class Statuspage(Vendor):
    """Takes one call a second in life; newest updates first; an update for each new body."""

    name, described, creating = "statuspage", "statuspage", "/incidents"

    def __init__(self) -> None:
        super().__init__()
        self.components = {"c-checkout": "operational", "c-api": "operational"}

    def config(self) -> str:
        return (
            f'[plugins.statuspage]\npage = "p1"\nkey = {self.secret}\napi = "{self.url}"\n'
            "pace = 0\n"
            'components = { checkout = "c-checkout", api = "c-api" }\n'
        )

    def allows(self, request: web.Request) -> bool:
        return request.headers.get("Authorization") == f"OAuth {TOKEN}"

    def said(self, status: int) -> Any:
        return {"error": [f"played {status}"]} if status == 422 else {"error": f"played {status}"}

    def answer(self, method: str, path: str, query: Any, body: Any) -> tuple[int, Any]:
        parts = path.removeprefix("/pages/p1/").split("/")
        if parts == ["components"]:
            return 200, [
                {"id": key, "name": key, "status": s} for key, s in self.components.items()
            ]
        if parts == ["incidents"] and method == "GET":
            return 200, [self._shown(i) for i in reversed(self.issues)][: int(query["limit"])]
        if parts == ["incidents"]:
            incident = {
                "id": f"i{len(self.issues) + 1}",
                "shortlink": f"https://stspg.example.com/i{len(self.issues) + 1}",
                "incident_updates": [],
                "metadata": {},
            }
            self.issues.append(incident)
            self._change(incident, body["incident"])
            return 201, self._shown(incident)
        incident = next((i for i in self.issues if i["id"] == parts[1]), None)
        if incident is None:
            return 404, {"error": "Incident could not be found"}
        if len(parts) == 4:
            update = next(u for u in incident["incident_updates"] if u["id"] == parts[3])
            update.update(body["incident_update"])
            return 200, update
        if method == "PATCH":
            self._change(incident, body["incident"])
        return 200, self._shown(incident)

    def _change(self, incident: dict[str, Any], fields: dict[str, Any]) -> None:
        self.components |= fields.get("components", {})
        for key in ("name", "status", "metadata", "component_ids", "impact_override"):
            if key in fields:
                incident[key] = fields[key]
        if "body" in fields:
            update = {
                "id": f"u{len(incident['incident_updates']) + 1}-{incident['id']}",
                "status": incident["status"],
                "body": fields["body"],
                "deliver_notifications": fields["deliver_notifications"],
            }
            incident["incident_updates"].insert(0, update)

    def _shown(self, incident: dict[str, Any]) -> dict[str, Any]:
        concerned = incident.get("component_ids", ())
        components = [{"id": key, "status": self.components[key]} for key in concerned]
        return {**incident, "components": components}

    def updates(self, number: int = 0) -> list[tuple[str, str]]:
        """Return an incident's updates as readers see them, oldest first."""
        shown = reversed(self.issues[number]["incident_updates"])
        return [(update["status"], update["body"]) for update in shown]

    def health(self, component: str = "checkout") -> str:
        return self.components[f"c-{component}"]

    def close(self, number: int = 1, *, closed: bool = True) -> None:
        self.issues[number - 1]["status"] = "resolved" if closed else "investigating"


_STATES = {1: "investigating", 2: "identified", 3: "monitoring", 4: "resolved"}
_HEALTH = {1: "operational", 2: "degraded_performance", 3: "partial_outage", 4: "major_outage"}


class Cachet(Vendor):
    """JSON:API; the incident's message is its first update."""

    name, described, creating = "cachet", "cachet", "/incidents"

    def __init__(self) -> None:
        super().__init__()
        self.components = {3: 1, 4: 1}

    def config(self) -> str:
        return (
            f'[plugins.cachet]\nurl = "{self.url}"\ntoken = {self.secret}\n'
            "components = { checkout = 3, api = 4 }\n"
        )

    def allows(self, request: web.Request) -> bool:
        return request.headers.get("Authorization") == f"Bearer {TOKEN}"

    def said(self, status: int) -> Any:
        if status == 422:
            return {"message": "no", "errors": {"name": ["played 422"]}}
        return {"message": f"played {status}"}

    def answer(self, method: str, path: str, query: Any, body: Any) -> tuple[int, Any]:
        parts = path.removeprefix("/api/").split("/")
        if parts == ["components"]:
            named = [{"id": str(n), "attributes": {"name": f"n{n}"}} for n in self.components]
            return 200, {"data": named}
        if parts[0] == "components":
            self.components[int(parts[1])] = body["status"]
            return 200, {"data": {"id": parts[1]}}
        if parts == ["incidents"] and method == "GET":
            listed = self.issues[::-1] if query["sort"] == "-id" else self.issues
            return 200, {"data": listed[: int(query["per_page"])]}
        if parts == ["incidents"]:
            return 201, {"data": self._made(body)}
        incident = next((i for i in self.issues if i["id"] == parts[1]), None)
        if incident is None:
            return 404, {"message": "Not found"}
        if parts[2:] == ["updates"] and method == "GET":
            return 200, {"data": incident["updates"]}
        if parts[2:] == ["updates"]:
            update = {"id": str(100 + len(incident["updates"])), "attributes": {**body}}
            incident["updates"].append(update)
            return 201, {"data": update}
        if len(parts) == 4:
            update = next(u for u in incident["updates"] if u["id"] == parts[3])
            update["attributes"].update(body)
            return 200, {"data": update}
        if method == "PUT":
            incident["attributes"].update(body)
        return 200, {"data": incident}

    def _made(self, body: dict[str, Any]) -> dict[str, Any]:
        number = str(len(self.issues) + 1)
        incident = {
            "id": number,
            "attributes": {
                **{key: body[key] for key in ("name", "message", "visible")},
                "status": {"human": "…", "value": body["status"]},
                "guid": f"guid-{number}",
            },
            "updates": [],
        }
        for component in body["components"]:
            self.components[component["id"]] = component["status"]
        self.issues.append(incident)
        return incident

    def updates(self, number: int = 0) -> list[tuple[str, str]]:
        """Return an incident's updates as readers see them, oldest first."""
        incident = self.issues[number]
        first = incident["attributes"]
        text = first["message"].partition("\n\n<!--")[0]
        rest = [
            (u["attributes"]["status"], u["attributes"]["message"]) for u in incident["updates"]
        ]
        return [(_STATES[state], said) for state, said in [(first["status"]["value"], text), *rest]]

    def health(self, component: str = "checkout") -> str:
        return _HEALTH[self.components[{"checkout": 3, "api": 4}[component]]]

    def close(self, number: int = 1, *, closed: bool = True) -> None:
        self.issues[number - 1]["attributes"]["status"]["value"] = 4 if closed else 1


PAGES = (Statuspage, Cachet)
