"""`/v1/files` and `/v1/batches`. A batch is done when it is made: each line is answered as a request of its own."""

from typing import Any, Final

import msgspec

from penstock.core.errors import InvalidInput
from penstock.simulator.endpoints.shelf import StoredFile
from penstock.simulator.endpoints.types import Asked, Reply, encode, read_form, read_json

__all__ = [
    "cancel_batch",
    "content",
    "create_batch",
    "delete_file",
    "list_batches",
    "list_files",
    "one_batch",
    "one_file",
    "upload",
]

DAY: Final = 86_400
MAX_LINES: Final = 50_000


def upload(asked: Asked) -> Reply:
    """`POST /v1/files`, a form with `file` and `purpose`."""
    form = read_form(asked)
    file, purpose = form.get("file"), form.get("purpose")
    if file is None or file.filename is None:
        raise InvalidInput("Missing required parameter: 'file'.", field="file")
    if purpose is None:
        raise InvalidInput("Missing required parameter: 'purpose'.", field="purpose")
    return encode(_keep(asked, file.data, name=file.filename, purpose=purpose.text).render())


def list_files(asked: Asked) -> Reply:
    """`GET /v1/files`."""
    data = [file.render() for file in asked.shelf.files()]
    return encode({"object": "list", "data": data, "has_more": False})


def one_file(asked: Asked) -> Reply:
    """`GET /v1/files/{id}`."""
    return encode(asked.shelf.file(asked.id).render())


def content(asked: Asked) -> Reply:
    """`GET /v1/files/{id}/content`, byte for byte."""
    return Reply(body=asked.shelf.file(asked.id).data, content_type="application/octet-stream")


def delete_file(asked: Asked) -> Reply:
    """`DELETE /v1/files/{id}`."""
    asked.shelf.remove(asked.id)
    return encode({"id": asked.id, "object": "file", "deleted": True})


class _Batch(msgspec.Struct):
    input_file_id: str
    endpoint: str
    completion_window: str = "24h"
    metadata: dict[str, str] | None = None


class _Line(msgspec.Struct):
    custom_id: str
    body: msgspec.Raw
    url: str = ""
    method: str = "POST"


_decode_line = msgspec.json.Decoder(_Line).decode


def create_batch(asked: Asked) -> Reply:
    """`POST /v1/batches`."""
    request = read_json(asked, _Batch)
    lines = [line for line in asked.shelf.file(request.input_file_id).data.splitlines() if line.strip()]
    if not 0 < len(lines) <= MAX_LINES:
        raise InvalidInput(f"Expected 1 to {MAX_LINES} lines in the input file, got {len(lines)}.")
    answers: list[bytes] = []
    failed = 0
    for number, raw in enumerate(lines, start=1):
        try:
            line = _decode_line(raw)
        except msgspec.MsgspecError as error:
            raise InvalidInput(f"Line {number} of the input file is no request: {error}.") from error
        status, answer = asked.run(request.endpoint, bytes(line.body))
        failed += status != 200
        response = {"status_code": status, "request_id": f"req_{asked.ids.span_id()}", "body": msgspec.Raw(answer)}
        answers.append(
            msgspec.json.encode(
                {
                    "id": f"batch_req_{asked.ids.span_id()}",
                    "custom_id": line.custom_id,
                    "response": response,
                    "error": None,
                }
            )
        )
    output = _keep(asked, b"\n".join(answers) + b"\n", name="batch_output.jsonl", purpose="batch_output")
    batch: dict[str, Any] = {
        "id": f"batch_{asked.ids.trace_id()}",
        "object": "batch",
        "endpoint": request.endpoint,
        "errors": None,
        "input_file_id": request.input_file_id,
        "completion_window": request.completion_window,
        "status": "completed",
        "output_file_id": output.id,
        "error_file_id": None,
        "created_at": asked.now,
        "in_progress_at": asked.now,
        "expires_at": asked.now + DAY,
        "completed_at": asked.now,
        "request_counts": {"total": len(lines), "completed": len(lines) - failed, "failed": failed},
        "metadata": request.metadata,
    }
    asked.shelf.put_batch(batch)
    return encode(batch)


def list_batches(asked: Asked) -> Reply:
    """`GET /v1/batches`."""
    return encode({"object": "list", "data": asked.shelf.batches(), "has_more": False})


def one_batch(asked: Asked) -> Reply:
    """`GET /v1/batches/{id}`."""
    return encode(asked.shelf.batch(asked.id))


def cancel_batch(asked: Asked) -> Reply:
    """`POST /v1/batches/{id}/cancel`: refused, since a batch is done at once."""
    batch = asked.shelf.batch(asked.id)
    raise InvalidInput(f"Cannot cancel a batch with status '{batch['status']}'.")


def _keep(asked: Asked, data: bytes, *, name: str, purpose: str) -> StoredFile:
    file = StoredFile(id=f"file-{asked.ids.trace_id()}", filename=name, purpose=purpose, created=asked.now, data=data)
    asked.shelf.put(file)
    return file
