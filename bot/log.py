"""Logs: events with fields, on standard error or in a file; never a message's text or a secret."""

from __future__ import annotations

import logging
import os
import sys
from io import TextIOWrapper
from pathlib import Path

import structlog
from typing_extensions import override

from bot.config.sections import LogSection
from bot.contract.errors import ConfigError
from bot.files import make_folder, open_own


class _LogFile(logging.FileHandler):
    """A log file that its owner alone reads, and that no symbolic link leads to."""

    @override
    def _open(self) -> TextIOWrapper:
        file = open_own(Path(self.baseFilename), os.O_WRONLY | os.O_APPEND)
        return TextIOWrapper(os.fdopen(file, "ab"), encoding=self.encoding, errors=self.errors)


def _opened(path: Path) -> logging.Handler:
    try:
        make_folder(path.parent)
        return _LogFile(path, encoding="utf-8")
    except OSError as exc:
        raise ConfigError((f"log.file: {path}: {exc.strerror or exc}",)) from exc


def configure(settings: LogSection, file: Path | None = None) -> None:
    """Send logs where they belong; `file` where the terminal is the conversation's."""
    path = Path(settings.file) if settings.file is not None else file
    if path is None:
        handler: logging.Handler = logging.StreamHandler(sys.stderr)
    else:
        handler = _opened(path)
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if settings.format == "json"
        else structlog.dev.ConsoleRenderer(
            colors=False, exception_formatter=structlog.dev.plain_traceback
        )
    )
    tail = [structlog.processors.format_exc_info] if settings.format == "json" else []
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *tail,
                last,
            ],
        )
    )
    root = logging.getLogger()
    before, root.handlers[:] = root.handlers[:], [handler]
    for each in before:
        if isinstance(each, _LogFile):
            each.close()
    root.setLevel(logging.WARNING)
    # Its pool tells of each try to reach a database that is away, with a traceback; we say it once.
    logging.getLogger("asyncpg.pool").setLevel(logging.ERROR)
    logging.getLogger("sitrep").setLevel(settings.level.upper())
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
