"""What the package says through Python's logging, in the node's log."""

from __future__ import annotations

import logging
from typing import Any

PACKAGE = "depth_prompt_ros"


class RosHandler(logging.Handler):
    """Passes records on to a node's logger."""

    def __init__(self, logger: Any) -> None:
        super().__init__(logging.INFO)
        self._logger = logger

    def emit(self, record: logging.LogRecord) -> None:
        """Called by Python's logging."""
        text = record.getMessage()
        if record.levelno >= logging.ERROR:
            self._logger.error(text)
        elif record.levelno >= logging.WARNING:
            self._logger.warning(text)
        else:
            self._logger.info(text)


def speak_through(logger: Any) -> RosHandler:
    """Attach a handler that forwards the package's log records to a node's logger; returns it."""
    handler = RosHandler(logger)
    package = logging.getLogger(PACKAGE)
    package.addHandler(handler)
    package.setLevel(logging.INFO)
    return handler


def fall_silent(handler: RosHandler) -> None:
    """Remove the handler that :func:`speak_through` attached."""
    logging.getLogger(PACKAGE).removeHandler(handler)
