"""Artifacts as files in a folder, compared with what was pulled and with what the server has.

A file stands at `<kind>s/<name><suffix>`. `penstock.lock` beside the folders says of each file which version it was
pulled from; it belongs into the repository with them. A change is told by content, never by time: each artifact is
compared three ways, the version pulled, the file, and the head on the server.
"""

import difflib
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import msgspec

from penstock.cli.client import ControlClient, path_of
from penstock.cli.dataset_files import read_dataset, save_dataset, summary_of, write_dataset
from penstock.core.errors import CorruptData, InvalidInput, Unavailable
from penstock.core.files import replace_file
from penstock.registry.artifacts.files import content_digest
from penstock.registry.artifacts.kinds import ArtifactKind, Kinds
from penstock.registry.artifacts.names import check_name

__all__ = ["LOCK", "Entry", "Lock", "State", "WorkingCopy", "address_of", "describe", "unified"]

LOCK: Final = "penstock.lock"
MAX_FILE: Final = 32 * 1024 * 1024
"""Bytes that are read of a file; a body may be 10 MiB of JSON, so that a longer one is refused for what is cut off."""
PAGE: Final = 200
ROWS: Final = "dataset"
"""The kind whose files hold rows, of which the server makes the body."""


class Pulled(msgspec.Struct, frozen=True, kw_only=True):
    """Which version a file was pulled from, or pushed as."""

    version: int
    digest: str


class Lock(msgspec.Struct, kw_only=True):
    """The file `penstock.lock`."""

    format: int = 1
    artifacts: dict[str, Pulled] = {}
    """By `<kind>s/<name>`."""


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What a list of the control API tells of an artifact."""

    name: str
    head: int | None
    digest: str | None


class _Page(msgspec.Struct):
    items: list[Head]
    next_cursor: str | None


class State(StrEnum):
    """How a file, what was pulled and the server stand to each other."""

    SAME = "same"
    BEHIND = "behind"
    """Changed on the server only."""
    CHANGED = "changed"
    """Changed here only."""
    CONFLICT = "conflict"
    """Changed on both sides, or never pulled and different."""
    ONLY_HERE = "only here"
    """A file that the server has no artifact for, and that was never pulled."""
    ONLY_THERE = "only there"
    """An artifact that there is no file for, and that was never pulled."""
    DELETED = "deleted here"
    GONE = "gone there"
    """Archived, or not to be seen any longer; pulled once."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One artifact, three ways."""

    kind: str
    name: str
    path: Path
    state: State
    pulled: Pulled | None
    head: Head | None
    body: Any = None
    """Of the file, checked; None without a file."""
    digest: str | None = None
    """Of that body."""

    @property
    def title(self) -> str:
        return f"{self.kind}s/{self.name}"


class WorkingCopy:
    """A folder of artifacts and the console that it belongs to.

    Args:
        folder: Where the files are.
        client: Asks the console.
        kinds: Read and write files.
        project: Id or name; None is the key's own.
    """

    def __init__(self, folder: Path, client: ControlClient, kinds: Kinds, *, project: str | None) -> None:
        self.folder = folder
        self._client = client
        self._kinds = kinds
        self._query = {"project": project}
        self.lock = _read_lock(folder / LOCK)

    def entries(self, kinds: Iterable[str], chosen: Sequence[str] = ()) -> list[Entry]:
        """Every artifact that is here or there, by kind and name.

        Args:
            kinds: Which kinds.
            chosen: Only these: `<kind>s/<name>`, or a folder of them. Empty: all.

        Raises:
            InvalidInput: a file cannot be read as one of its kind; the message begins with its path.
        """
        found: list[Entry] = []
        for kind in kinds:
            known = self._kinds.get(kind)
            heads = {head.name: head for head in self._heads(kind)}
            files = self._files(known)
            pulled = {
                title.partition("/")[2]: one
                for title, one in self.lock.artifacts.items()
                if title.startswith(f"{kind}s/")
            }
            found += [
                self._entry(known, name, files.get(name), pulled.get(name), heads.get(name))
                for name in sorted({*heads, *files, *pulled})
                if _is_chosen(f"{kind}s/{name}", chosen)
            ]
        return found

    def fetched(self, entry: Entry, version: str = "latest") -> tuple[Pulled, Any]:
        """A version on the server, with its body."""
        data = self._client.get(address_of(entry.kind, entry.name, "versions", version), self._query)
        answer = msgspec.json.decode(data)
        return Pulled(version=answer["number"], digest=answer["digest"]), answer["body"]

    def text(self, entry: Entry, body: Any) -> str:
        """A body as its file would be; of a dataset only what can be said of its rows as a whole."""
        if entry.kind == ROWS:
            return summary_of(body)
        return self._kinds.get(entry.kind).to_file(body)

    def write(self, entry: Entry, pulled: Pulled, body: Any) -> None:
        """Put a version into its file.

        Raises:
            InvalidInput: the file would lie outside of the folder.
            Unavailable: it cannot be written.
        """
        path = self._inside(entry.path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if entry.kind == ROWS:
                write_dataset(self._client, entry.name, pulled.version, body, path, query=self._query)
            else:
                replace_file(path, self.text(entry, body).encode(), mode=0o644)
        except OSError as error:
            raise Unavailable(f"{entry.path} cannot be written: {error.strerror}.", code="file_not_writable") from error
        self.note(entry, pulled)

    def save(self, entry: Entry, *, expected: str, message: str) -> Pulled:
        """Save a file as the next version on the server.

        Raises:
            Conflict: `head_moved`: the server's head is not the one expected.
        """
        if entry.kind == ROWS:
            number = save_dataset(
                self._client, entry.name, entry.path, expected=expected, message=message, query=self._query
            )
            pulled, _ = self.fetched(entry, str(number))
            self.note(entry, pulled)
            return pulled
        body = {"body": entry.body, "expected": expected, "message": message}
        query = {**self._query, "create": "true"}
        data = self._client.post(address_of(entry.kind, entry.name, "versions"), body, query)
        answer = msgspec.json.decode(data)
        pulled = Pulled(version=answer["number"], digest=answer["digest"])
        self.note(entry, pulled)
        return pulled

    def move_label(self, entry: Entry, label: str, version: int, *, reason: str) -> None:
        """Put a label at a version."""
        body = {"version": str(version), "reason": reason}
        self._client.put(address_of(entry.kind, entry.name, "labels", label), body, self._query)

    def note(self, entry: Entry, pulled: Pulled) -> None:
        """Remember which version a file is."""
        self.lock.artifacts[entry.title] = pulled

    def forget(self, entry: Entry) -> None:
        """There is no such artifact any longer."""
        self.lock.artifacts.pop(entry.title, None)

    def keep(self) -> None:
        """Write the lock, in an order that suits a version control.

        Raises:
            Unavailable: it cannot be written.
        """
        ordered = Lock(format=self.lock.format, artifacts=dict(sorted(self.lock.artifacts.items())))
        data = msgspec.json.format(msgspec.json.encode(ordered), indent=2) + b"\n"
        path = self.folder / LOCK
        try:
            if not ordered.artifacts and not path.exists():
                return
            if not path.exists() or path.read_bytes() != data:
                self.folder.mkdir(parents=True, exist_ok=True)
                replace_file(path, data, mode=0o644)
        except OSError as error:
            raise Unavailable(f"{path} cannot be written: {error.strerror}.", code="file_not_writable") from error

    def _heads(self, kind: str) -> Iterator[Head]:
        cursor: str | None = None
        while True:
            query = {**self._query, "limit": PAGE, "cursor": cursor}
            page = msgspec.json.decode(self._client.get(path_of("artifacts", kind), query), type=_Page)
            for head in page.items:
                check_name(head.name)  # it is going to be a path
                if head.head is not None:
                    yield head
            cursor = page.next_cursor
            if cursor is None:
                return

    def _files(self, kind: ArtifactKind) -> dict[str, Path]:
        """Files by the name of their artifact."""
        root = self.folder / f"{kind.name}s"
        found: dict[str, Path] = {}
        for path in sorted(root.rglob(f"*{kind.suffix}")):
            if path.is_file():
                name = path.relative_to(root).as_posix().removesuffix(kind.suffix)
                try:
                    check_name(name)
                except InvalidInput as error:
                    raise InvalidInput(f"{path}: {error.message}", hint=error.hint) from error
                found[name] = path
        return found

    def _entry(
        self, kind: ArtifactKind, name: str, file: Path | None, pulled: Pulled | None, head: Head | None
    ) -> Entry:
        path = file or self.folder / f"{kind.name}s" / f"{name}{kind.suffix}"
        body = None if file is None else _body(kind, self._inside(file))
        digest = None if file is None else content_digest(kind.name, body)
        return Entry(
            kind=kind.name,
            name=name,
            path=path,
            state=_state(pulled and pulled.digest, digest, head and head.digest),
            pulled=pulled,
            head=head,
            body=body,
            digest=digest,
        )

    def _inside(self, path: Path) -> Path:
        root = self.folder.resolve()
        place = path.resolve()
        if not place.is_relative_to(root):
            raise InvalidInput(f"{path} leads out of {root}.", hint="Replace the link by a folder.")
        return place


def address_of(kind: str, name: str, *rest: str) -> str:
    """Path of an artifact, or of something of it, in the control API."""
    return path_of("artifacts", kind, name.replace("/", ":"), *rest)


def describe(state: State) -> str:
    """One character, as version controls write it."""
    marks = {
        State.SAME: "=",
        State.BEHIND: "<",
        State.CHANGED: ">",
        State.CONFLICT: "!",
        State.ONLY_HERE: "+",
        State.ONLY_THERE: "<",
        State.DELETED: "-",
        State.GONE: "x",
    }
    return marks[state]


def unified(before: str, after: str, *, names: tuple[str, str]) -> list[str]:
    """A unified diff of two texts, line by line."""
    return [
        line.rstrip("\n")
        for line in difflib.unified_diff(before.splitlines(), after.splitlines(), *names, lineterm="", n=3)
    ]


def _state(base: str | None, here: str | None, there: str | None) -> State:
    if here == there:
        return State.SAME if here is not None else State.GONE
    if here is None:
        return State.ONLY_THERE if base is None else State.DELETED
    if there is None:
        return State.ONLY_HERE if base is None else State.GONE
    if here == base:
        return State.BEHIND
    return State.CHANGED if there == base else State.CONFLICT


def _body(kind: ArtifactKind, path: Path) -> Any:
    try:
        if kind.name == ROWS:
            return kind.check(read_dataset(path))
        with path.open("rb") as file:
            data = file.read(MAX_FILE)
        return kind.check(kind.from_file(data.decode("utf-8-sig")))
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} cannot be read as UTF-8 text: {error}.") from error
    except InvalidInput as error:
        field = f" {error.field}:" if error.field else ""
        raise InvalidInput(f"{path}:{field} {error.message}", hint=error.hint, code=error.code) from error


def _is_chosen(title: str, chosen: Sequence[str]) -> bool:
    wanted = [one.removeprefix("./").rstrip("/") for one in chosen]
    return not wanted or any(
        title == one or title.startswith(f"{one}/") or one.startswith(f"{title}.") for one in wanted
    )


def _read_lock(path: Path) -> Lock:
    try:
        lock = msgspec.json.decode(path.read_bytes(), type=Lock)
    except FileNotFoundError:
        return Lock()
    except (OSError, msgspec.MsgspecError) as error:
        raise CorruptData(
            f"{path} cannot be read: {error}.", hint="Take it from the repository, or delete it and pull again."
        ) from error
    if lock.format != 1:
        raise CorruptData(f"{path} has format {lock.format}, and this version of Penstock knows 1.")
    return lock
