"""Requests of callers, made of pieces."""

from penstock.gateway.passthrough.body import read_body

FORM = "multipart/form-data; boundary=frontier"


class Caller:
    """A request whose body comes in the pieces given; it counts those that were asked for."""

    def __init__(self, *pieces: bytes, content_type="application/octet-stream", **headers: str) -> None:
        self.method = "POST"
        self.headers = {b"content-type": content_type.encode(), b"transfer-encoding": b"chunked"}
        self.headers |= {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
        self.pieces = [piece for piece in pieces if piece]
        self.asked = 0

    async def read(self) -> bytes:
        self.asked += 1
        return self.pieces.pop(0) if self.pieces else b""


def field(name, value, *, filename=None):
    disposition = f'Content-Disposition: form-data; name="{name}"'
    if filename:
        disposition += f'; filename="{filename}"\r\nContent-Type: audio/wav'
    return b"--frontier\r\n" + disposition.encode() + b"\r\n\r\n" + value + b"\r\n"


END = b"--frontier--\r\n"


def pieces(data, size):
    return [data[start : start + size] for start in range(0, len(data), size)]


async def read(caller, **limits):
    return await read_body(caller, **{"max_json": 1000, "max_upload": 1024**3, **limits})


async def everything(body):
    return b"".join([part async for part in body.parts()])
