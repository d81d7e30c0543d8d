"""Routes of /v1/workflow(s): run, stream_run, stream_resume, resume, run_histories."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from coze_emulator.connections import Connections
from coze_emulator.errors import CozeError, bad_parameter
from coze_emulator.routes.responses import StreamResponse, refusal, success
from coze_emulator.server_state import SPACE_ID, ServerState
from coze_emulator.workflow_runs import Mode, Packets, Run, Runs


class RunBody(BaseModel):
    """POST /v1/workflow/run and stream_run."""

    workflow_id: str = ""
    parameters: dict[str, Any] | None = None
    bot_id: str | None = None
    app_id: str | None = None
    is_async: bool | None = False


class ResumeBody(BaseModel):
    """POST /v1/workflow/stream_resume and /v1/workflows/resume."""

    workflow_id: str = ""
    event_id: str = ""
    interrupt_type: int = Field(default=0)
    resume_data: str = ""


def routes(state: ServerState, connections: Connections) -> APIRouter:
    """The routes for workflows."""
    router = APIRouter()
    runs = Runs(state)

    def start(request: Request, body: RunBody, mode: Mode) -> Run:
        if body.bot_id and body.app_id:
            raise bad_parameter("bot_id and app_id cannot be given together")
        return runs.start(
            body.workflow_id,
            body.parameters or {},
            mode,
            bot_id=body.bot_id or "",
            token=request.headers.get("authorization", "").partition(" ")[2].strip(),
            logid=request.state.logid,
        )

    def resumed(body: ResumeBody) -> Run:
        return runs.resume(body.workflow_id, body.event_id, body.interrupt_type, body.resume_data)

    def debug_url(run: Run) -> str:
        return f"{state.origin}/work_flow?execute_id={run.execute_id}&workflow_id={run.workflow_id}"

    def result(request: Request, run: Run) -> Response:
        """The response without a stream; its fields are at the top level."""
        if run.status == "Fail":
            return refusal(CozeError(*run.error), request.state.logid)
        fields: dict[str, Any] = {
            "data": run.output,
            "debug_url": debug_url(run),
            "execute_id": run.execute_id,
            "usage": run.usage,
        }
        if run.interrupt is not None:
            fields["interrupt_data"] = run.interrupt
        return success(request, **fields)

    @router.get("/v1/workflows")
    async def list_workflows(
        request: Request,
        workspace_id: str = "",
        page_num: Annotated[int, Query(ge=1)] = 1,
        page_size: Annotated[int, Query(ge=1, le=30)] = 10,
    ) -> Response:
        if workspace_id != SPACE_ID:
            raise bad_parameter(f"workspace {workspace_id or '(empty)'} does not exist")
        items = [
            {
                "workflow_id": workflow.id,
                "workflow_name": workflow.name or workflow.id,
                "description": workflow.description,
                "icon_url": "",
                "app_id": "0",
            }
            for workflow in state.script.workflows
            if workflow.id.isdecimal()  # others are patterns for several
        ]
        first = (page_num - 1) * page_size
        page = items[first : first + page_size]
        return success(request, {"items": page, "has_more": len(items) > first + page_size})

    @router.post("/v1/workflow/run")
    async def run_workflow(request: Request, body: RunBody) -> Response:
        run = start(request, body, Mode.ASYNCHRONOUS if body.is_async else Mode.SYNCHRONOUS)
        if body.is_async:
            runs.in_background(run)
        else:
            await runs.advance(run, Packets(None))
        return result(request, run)

    @router.post("/v1/workflow/stream_run")
    async def stream_run(request: Request, body: RunBody) -> Response:
        return StreamResponse(runs.stream(start(request, body, Mode.STREAMING)), connections)

    @router.post("/v1/workflow/stream_resume")
    async def stream_resume(body: ResumeBody) -> Response:
        return StreamResponse(runs.stream(resumed(body)), connections)

    @router.post("/v1/workflows/resume")
    async def resume(request: Request, body: ResumeBody) -> Response:
        run = resumed(body)
        await runs.advance(run, Packets(None))
        return result(request, run)

    @router.get("/v1/workflows/{workflow_id}/run_histories/{execute_id}")
    async def history(request: Request, workflow_id: str, execute_id: str) -> Response:
        run = runs.find(workflow_id, execute_id)
        return success(request, [run.history(debug_url(run))])

    return router
