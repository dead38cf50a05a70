"""Files by name: what is read is looked at before, and nothing is written through a link."""

from __future__ import annotations

import logging
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from adapters.console.terminal import _history
from adapters.matrix import crypto
from adapters.matrix.session import Keep, Session
from adapters.teams.command import write as write_package
from bot import log
from bot.cli.checks import _home
from bot.cli.options import write_file
from bot.config.load import load, parse
from bot.config.sections import LogSection
from bot.contract.errors import BotError, ConfigError, TemporaryFailure
from bot.files import (
    LONGEST_DOCUMENT,
    LONGEST_SECRET,
    FileRefused,
    append_own,
    open_own,
    read_file,
    replace_own,
    write_own,
)
from bot.plugin_kit.git_folder import Folder
from bot.testing import stage
from storage import copy_database, open_database

WRITERS = {"write": write_own, "replace": replace_own, "append": append_own}


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.fixture(params=[0o000, 0o022, 0o277], ids=oct)
def umask(request):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.fixture
def link(tmp_path):
    """Make a link in the home folder that leads to somebody's file."""
    target = tmp_path / "precious"
    target.write_text("precious")

    def make(name: str) -> Path:
        path = tmp_path / "home" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)
        return path

    yield make
    assert target.read_text() == "precious"


# --- reading --------------------------------------------------------------------------------------


def test_a_device_a_pipe_and_a_folder_are_not_read(tmp_path):
    """D5"""
    os.mkfifo(tmp_path / "pipe")
    for path, why in (("/dev/zero", "device"), (tmp_path / "pipe", "pipe"), (tmp_path, "folder")):
        with pytest.raises(FileRefused, match=why):
            read_file(Path(path))


def test_a_file_is_read_up_to_its_limit_and_no_further(tmp_path):
    """D5"""
    path = tmp_path / "long"
    path.write_bytes(b"a\r\nb" * (1024 // 4))
    assert read_file(path, 1024) == "a\nb" * 256
    path.write_bytes(b"x" * 1025)
    with pytest.raises(FileRefused, match="longer than 1 KiB"):
        read_file(path, 1024)


def test_a_file_that_says_it_is_empty_is_read_up_to_the_limit():
    """D5"""
    with pytest.raises(FileRefused, match="longer than"):
        read_file(Path("/proc/kallsyms"), 1024)


def test_the_config_and_its_secrets_are_files_of_a_size_that_is_worth_reading(tmp_path):
    """D5"""
    long = tmp_path / "long"
    long.write_bytes(b"#" * (LONGEST_DOCUMENT + 1))
    for path in (Path("/dev/zero"), long, tmp_path):
        with pytest.raises(ConfigError, match="name a file that can be read"):
            load(path)
    long.write_bytes(b"#" * (LONGEST_SECRET + 1))
    for secret in ("/dev/zero", long):
        with pytest.raises(ConfigError, match=r"plugins.x.token: cannot read"):
            parse(f'[plugins.x]\ntoken = {{file = "{secret}"}}', {})


# --- writing --------------------------------------------------------------------------------------


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_a_new_file_is_its_owners_alone_whatever_the_umask(tmp_path, umask, write):
    write(tmp_path / "new", b"x")
    assert (mode(tmp_path / "new"), (tmp_path / "new").read_bytes()) == (0o600, b"x")


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_nothing_is_written_through_a_link(link, write):
    """D5"""
    with pytest.raises(FileRefused, match=r"symbolic link.*remove the link"):
        write(link("a"), b"x")


def test_nothing_is_made_where_a_link_leads_to_nothing(tmp_path):
    """D5"""
    (tmp_path / "link").symlink_to(tmp_path / "there")
    with pytest.raises(FileRefused):
        os.close(open_own(tmp_path / "link"))
    assert not (tmp_path / "there").exists()


def test_a_link_in_the_place_of_the_half_written_file_is_not_followed(tmp_path, link):
    replace_own(link(".a.new").with_name("a"), "x")
    assert (tmp_path / "home/a").read_text() == "x"


def test_a_file_that_is_there_keeps_the_mode_that_somebody_gave_it(tmp_path):
    path = tmp_path / "audit"
    path.touch()
    path.chmod(0o640)
    append_own(path, b"x")
    assert mode(path) == 0o640


def test_the_log_the_history_the_session_and_exports_follow_no_link(link, tmp_path):
    """D5"""
    before = logging.getLogger().handlers[:]
    session = Session(user_id="@b:x", device_id="D", access_token="t")
    with pytest.raises(ConfigError, match=r"log.file: .*symbolic link"):
        log.configure(LogSection(), link("sitrep.log"))
    assert logging.getLogger().handlers == before
    with pytest.raises(FileRefused):
        _history(str(link("console-history").parent))
    with pytest.raises(FileRefused):
        Keep(str(link("matrix/session.json").parents[1])).store_session(session)
    with pytest.raises(FileRefused):
        Keep(str(link("matrix/lock").parents[1])).hold()
    with pytest.raises(FileRefused):
        crypto.client("https://x", session, Keep(str(tmp_path / "home")), "x" * 20)
    with pytest.raises(FileRefused):
        write_file(link("INC-1.md"), "text")
    with pytest.raises(FileRefused):
        write_package(link("sitrep.zip"), {})


async def test_a_served_folder_follows_no_link_and_says_which_file_it_is(link, tmp_path):
    """D5"""
    folder = Folder(link("site/index.html").parent, git=False, push=False)
    with pytest.raises(TemporaryFailure, match=r"index.html: it is a symbolic link"):
        await folder.write(lambda: folder.put("index.html", "x"), "x")


async def test_the_database_its_lock_and_its_copies_follow_no_link(link, tmp_path):
    """D5"""
    for name in ("sitrep.db", "sitrep.db.lock"):
        path = link(name)
        with pytest.raises(BotError, match="symbolic link"):
            async with open_database(f"sqlite://{tmp_path / 'home/sitrep.db'}"):
                pass
        path.unlink()
    url = f"sqlite://{tmp_path / 'home/sitrep.db'}"
    async with open_database(url):
        pass
    assert mode(tmp_path / "home/sitrep.db.lock") == 0o600
    with pytest.raises(BotError, match="symbolic link"):
        await copy_database(url, link("copy.db"))
    await copy_database(url, tmp_path / "copy.db")
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        assert copy.execute("SELECT COUNT(*) FROM incident").fetchone() == (0,)


async def test_the_audit_file_is_no_link(link, tmp_path):
    """D5"""
    link("audit.jsonl")
    with pytest.raises(ConfigError, match=r"\[plugins.audit\] .*symbolic link"):
        async with stage(tmp_path / "home", more="\n[plugins.audit]\n"):
            pass


async def test_files_for_people_at_the_console_are_their_own(tmp_path, umask):
    path = tmp_path / "log/sitrep.log"
    path.parent.mkdir(mode=0o700)
    before = logging.getLogger().handlers[:]
    try:
        log.configure(LogSection(level="warning"), path)
        logging.getLogger("sitrep").warning("hello")
        assert (mode(path), "hello" in path.read_text()) == (0o600, True)
    finally:
        for handler in logging.getLogger().handlers:
            handler.close()
        logging.getLogger().handlers[:] = before


def test_the_check_tells_of_a_home_that_others_may_look_into(tmp_path):
    """D5"""
    home = tmp_path / "home"
    assert _home(home) == []
    home.mkdir(mode=0o700)
    assert _home(home) == []
    home.chmod(0o755)
    assert _home(home) == [f"others may look into {home} (its mode is 755); chmod 700 {home}"]
