"""Answers that no model gives: a text in the caller's dialect."""

from typing import Final

import msgspec

from penstock.core.errors import InvalidInput
from penstock.providers.answers import response_answer
from penstock.providers.anthropic import messages as anthropic_messages
from penstock.providers.openai import chat as openai_chat
from penstock.providers.openai import responses as openai_responses
from penstock.providers.types import InboundCall, Operation, Reply
from penstock.providers.vendor import InboundDialect
from penstock.wire.chat import ChatResponse, Choice, Finished, Started, Text, TextDelta, UsageReport
from penstock.wire.usage import Usage

__all__ = ["canned_reply"]

_DIALECTS: Final[dict[Operation, InboundDialect]] = {
    "chat": openai_chat,
    "responses": openai_responses,
    "messages": anthropic_messages,
}


def canned_reply(call: InboundCall, text: str, *, answer_id: str, created: int) -> Reply:
    """`text` as the answer to a call: an event stream where it asked for one.

    Args:
        call: What was asked; its model is named as the one that answered.
        text: The whole answer.
        answer_id: Without the dialect's prefix.
        created: Seconds since the epoch.

    Raises:
        InvalidInput: the operation has no answer in text (embeddings, counting).
    """
    inbound = _DIALECTS.get(call.operation)
    if inbound is None:
        raise InvalidInput(f"{call.operation} cannot be answered with a text.", code="unsupported_operation")
    asked = inbound.parse_request(call)
    prefix = {"chat": "chatcmpl-", "responses": "resp_", "messages": "msg_"}[call.operation]
    response = ChatResponse(
        id=prefix + answer_id,
        model=call.model,
        created=created,
        choices=[Choice(parts=[Text(text=text)], finish_reason="stop")],
        usage=Usage(),
    )
    answer = msgspec.structs.replace(response_answer(response), usage=None)
    if not call.stream:
        return Reply(body=inbound.encode_response(response, asked), answer=answer)
    encoder = inbound.stream_encoder(asked, created=created, wants_usage=call.wants_usage)
    events = (
        Started(id=response.id, model=call.model),
        TextDelta(text=text),
        Finished(reason="stop"),
        UsageReport(usage=Usage()),
    )
    body = b"".join([encoder.event(event) for event in events]) + encoder.finish()
    return Reply(body=body, answer=answer, content_type="text/event-stream")
