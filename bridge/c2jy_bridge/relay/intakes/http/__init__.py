"""The HTTP intake: requests over loopback, or through a tunnel, with a token always.

Knows the desk and FastAPI; must not know how a request is carried out. Importing the package is cheap: the
web framework comes in when listening begins.
"""

from c2jy_bridge.relay.intakes.http.intake import HttpIntake
from c2jy_bridge.relay.intakes.http.tokens import Tokens

__all__ = ["HttpIntake", "Tokens"]
