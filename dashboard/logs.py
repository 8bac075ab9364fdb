"""The log: one JSON object a line, and never the words of an error, which may name a patient."""

from __future__ import annotations

import datetime as dt
import json
import logging
import sys
import threading
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any

import streamlit.logger


class JsonFormatter(logging.Formatter):
    """Time, level, logger and message; of an error its kind and where it passed, not its words.

    Line breaks and control characters inside a value are escaped by JSON, so nobody can forge a
    line by typing one into a field.
    """

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        line: dict[str, Any] = {
            "at": dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(
                timespec="milliseconds"
            ),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = _kinds(record.exc_info[1])
            line["passed"] = _places(record.exc_info[1])
        return json.dumps(line, ensure_ascii=True)


def _kinds(error: BaseException) -> list[str]:
    kinds: list[str] = []
    link: BaseException | None = error
    while link is not None and len(kinds) < 5:
        kinds.append(f"{type(link).__module__}.{type(link).__qualname__}")
        link = link.__cause__ or link.__context__
    return kinds


def _places(error: BaseException) -> list[str]:
    frames = traceback.extract_tb(error.__traceback__)[-12:]
    return [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]


def set_up(level: int = logging.WARNING) -> None:
    """Send every logger of the process, Streamlit's own included, through one JSON handler."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # Streamlit gives each of its loggers a handler that prints errors with their words.
    streamlit.logger.setup_formatter = _through_root
    for logger in streamlit.logger._loggers.values():
        _through_root(logger)
    sys.excepthook = _unhandled
    threading.excepthook = _unhandled_in_thread


def _through_root(logger: logging.Logger) -> None:
    logger.handlers.clear()
    logger.propagate = True


def _unhandled(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    logging.getLogger("registry").critical("unhandled", exc_info=(kind, error, trace))


def _unhandled_in_thread(given: threading.ExceptHookArgs) -> None:
    if given.exc_value is not None:
        _unhandled(given.exc_type, given.exc_value, given.exc_traceback)
