"""Serves the built console. A path is looked up among the files that were found, never opened as a name."""

import gzip
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec
from anyio import to_thread
from litestar import Request, Response
from litestar.enums import HttpMethod
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler, route
from litestar.params import FromPath

__all__ = ["StaticFiles", "static_handler"]

RESERVED = frozenset({"api", "otlp", "healthz", "readyz", "metrics"})
"""First segments of paths that belong to the program: never answered with a page."""

# The framework adds the charset to text types.
MEDIA_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".ico": "image/x-icon",
    ".js": "text/javascript",
    ".json": "application/json",
    ".map": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
COMPRESSED = frozenset({".css", ".html", ".js", ".json", ".map", ".svg", ".txt", ".webmanifest"})
FOR_EVER = "public, max-age=31536000, immutable"
CHECK_ALWAYS = "no-cache"

NOT_BUILT = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Penstock</title></head>
<body>
<h1>The console's pages were not built</h1>
<p>The API works; the web pages are missing from this installation.</p>
<p>In a checkout, run <code>make console</code> and load this page again.
Otherwise install the package again: <code>pip install --force-reinstall 'penstock[server]'</code>.</p>
</body>
</html>
"""


class StaticFile(msgspec.Struct, frozen=True):
    body: bytes
    compressed: bytes | None
    media_type: str
    cache: str
    etag: str


class StaticFiles:
    """The files of one folder, in memory; read when first asked for, and again when its `index.html` is new."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, StaticFile] = {}
        self._read_at: int | None = None

    def find(self, path: str) -> StaticFile | None:
        """The file of a URL path, or the app's page for one of its own addresses; None where neither is."""
        self._refresh()
        known = self._files.get(path)
        if known is not None:
            return known
        segments = path.strip("/").split("/")
        if segments[0] in RESERVED or "." in segments[-1]:
            return None
        return self._files.get("/index.html")

    @property
    def built(self) -> bool:
        return "/index.html" in self._files

    def _refresh(self) -> None:
        try:
            stamp = (self._folder / "index.html").stat().st_mtime_ns
        except OSError:
            self._files, self._read_at = {}, None
            return
        if stamp != self._read_at:
            self._files, self._read_at = _read(self._folder), stamp


def _read(folder: Path) -> dict[str, StaticFile]:
    found: dict[str, StaticFile] = {}
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.is_symlink() or not path.is_file() or any(part.startswith(".") for part in inside.parts):
            continue
        body = path.read_bytes()
        packed = gzip.compress(body, 6, mtime=0) if path.suffix in COMPRESSED else None
        found[f"/{inside.as_posix()}"] = StaticFile(
            body=body,
            compressed=packed if packed is not None and len(packed) < len(body) else None,
            media_type=MEDIA_TYPES.get(path.suffix, "application/octet-stream"),
            # The bundler names what lies in assets/ by its content.
            cache=FOR_EVER if inside.parts[0] == "assets" else CHECK_ALWAYS,
            etag=f'"{blake2b(body, digest_size=16).hexdigest()}"',
        )
    return found


def static_handler(folder: Path) -> HTTPRouteHandler:
    """The route of everything that no other route takes."""
    files = StaticFiles(folder)

    @route(
        ["/", "/{path:path}"],
        http_method=[HttpMethod.GET, HttpMethod.HEAD],
        opt={"public": "the pages hold no data; what they show comes from the API"},
        include_in_schema=False,
        name="console",
    )
    async def serve(request: Request[Any, Any, Any], path: FromPath[Path | None] = None) -> Response[bytes]:
        del path  # the request's own path is taken, as the router has decoded it
        found = await to_thread.run_sync(files.find, request.scope["path"])
        if found is not None:
            return _answer(request, found)
        if not files.built and "text/html" in request.headers.get("accept", ""):
            return Response(NOT_BUILT.encode(), status_code=503, media_type=MEDIA_TYPES[".html"])
        raise NotFoundException

    return serve


def _answer(request: Request[Any, Any, Any], file: StaticFile) -> Response[bytes]:
    headers = {"cache-control": file.cache, "etag": file.etag, "vary": "accept-encoding"}
    if request.headers.get("if-none-match") == file.etag:
        return Response(b"", status_code=304, headers=headers)
    body = file.body
    if file.compressed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        body = file.compressed
        headers["content-encoding"] = "gzip"
    headers["content-length"] = str(len(body))
    return Response(b"" if request.method == "HEAD" else body, headers=headers, media_type=file.media_type)
