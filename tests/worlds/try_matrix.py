"""`make try-matrix`: a homeserver on this machine, two users, and Sitrep in it. Ctrl-C ends all."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from tests.peers.machine import Missing
from tests.peers.synapse import SERVER, Synapse

BIN = Path(sys.executable).parent

CONFIG = """
[people.ann]
users = {{ matrix = "@ann:{server}" }}
[people.ben]
commander = true
users = {{ matrix = "@ben:{server}" }}
[services.checkout]
comms = "ann"
on_call = ["ben"]
[paging]
last = ["ben"]
[adapters.matrix]
homeserver = "{url}"
user = "@sitrep:{server}"
pickle_key = {{ env = "SITREP_PICKLE_KEY" }}
"""

SAID = """
Sitrep runs on a homeserver of its own. Log in with any Matrix client on this machine:

    homeserver   {url}
    users        @ann:{server} and @ben:{server}
    password     sitrep

Accept the invitations to “Triage” and “Incidents”, and type in Triage:

    !inc declare Checkout answers 500 for everyone service:checkout

Ben is asked to take command in a direct message; 1️⃣ there accepts. Both can be logged in at once, in
two browsers or clients. Nothing leaves this machine, and nothing is kept.

The log is {log}. Ctrl-C ends everything.
"""


def main() -> int:
    stop = threading.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda *_: stop.set())
    print("Starting a homeserver ...", flush=True)
    try:
        hs = Synapse().start()
    except Missing as exc:
        sys.exit(f"{exc}. It needs the Python package index, and no root.")
    with tempfile.TemporaryDirectory(prefix="try-matrix-") as folder:
        try:
            return _run(hs, Path(folder), stop)
        finally:
            hs.stop()
            print("Ended.")


def _run(hs: Synapse, folder: Path, stop: threading.Event) -> int:
    for name in ("ann", "ben", "sitrep"):
        hs.register(name, "sitrep")
    config = folder / "sitrep.toml"
    config.write_text(CONFIG.format(url=hs.url, server=SERVER))
    environ = {
        **os.environ,
        "SITREP_CONFIG": str(config),
        "SITREP_HOME": str(folder / "home"),
        "SITREP_PICKLE_KEY": secrets.token_hex(),
    }
    login = [BIN / "sitrep", "matrix", "login", "--stdin"]
    subprocess.run(
        login, input="sitrep\n", text=True, env=environ, check=True, stdout=subprocess.DEVNULL
    )
    log = folder / "sitrep.log"
    with log.open("wb") as out:
        bot = subprocess.Popen(
            [BIN / "sitrep", "run"], env=environ, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            start_new_session=True,
        )  # fmt: skip
    print(SAID.format(url=hs.url, server=SERVER, log=log), flush=True)
    try:
        while not stop.wait(0.2):
            if bot.poll() is not None:
                print(f"Sitrep ended by itself ({bot.returncode}):\n{log.read_text()}")
                return 1
    finally:
        bot.terminate()
        bot.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
