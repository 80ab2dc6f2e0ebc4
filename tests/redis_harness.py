"""A real Redis server, started by a test, that can be killed, frozen and started again."""

import asyncio
import contextlib
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

SERVER = shutil.which("redis-server") or shutil.which("valkey-server")


class RedisServer:
    """On a unix socket, with every write in its append-only file before the answer."""

    def __init__(self) -> None:
        # Not pytest's folder: the path of a socket has at most 107 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="penstock-redis-"))
        self.socket = self.folder / "redis.sock"
        self.url = f"unix://{self.socket}"
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        assert SERVER is not None
        self._process = subprocess.Popen(
            [
                SERVER,
                *("--port", "0", "--unixsocket", str(self.socket), "--dir", str(self.folder)),
                *("--appendonly", "yes", "--save", "", "--loglevel", "notice"),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if "ready to accept connections" in line.lower():
                return
        raise AssertionError("redis-server did not start")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None

    def forget(self) -> None:
        """Lose the data, as a server without persistence does when it restarts."""
        self.kill()
        shutil.rmtree(self.folder / "appendonlydir", ignore_errors=True)

    def freeze(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def remove(self) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class Cutter:
    """Between client and server: lets requests through and, when told so, cuts instead of answering."""

    def __init__(self, server: RedisServer) -> None:
        self.path = server.folder / "cutter.sock"
        self.url = f"unix://{self.path}"
        self._server = server
        self.cut = False
        self.cuts = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_unix_connection(str(self._server.socket))
        try:
            while data := await reader.read(1 << 20):
                back.write(data)
                answer = await there.read(1 << 20)
                if self.cut:
                    self.cuts += 1
                    break
                writer.write(answer)
        except OSError:
            pass
        finally:
            for one in (writer, back):
                one.close()
                with contextlib.suppress(OSError):
                    await one.wait_closed()

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator["Cutter"]:
        listener = await asyncio.start_unix_server(self.serve, str(self.path))
        try:
            yield self
        finally:
            listener.close()
