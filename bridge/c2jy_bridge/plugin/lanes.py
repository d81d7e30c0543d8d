"""Which tools may run at the same time: parallel, one at a time, or alone."""

from __future__ import annotations

import asyncio

from c2jy_bridge.plugin.definition import Tool


class LaneBlocked(RuntimeError):
    """The call would wait for a tool that was stopped and goes on all the same; `tool` is its name."""

    def __init__(self, tool: str) -> None:
        super().__init__(tool)
        self.tool = tool


class Ticket:
    """A place in the lanes, from asking to `Lanes.leave`."""

    __slots__ = ("admitted", "overdue", "tool")

    def __init__(self, tool: Tool, admitted: asyncio.Future[None]) -> None:
        self.tool = tool
        self.admitted = admitted
        self.overdue = False

    def excludes(self, other: Ticket) -> bool:
        """Whether the two must not run at the same time."""
        if "exclusive" in (self.tool.concurrency, other.tool.concurrency):
            return True
        return self.tool.concurrency == "serial" and self.tool.name == other.tool.name


class Lanes:
    """First come, first served: a call begins when nothing before it excludes it.

    A thread that does not stop keeps its place, so that "one at a time" stays true; whoever would have to
    wait for it is told at once instead of waiting for ever.
    """

    def __init__(self) -> None:
        self._places: list[Ticket] = []

    async def enter(self, tool: Tool) -> Ticket:
        """Wait for a place.

        Raises:
            LaneBlocked: The place is taken by a call that was stopped and does not end.
        """
        ticket = Ticket(tool, asyncio.get_running_loop().create_future())
        self._places.append(ticket)
        self._admit()
        try:
            await ticket.admitted
        except BaseException:
            self.leave(ticket)
            raise
        return ticket

    def leave(self, ticket: Ticket) -> None:
        """Give the place back; a second time does nothing."""
        if ticket in self._places:
            self._places.remove(ticket)
            self._admit()

    def overstay(self, ticket: Ticket) -> None:
        """The call has ended for everybody else, but its work has not."""
        ticket.overdue = True
        self._admit()

    def _admit(self) -> None:
        for index, ticket in enumerate(list(self._places)):
            if ticket.admitted.done():
                continue
            before = [other for other in self._places[:index] if ticket.excludes(other)]
            stuck = next((other for other in before if other.overdue), None)
            if stuck is not None:
                ticket.admitted.set_exception(LaneBlocked(stuck.tool.name))
            elif not before:
                ticket.admitted.set_result(None)
