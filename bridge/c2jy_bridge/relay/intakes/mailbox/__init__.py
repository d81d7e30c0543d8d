"""The mailbox intake: requests as messages in a Coze conversation, for workflows that can reach nothing else.

Knows the wire's mailbox and the desk; must not know how a request is carried out.
"""

from c2jy_bridge.relay.intakes.mailbox.intake import MailboxIntake

__all__ = ["MailboxIntake"]
