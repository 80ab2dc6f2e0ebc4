"""10,000 prompts with 50 versions each on SQLite: list, search, diff and label move.

    python -m bench.registry [--artifacts 10000] [--versions 50] [--rounds 200] [--keep FOLDER]

Every 1,000th prompt is saved through the service, version by version; of the others the rows that the service would
have left behind are written in bulk, with contents of their own. What is timed is the service, as the control API calls
it. The last line is JSON.
"""

import argparse
import json
import random
import tempfile
import time
from pathlib import Path

import msgspec
from sqlalchemy import Connection, select

from penstock.core.clock import ManualClock
from penstock.core.ids import RandomIds
from penstock.identity.types import SYSTEM
from penstock.registry.artifacts.catalog import searched_text
from penstock.registry.artifacts.files import canonical, content_digest
from penstock.registry.artifacts.service import ArtifactService
from penstock.registry.artifacts.store import artifacts, texts, versions
from penstock.registry.artifacts.store.artifacts import ArtifactRecord
from penstock.registry.artifacts.store.labels import LabelRecord
from penstock.registry.artifacts.store.labels import put as put_label
from penstock.registry.artifacts.types import Draft, Listing, Ref
from penstock.store.metadata import Metadata, open_metadata
from penstock.store.metadata.schema import artifact_blobs, artifact_versions, organizations, projects

WORDS = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8").split()
KIND = "prompt"
PROJECT = "p1"
LIMIT_MS = 100.0


class NoVault:
    def put(self, name: str, value: str) -> None: ...
    def open(self, name: str) -> str:
        raise KeyError(name)

    def drop(self, name: str) -> None: ...


class NoSender:
    def check(self, url: str) -> str:
        return url

    def send(self, url: str, secret: str, *, id_: str, timestamp: int, body: bytes) -> None: ...


def bodies_of(name: str, depth: int, chance: random.Random) -> list[dict[str, object]]:
    """About 2 KB of text, of which a word changes with each version."""
    words = chance.choices(WORDS, k=250)
    found: list[dict[str, object]] = []
    for number in range(depth):
        words[number % 250] = f"changed{chance.randrange(1 << 30)}"
        found.append(
            {
                "messages": [
                    {"role": "system", "content": " ".join(words[:200])},
                    {"role": "user", "content": f"{name}: {' '.join(words[200:])} {{{{ question }}}}"},
                ],
                "parameters": {"temperature": number / 100},
            }
        )
    return found


def fill(metadata: Metadata, service: ArtifactService, *, count: int, depth: int, ids: RandomIds) -> None:
    chance = random.Random(1)
    for start in range(0, count, 100):
        names = [f"team-{i % 40}/area-{i % 7}/prompt-{i:05}" for i in range(start, min(start + 100, count))]
        if start % 1000 == 0:
            first = names.pop(0)
            for body in bodies_of(first, depth, chance):
                service.versions.save(SYSTEM, Ref(PROJECT, KIND, first), Draft(body=body), create=True)
            service.labels.move(SYSTEM, Ref(PROJECT, KIND, first), "production", version=str(depth))
            print(f"  {start:,} prompts", flush=True)
        with metadata.write() as connection:
            for name in names:
                bodies = bodies_of(name, depth, chance)
                bulk(connection, service, name, bodies, id_=ids.uuid7(), at=chance.randrange(1 << 50))


def bulk(
    connection: Connection, service: ArtifactService, name: str, bodies: list[dict[str, object]], *, id_: str, at: int
) -> None:
    """The rows that saving these bodies one after the other and labelling the last one leaves behind."""
    kind = service.kinds.get(KIND)
    row = ArtifactRecord(
        id=id_, project=PROJECT, kind=KIND, name=name, description="",
        last=len(bodies), head=len(bodies), archived=None,
        created=at, created_by="bench", updated=at, updated_by="bench",
    )  # fmt: skip
    artifacts.insert(connection, row)
    artifacts.put_tags(connection, id_, [f"tag-{at % 20}"])
    texts.put_text(connection, id_, searched_text(row, kind.text(bodies[-1])))
    digests = [content_digest(KIND, body) for body in bodies]
    packed = [versions.packed(canonical(body)) for body in bodies]
    connection.execute(
        artifact_blobs.insert(),
        [
            {"digest": digest, "encoding": encoding, "size": size, "data": data}
            for digest, (encoding, size, data) in zip(digests, packed, strict=True)
        ],
    )
    connection.execute(
        artifact_versions.insert(),
        [
            msgspec.structs.asdict(
                versions.VersionRecord(
                    artifact=id_,
                    number=number,
                    digest=digest,
                    branch="main",
                    parent=number - 1 or None,
                    merged=None,
                    message="",
                    created=at,
                    created_by="bench",
                )
            )
            for number, digest in enumerate(digests, 1)
        ],
    )
    head = len(bodies)
    versions.put_branch(
        connection, versions.BranchRecord(artifact=id_, name="main", head=head, created=at, created_by="bench")
    )
    put_label(connection, LabelRecord(artifact=id_, name="production", number=head, moved=at, moved_by="bench"))


def measure(service: ArtifactService, *, count: int, depth: int, rounds: int) -> list[tuple[str, list[float], float]]:
    chance = random.Random(2)

    def ref() -> Ref:
        index = chance.randrange(count)
        return Ref(PROJECT, KIND, f"team-{index % 40}/area-{index % 7}/prompt-{index:05}")

    def listed(**what: object) -> None:
        service.catalog.listed(PROJECT, KIND, Listing(**what))  # type: ignore[arg-type]

    def page() -> None:
        listed(cursor=ref().name)

    def versions_between() -> tuple[str, str]:
        one, other = chance.sample(range(1, depth + 1), 2)
        return str(one), str(other)

    def diff() -> None:
        before, after = versions_between()
        service.versions.diff(ref(), before=before, after=after)

    def move() -> None:
        service.labels.move(SYSTEM, ref(), "production", version=versions_between()[0])

    def save() -> None:
        (body,) = bodies_of("x", 1, chance)
        service.versions.save(SYSTEM, ref(), Draft(body=body))

    ready = [ref() for _ in range(rounds)]
    for one in ready:
        service.labels.move(SYSTEM, one, "staging", version="1")
        service.labels.move(SYSTEM, one, "staging", version=str(depth))
        service.labels.move(SYSTEM, one, "staging", version="1")
    moved = iter({one.name: one for one in ready}.values())
    questions = {
        "list, a page by name": page,
        "list, what changed last": lambda: listed(sort="updated"),
        "list, a folder": lambda: listed(folder=f"team-{chance.randrange(40)}"),
        "list, a tag": lambda: listed(tag=f"tag-{chance.randrange(20)}", cursor=ref().name),
        "list, a label": lambda: listed(label="production", cursor=ref().name),
        "search, a common word": lambda: listed(q=chance.choice(WORDS)),
        "search, a name": lambda: listed(q=ref().name[-12:]),
        "search, nothing found": lambda: listed(q=f"zz{chance.randrange(1 << 30)}"),
        "search, two words": lambda: listed(q=f"{chance.choice(WORDS)} {chance.choice(WORDS)}"),
        "get, with branches and labels": lambda: service.catalog.get(ref()),
        "a version with its body": lambda: service.versions.get(ref(), "production"),
        "diff of two versions": diff,
        "label moved": move,
        "rollback": lambda: service.labels.rollback(SYSTEM, next(moved), "staging"),
        "save": save,
    }
    found: list[tuple[str, list[float], float]] = []
    for name, ask in questions.items():
        took: list[float] = []
        busy = time.process_time()
        for _ in range(rounds if name != "rollback" else len({one.name for one in ready})):
            started = time.perf_counter()
            ask()
            took.append((time.perf_counter() - started) * 1000)
        found.append((name, sorted(took), (time.process_time() - busy) * 1000 / len(took)))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--artifacts", type=int, default=10_000)
    parser.add_argument("--versions", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--keep", type=Path, help="folder of the store; used again when it is there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = options.keep or Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        metadata = open_metadata(place / "metadata.db")
        clock = ManualClock()
        ids = RandomIds(clock)
        service = ArtifactService(metadata, clock=clock, ids=ids, vault=NoVault(), sender=NoSender())
        with metadata.read() as connection:
            empty = connection.execute(select(projects.c.id).limit(1)).first() is None
        if empty:
            with metadata.write() as connection:
                connection.execute(organizations.insert().values(id="o", name="o", created=1))
                connection.execute(projects.insert().values(id=PROJECT, organization="o", name=PROJECT, created=1))
            fill(metadata, service, count=options.artifacts, depth=options.versions, ids=ids)
        started = time.perf_counter()
        labelled = service.labelled(KIND)
        first = time.perf_counter() - started
        service.labels.move(SYSTEM, Ref(PROJECT, KIND, labelled[0].name), "production", version="1")
        started = time.perf_counter()
        service.labelled(KIND)
        again = time.perf_counter() - started
        size = (place / "metadata.db").stat().st_size
        what = f"{options.artifacts:,} prompts x {options.versions} versions, {size / 1e6:,.0f} MB"
        print(f"\n{what}; {options.rounds} rounds\n")
        print("| | p50 ms | p95 ms | worst ms | CPU ms | budget p95 |\n|---|---|---|---|---|---|")
        questions = {}
        for name, took, busy in measure(
            service, count=options.artifacts, depth=options.versions, rounds=options.rounds
        ):
            p50, p95 = took[len(took) // 2], took[int(len(took) * 0.95)]
            questions[name] = {"p50_ms": p50, "p95_ms": p95}
            met = "met" if p95 <= LIMIT_MS else "MISSED"
            print(f"| {name} | {p50:.1f} | {p95:.1f} | {took[-1]:.1f} | {busy:.1f} | {met} |")
        print(
            f"\n{len(labelled):,} labelled bodies for the snapshot: {first:.2f} s, after one label moved {again:.2f} s"
        )
        metadata.close()
    size = {"artifacts": options.artifacts, "versions": options.versions, "budget_ms": LIMIT_MS}
    print(json.dumps({"bench": "registry", **size, "questions": questions}))


if __name__ == "__main__":
    main()
