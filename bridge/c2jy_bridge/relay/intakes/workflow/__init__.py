"""Cloud workflows run from here: they ask this machine through their question nodes and are resumed.

Knows the wire's workflows and the tool runner; needs neither the queue nor a Bot, for the one who asks is the
one who runs. Must not know a screen: whoever runs a workflow brings a way to ask the maker.
"""

from c2jy_bridge.relay.intakes.workflow.runs import Answer, WorkflowRuns
from c2jy_bridge.relay.intakes.workflow.waiting import WaitingRun
from c2jy_bridge.relay.storage import Storage

__all__ = ["Answer", "Storage", "WaitingRun", "WorkflowRuns"]
