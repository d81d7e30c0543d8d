"""cozepy, imported so that nothing of it reaches the screen.

The import takes about 0.27 s: call `quiet_cozepy`, or `connect` which does, in a thread after first paint.
"""

from __future__ import annotations

import importlib
import logging
import warnings
from types import ModuleType


def quiet_cozepy() -> ModuleType:
    """Import cozepy 0.20 with its own stderr handler gone and its import warning silenced.

    Only filters for warnings raised inside cozepy are added; everybody else's stay as they are. Its records
    go on to the app's log from WARNING up: below that it logs whole request and response bodies.
    """
    try:
        # Imported first because it puts a filter of its own in front ("always"); ours must come after it.
        deprecation = importlib.import_module("authlib.deprecate").AuthlibDeprecationWarning
    except (ImportError, AttributeError):
        pass  # another authlib, without that warning
    else:
        warnings.filterwarnings("ignore", category=deprecation, module=r"cozepy\b")
    # Its enums warn about every value that they do not list, such as the message type `knowledge`.
    warnings.filterwarnings("ignore", r"Unknown \w+ value", UserWarning, module=r"cozepy\.model")
    cozepy = importlib.import_module("cozepy")

    logger = logging.getLogger("cozepy")
    for handler in logger.handlers[:]:
        if type(handler) is logging.StreamHandler:
            logger.removeHandler(handler)
    if not logger.handlers:
        # With no handler anywhere Python's last resort would print to stderr.
        logger.addHandler(logging.NullHandler())
        logger.addFilter(_no_bodies)
    logger.propagate = True
    return cozepy


def _no_bodies(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING
