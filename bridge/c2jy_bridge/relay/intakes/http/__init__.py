"""The HTTP intake: requests over loopback, or through a tunnel, with a token always.

Knows RequestService and FastAPI; must not know how a request is run. Importing the package is cheap: the
web framework is imported when listening starts.
"""

from c2jy_bridge.relay.intakes.http.intake import HttpIntake
from c2jy_bridge.relay.intakes.http.tokens import Tokens

__all__ = ["HttpIntake", "Tokens"]
