"""Messages and tools of a prompt as Chat Completions writes them, which most clients understand."""

from typing import Any

import msgspec

from penstock.wire.prompts import Message, Text, Tool, ToolCall

__all__ = ["arguments_text", "chat_message", "chat_tool"]

Json = dict[str, Any]
_encode = msgspec.json.Encoder().encode


def arguments_text(call: ToolCall) -> str:
    """The arguments as JSON text."""
    return _encode(call.arguments).decode()


def chat_message(message: Message) -> Json:
    """A message that was rendered; none of role `placeholder`."""
    made: Json = {"role": message.role}
    if isinstance(message.content, str):
        made["content"] = message.content
    else:
        made["content"] = [
            {"type": "text", "text": part.text}
            if isinstance(part, Text)
            else {"type": "image_url", "image_url": {"url": part.url}}
            for part in message.content
        ]
    if message.tool_call_id is not None:
        made["tool_call_id"] = message.tool_call_id
    if message.tool_calls:
        made["content"] = made["content"] or None
        made["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments_text(call)}}
            for call in message.tool_calls
        ]
    return made


def chat_tool(tool: Tool) -> Json:
    optional = {"description": tool.description, "parameters": tool.parameters, "strict": tool.strict}
    return {
        "type": "function",
        "function": {"name": tool.name, **{name: value for name, value in optional.items() if value is not None}},
    }
