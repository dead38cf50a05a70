"""A folder of files that a plugin writes, each atomically, with a commit if it is a repository."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from bot.contract.context import Finding
from bot.contract.errors import TemporaryFailure
from bot.files import refuse_link, replace_own
from bot.network import of_git


class Folder:
    """A folder that one plugin writes.

    `git` says whether to commit; `None`: if the folder is a repository. `push` pushes each commit.
    """

    def __init__(self, path: Path, *, git: bool | None, push: bool) -> None:
        """Write nothing yet."""
        self.path, self._git_wanted, self._push = path, git, push
        self._one_at_a_time = asyncio.Lock()

    async def write(self, what: Callable[[], None], said: str) -> None:
        """Run `what`, which writes files, in a thread; commit with the message `said`.

        Raises:
            TemporaryFailure: The folder cannot be written, or git refuses.
        """
        async with self._one_at_a_time:
            try:
                self.path.mkdir(parents=True, exist_ok=True)
                await asyncio.to_thread(what)
            except OSError as exc:
                where = exc.filename or self.path
                raise TemporaryFailure(f"cannot write to {where}: {exc.strerror}") from exc
            if self._is_repository():
                await self._commit(said)

    def put(self, name: str, content: str | bytes) -> None:
        """Write a file atomically; leave it alone if its content is the same.

        It is made for others to read, as far as the umask lets it: a web server serves it.
        """
        path = self.path / name
        raw = content.encode() if isinstance(content, str) else content
        refuse_link(path)
        if path.is_file() and path.read_bytes() == raw:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_own(path, raw, shared=True)

    def _is_repository(self) -> bool:
        there = (self.path / ".git").exists()
        return there if self._git_wanted is None else self._git_wanted

    async def _commit(self, said: str) -> None:
        if not (self.path / ".git").exists():
            await self._git("init", "-q")
        await self._git("add", "--all", ".")
        if await self._git("status", "--porcelain"):
            await self._git(
                "-c", "user.name=Sitrep", "-c", "user.email=sitrep@localhost",
                "commit", "-q", "-m", said,
            )  # fmt: skip
        if self._push:
            await self._git("push", "-q")

    async def _git(self, *arguments: str) -> str:
        process = await asyncio.create_subprocess_exec(
            "git", "-C", str(self.path), *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, **of_git(), "GIT_TERMINAL_PROMPT": "0"},
        )  # fmt: skip
        try:
            out, errors = await process.communicate()
        except asyncio.CancelledError:
            process.kill()
            raise
        if process.returncode:
            why = errors.decode("utf-8", "replace").strip()[:300]
            raise TemporaryFailure(f"git {arguments[0]} failed in {self.path}: {why}")
        return out.decode("utf-8", "replace")

    def check(self) -> Sequence[Finding]:
        """Return a finding if the folder cannot be written, or git is missing."""
        findings = []
        parent = next(p for p in (self.path, *self.path.parents) if p.exists())
        if not os.access(parent, os.W_OK):
            findings.append(Finding(f"{self.path} cannot be written by this user"))
        if self._is_repository() and shutil.which("git") is None:
            findings.append(Finding("git is not installed; install it, or write git = false"))
        return findings
