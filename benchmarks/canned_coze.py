"""A server that answers with prepared bytes, so that only the client's work is measured.

The emulator would not do here: it thinks between two deltas. Run as `python -m benchmarks.canned_coze`;
prints its port.
"""

from __future__ import annotations

import asyncio
import itertools
import json

DELTAS = 20_000
CHUNK = 64 * 1024
IDS = {"conversation_id": "7400000000000000002", "bot_id": "7400000000000000003"}


def event(name: str, data: object) -> bytes:
    return f"event:{name}\ndata:{json.dumps(data)}\n\n".encode()


def chat(name: str, chat_id: str, **more: object) -> bytes:
    usage = {"token_count": 3, "output_count": 2, "input_count": 1}
    body = {"id": chat_id, **IDS, "created_at": 1, "last_error": {"code": 0, "msg": ""}, "usage": usage}
    return event(f"conversation.chat.{name}", {**body, "status": name, **more})


def message(name: str, chat_id: str, text: str) -> bytes:
    who = {"role": "assistant", "type": "answer", "content_type": "text"}
    body = {"id": "7400000000000000004", **IDS, **who, "content": text, "chat_id": chat_id}
    return event(f"conversation.message.{name}", body)


DONE = b'event:done\ndata:"[DONE]"\n\n'


def long_answer() -> bytes:
    chat_id = "7400000000000000001"
    pieces = [message("delta", chat_id, f"word{n % 100} ") for n in range(DELTAS)]
    whole = "".join(f"word{n % 100} " for n in range(DELTAS))
    begin = chat("created", chat_id) + chat("in_progress", chat_id)
    return b"".join([begin, *pieces, message("completed", chat_id, whole), chat("completed", chat_id), DONE])


def asks_for_a_tool(number: int) -> bytes:
    chat_id = f"75{number:017d}"
    call = {"id": f"call{number}", "type": "function", "function": {"name": "noop", "arguments": "{}"}}
    required = {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": [call]}}
    begin = chat("created", chat_id) + chat("in_progress", chat_id)
    return begin + chat("requires_action", chat_id, required_action=required) + DONE


def answers(chat_id: str) -> bytes:
    begin = chat("in_progress", chat_id) + message("delta", chat_id, "ok")
    return begin + message("completed", chat_id, "ok") + chat("completed", chat_id) + DONE


async def serve() -> None:
    long = long_answer()
    numbers = itertools.count(1)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            lines = head.decode().split("\r\n")
            length = next((int(x[15:]) for x in lines if x.lower().startswith("content-length:")), 0)
            body = json.loads(await reader.readexactly(length) or b"{}")
            path = lines[0].split()[1]
            if "submit_tool_outputs" in path:
                payload = answers(path.partition("chat_id=")[2].partition("&")[0])
            elif "tool" in body["additional_messages"][-1]["content"]:
                payload = asks_for_a_tool(next(numbers))
            else:
                payload = long
            writer.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
                b"x-tt-logid: 1\r\ntransfer-encoding: chunked\r\n\r\n"
            )
            for start in range(0, len(payload), CHUNK):
                piece = payload[start : start + CHUNK]
                writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                await writer.drain()
            writer.write(b"0\r\n\r\n")
            await writer.drain()

    async def forgiving(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(forgiving, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve())
