"""The first-run guide as a screen: the steps at the left, the step in work with its question at the right."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option
from textual.worker import Worker
from typing_extensions import override

from c2jy_bridge.core.safety import one_line, visible
from c2jy_bridge.engine.guide import STEPS, Asked, Told
from c2jy_tui.formatting import error_reason
from c2jy_tui.labels import say
from c2jy_tui.widgets.bindings import BaseScreen, binding
from c2jy_tui.widgets.key_bar import KeyBar
from c2jy_tui.widgets.workspace import layout_for
from c2jy_tui.widgets.wrapping import wrapped

if TYPE_CHECKING:
    from c2jy_bridge.engine.guide import Guide, StepName, StepView

_MARKS: Final = {
    "done": ("✓ ", "$text-success"),
    "info": ("  ", ""),
    "problem": ("✗ ", "$text-error"),
}


class Words(Static):
    """A text whose Chinese may break between any two characters; Textual breaks it at spaces only."""

    def __init__(self, words: Content | None = None, **named: str) -> None:
        super().__init__(markup=False, **named)  # type: ignore[arg-type]  # id and classes
        self._words = words or Content()

    def say(self, words: Content) -> None:
        """Show another text."""
        self._words = words
        self.on_resize()

    def on_resize(self) -> None:
        if width := self.content_size.width:
            lines = [line for part in self._words.split("\n") for line in wrapped(part, width)]
            self.update(Content("\n").join(lines))


class SetupScreen(BaseScreen):
    """Runs the guide's steps; closed by Esc or at the end. What was answered is kept in any case."""

    CSS_PATH = "setup.tcss"
    HELP = "tui:help.setup"
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("tui", "setup.skip", "f8", "later"),
        binding("tui", "setup.steps", "f4", "steps"),
        binding("tui", "setup.leave", "escape", "leave"),
    ]

    def __init__(self, guide: Guide) -> None:
        super().__init__()
        self.guide = guide
        self._answer: asyncio.Future[str] | None = None
        self._asked: Asked | None = None
        self._done: Told | None = None
        self._working: Worker[None] | None = None

    @override
    def compose(self) -> ComposeResult:
        self.add_class(layout_for(self.app.size.width))
        with Horizontal(id="guide"):
            yield OptionList(id="steps", markup=False, compact=True)
            with Vertical(id="work") as work:
                work.border_title = say("setup.title")
                yield VerticalScroll(id="said", can_focus=False)
                yield Words(id="question")
                yield OptionList(id="choices", markup=False, compact=True)
                yield Input(id="answer", compact=True)
        yield KeyBar(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        self._hide_question()
        self._go(None)

    # --- the steps ---------------------------------------------------------------------------------

    def _go(self, first: StepName | None) -> None:
        """Work on `first`, then on every step that is not done; on those only when it is None."""
        if self._working is not None:
            self._working.cancel()
        self._working = self.run_worker(self._work(first), group="guide", exit_on_error=False)

    async def _work(self, first: StepName | None) -> None:
        begun = first is None
        for name in STEPS:
            views = await self._show_steps(name)
            view = next(one for one in views if one.name == name)
            if name == first:
                begun = True
            elif not begun or view.done:
                continue
            await self._step(view)
            if self.guide.demo:
                break
        await self._show_steps(None)
        await self._ask(Asked("pause", await self._summary()))
        self.dismiss(None)

    async def _summary(self) -> str:
        if self.guide.demo:
            return say("setup.to_demo")
        left = [one.title for one in await self.guide.steps() if not one.done]
        end = say("setup.open", steps=say("header.list_and").join(left)) if left else say("setup.all")
        return "\n".join((say("setup.settings", path=self.guide.file.path), end))

    async def _step(self, view: StepView) -> None:
        said_box = self.query_one("#said", VerticalScroll)
        await said_box.remove_children()
        if self._done is not None:
            self._tell(self._done)  # what the step before has done can still be read
            self._done = None
        self.query_one("#work").border_title = view.title
        try:
            async with aclosing(self.guide.run(view.name)) as talk:
                said: Asked | Told | None = await anext(talk, None)
                failed = False
                while said is not None:
                    if isinstance(said, Told):
                        self._tell(said)
                        self._done = said if said.state == "done" else self._done
                        failed, answer = said.state == "problem", ""
                    else:
                        answer = await self._ask(said)
                    try:
                        said = await talk.asend(answer)
                    except StopAsyncIteration:
                        said = None
        except Exception as error:
            self._tell(Told(error_reason(error), "problem"))
            failed = True
        if failed or view.name == STEPS[-1]:
            await self._show_steps(view.name)
            await self._ask(Asked("pause", say("setup.go_on")))

    async def _show_steps(self, current: StepName | None) -> list[StepView]:
        views = await self.guide.steps()
        listed = self.query_one("#steps", OptionList)
        listed.clear_options()
        for view in views:
            mark, style = ("✓ ", "$text-success") if view.done else ("  ", "")
            lead = ("▸ ", "$text-primary") if view.name == current else (mark, style)
            detail = f"\n    {one_line(view.detail)}" if view.detail else ""
            text = Content.assemble(
                lead, (view.title, "bold" if view.name == current else ""), (detail, "dim")
            )
            listed.add_option(Option(text, id=view.name))
        names = [view.name for view in views]
        listed.highlighted = names.index(current) if current else None
        return views

    def _tell(self, told: Told) -> None:
        mark, style = _MARKS[told.state]
        said = self.query_one("#said", VerticalScroll)
        text = visible(told.text)
        said.mount(Words(Content.assemble((mark, style), text), classes=f"-{told.state}"))
        said.scroll_end(animate=False)

    # --- a question --------------------------------------------------------------------------------

    async def _ask(self, asked: Asked) -> str:
        self._asked, self._answer = asked, asyncio.get_running_loop().create_future()
        question, choices = self.query_one("#question", Words), self.query_one("#choices", OptionList)
        field = self.query_one("#answer", Input)
        question.display = True
        question.say(Content(visible(asked.text)))
        choices.display, field.display = bool(asked.choices), not asked.choices
        if asked.choices:
            choices.clear_options()
            for choice in asked.choices:
                about = f"\n  {one_line(choice.about)}" if choice.about else ""
                choices.add_option(Option(Content.assemble((choice.label, "bold"), (about, "dim"))))
            values = [choice.value for choice in asked.choices]
            choices.highlighted = values.index(asked.default) if asked.default in values else 0
            choices.focus()
        else:
            field.password = asked.kind == "secret"
            field.value = asked.default
            field.placeholder = say("setup.enter") if asked.kind == "pause" else ""
            field.focus()
        try:
            return await self._answer
        finally:
            self._hide_question()

    def _hide_question(self) -> None:
        self._answer = self._asked = None
        for name in ("#question", "#choices", "#answer"):
            self.query_one(name).display = False

    def _answered(self, text: str) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(text)

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self._answered(event.value)

    @on(OptionList.OptionSelected, "#choices")
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if self._asked is not None:
            self._answered(self._asked.choices[event.option_index].value)

    @on(OptionList.OptionSelected, "#steps")
    def _step_chosen(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self._go(next(name for name in STEPS if name == event.option_id))

    # --- keys --------------------------------------------------------------------------------------

    def action_later(self) -> None:
        """Go to the next step; this one stays open."""
        listed = self.query_one("#steps", OptionList)
        at = STEPS.index(STEPS[listed.highlighted]) if listed.highlighted is not None else len(STEPS)
        if at + 1 < len(STEPS):
            self._go(STEPS[at + 1])
        else:
            self.action_leave()

    def action_steps(self) -> None:
        """Choose a step with the arrow keys and Enter."""
        self.query_one("#steps", OptionList).focus()

    def action_leave(self) -> None:
        """Close the guide; the next start opens it again while a token is missing."""
        if self._working is not None:
            self._working.cancel()
        self.dismiss(None)
