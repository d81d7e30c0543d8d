"""Shows one bridge request: arguments, result, problem, Bot chats, timeline."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Literal

from textual.binding import BindingType
from textual.content import Content
from textual.reactive import reactive
from typing_extensions import override

from c2jy_bridge.core.bridge_requests import RELAY_MODES
from c2jy_bridge.core.safety import one_line, visible
from c2jy_tui import formatting
from c2jy_tui.formatting import Clock
from c2jy_tui.labels import source_label
from c2jy_tui.panes.bridge import labels
from c2jy_tui.panes.bridge.labels import say
from c2jy_tui.panes.bridge.record import RequestRecord
from c2jy_tui.screens.tabbed_detail import TabbedDetail
from c2jy_tui.widgets.bindings import binding

RequestIntent = Literal["retry", "cancel", "call"]
"""What to do with the request when the detail closes."""


class RequestDetailScreen(TabbedDetail[RequestIntent | None]):
    """All details of one request, updated while it is open; returns the chosen action, if any."""

    TABS = ("arguments", "result", "problem", "way", "timeline")
    FILE_STEM = "request"
    HELP = "bridge_pane:help.detail"
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("bridge_pane", "request_detail.call", "enter", "answer('call')"),
        binding("bridge_pane", "request_detail.copy_command", "c", "copy_command"),
        binding("bridge_pane", "request_detail.retry", "r", "answer('retry')"),
        binding("bridge_pane", "request_detail.cancel", "X", "answer('cancel')"),
    ]

    record: reactive[RequestRecord] = reactive[RequestRecord](None, init=False)  # type: ignore[arg-type]  # set in __init__

    def __init__(
        self,
        record: RequestRecord,
        *,
        address: str,
        possible: Callable[[str, RequestRecord], bool],
        clock: Clock,
        folder: Path | None = None,
    ) -> None:
        """Assign `record` anew when more is known.

        Args:
            record: The request as it is now.
            address: Where the bridge takes requests; empty when it does not.
            possible: Whether `retry` or `cancel` can be done to the request now.
            clock: Unix seconds.
            folder: Where `w` writes a text; the current directory when None.
        """
        super().__init__(say, clock=clock, folder=folder)
        self._address = address
        self._possible = possible
        self.set_reactive(RequestDetailScreen.record, record)

    @property
    @override
    def ended(self) -> bool:
        return self.record.ended

    @override
    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only the actions that the request's state allows."""
        if action == "copy_command":
            return bool(self._address) and self.record.repeatable
        if action != "answer":
            return True
        if parameters[0] == "call":
            return bool(self.record.view.call_id)
        return self._possible(str(parameters[0]), self.record)

    @override
    def first_tab(self) -> str:
        if self.record.view.problem is not None:
            return "problem"
        return "result" if self.record.view.result else "arguments"

    @override
    def headline(self) -> Content:
        view = self.record.view
        parts = [
            labels.state_word(view.state),
            formatting.elapsed(self.record.elapsed_s(self._clock())),
            source_label(view.source),
            say("detail.attempts", count=view.attempts) if view.attempts > 1 else "",
            say("detail.direct") if view.relay == "direct" else "",
            one_line(view.machine),
        ]
        shown = f"   {' · '.join(part for part in parts if part)}"
        return Content.assemble((labels.tool(self.record), "bold"), shown)

    @override
    def body(self, tab: str) -> Content:
        view = self.record.view
        match tab:
            case "arguments":
                return self.json_body(view.arguments)
            case "result" if view.result:
                return self.json_body(view.result)
            case "timeline":
                return _timeline(self.record, self._clock())
            case "way":
                return _way(self.record)
            case _:
                return Content(self.whole(tab) or say(f"detail.no_{tab}"))

    @override
    def whole(self, tab: str) -> str:
        view = self.record.view
        match tab:
            case "arguments":
                return visible(formatting.pretty_json(view.arguments)[0])
            case "result":
                return visible(formatting.pretty_json(view.result)[0])
            case "problem":
                return _problem(self.record)
            case _:
                return self.body(tab).plain

    def action_copy_command(self) -> None:
        view = self.record.view
        self.app.copy_to_clipboard(labels.curl_command(self._address, view.tool, view.arguments))


def _problem(record: RequestRecord) -> str:
    """What went wrong, what to do about it, and the ids that Coze's support asks for."""
    problem = record.view.problem
    if problem is None:
        return ""
    lines = [problem.message, problem.hint]
    if problem.code:
        lines.append(say("problem.code", code=problem.code))
    if problem.logid:
        lines.append(say("problem.logid", logid=problem.logid))
    return visible("\n\n".join(filter(None, lines)))


def _way(record: RequestRecord) -> Content:
    """Its intake, its Bot chats and its tool call."""
    view = record.view
    facts = [
        ("request", view.request_id),
        ("source", source_label(view.source)),
        ("requester", view.requester),
        ("machine", view.machine),
        ("relay", say(f"relay.{view.relay}") if view.relay in RELAY_MODES else view.relay),
        *(("chat", chat.chat_id) for chat in view.chats),
        ("call", view.call_id),
    ]
    lines = [
        Content.assemble((f"{say(f'way.{name}')}  ", "dim"), one_line(value))
        for name, value in facts
        if value
    ]
    if not view.chats and view.relay == "bot":
        lines.append(Content.styled(say("way.no_chat"), "dim"))
    if view.call_id:
        lines += [Content(""), Content.styled(say("way.to_call"), "dim")]
    return Content("\n").join(lines)


def _timeline(record: RequestRecord, now: float) -> Content:
    """When it reached each of its states, in seconds since it was accepted."""
    moments = record.timeline()
    start = moments[0].at
    begun = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(start))
    lines = [Content.styled(say("timeline.since", time=begun), "dim"), Content("")]
    for moment in moments:
        what = labels.state_word(moment.state) if moment.state != "accepted" else say("timeline.accepted")
        lines.append(_at(moment.at - start, what))
    if not record.ended:
        lines.append(_at(now - start, say("timeline.now")))
    return Content("\n").join(lines)


def _at(after_s: float, what: str) -> Content:
    return Content.assemble((f"{f'+{after_s:,.2f} s':>14}  ", "bold"), what)
