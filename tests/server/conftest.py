"""The console's app over real services, called in process."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import msgspec
import pytest

from metadata_harness import MetadataOpener
from penstock.alerts.incidents.types import NewIncident
from penstock.alerts.notify.types import NewChannel
from penstock.alerts.slo.types import Indicator, SloSpec
from penstock.alerts.types import AlertCondition, Matcher, NewSilence, RuleSpec
from penstock.core.clock import ManualClock
from penstock.core.home import Home
from penstock.core.ids import RandomIds
from penstock.evals.annotation.types import AddItems, NewItem, NewLabel, NewQueue, Question
from penstock.evals.datasets.checks.types import NewCheck
from penstock.evals.datasets.imports import NewImport
from penstock.evals.datasets.mapping import FieldMapping
from penstock.evals.datasets.types import DatasetRow
from penstock.evals.experiments.calibration_runs import NewCalibrationRun, QueueLabels
from penstock.evals.experiments.calibration_types import NewCalibration, PeopleLabel
from penstock.evals.experiments.service import NewRow
from penstock.evals.experiments.types import ExperimentSpec, VariantSpec
from penstock.identity.service import IdentityService
from penstock.identity.types import Bootstrap, KeyWithSecret
from penstock.registry.artifacts.types import Draft, Ref
from penstock.registry.artifacts.webhook_types import NewWebhook
from penstock.registry.definitions import Definitions
from penstock.registry.prompts.service import PromptService
from penstock.registry.prompts.store import StoredPrompts
from penstock.registry.service import RegistryService
from penstock.registry.stored import StoredEntries
from penstock.registry.types import Place
from penstock.server.alerting import alert_service
from penstock.server.artifacts import artifact_service
from penstock.server.auth import csrf_token
from penstock.server.calibration_links import Labels
from penstock.server.console_app import ConsoleApp, ConsoleServices, ConsoleSettings, build
from penstock.server.evaluation import evaluation, experiment_outputs, playground
from penstock.server.experiments import dataset_rows, experiment_services
from penstock.server.gateway_access import GatewayAccess
from penstock.server.otlp_intake import otlp_intake
from penstock.server.reconciliation import BudgetReconciler, spend_service
from penstock.server.score_service import score_service
from penstock.server.span_flow import span_flow
from penstock.store.journal.writer import JournalWriter
from penstock.store.spans.duckdb.store import DuckDbSpanStore, open_spans
from penstock.testing.journal import JournalFolder
from penstock.tracing.jobs import IngestJob
from penstock.tracing.observability import observe
from penstock.tracing.retention.types import DeletionRequest
from penstock.tracing.service import TracingService
from penstock.tracing.views.types import ViewDocument
from penstock.wire.snapshot import JournalSettings

URL = "http://127.0.0.1:4180"


@dataclass
class Console:
    """An app, its identity service, and what the first start made."""

    app: ConsoleApp
    services: ConsoleServices
    identity: IdentityService
    made: Bootstrap
    clock: ManualClock
    home: Home
    ingest: IngestJob
    journal: Path

    def key(self, *scopes: str, project: str | None = None, **options) -> KeyWithSecret:
        admin = self.identity.access.by_key(self.made.secret)
        where = self.made.project if project is None else project
        return self.identity.keys.create(admin, project=where, name="test", scopes=scopes, **options)

    def session(self, role: str = "admin", name: str | None = None, project: str | None = None) -> str:
        link = self.identity.new_signin_link(role=role, name=name or role, project=project)
        return self.identity.people.sign_in(link.token).token

    def project(self, name: str) -> str:
        return self.identity.projects.create(self.identity.access.by_key(self.made.secret), name).id

    def client(self, *, key: str | None = None, session: str | None = None, **options) -> httpx.AsyncClient:
        """A client that signs its writes when it has a session, as the console's pages do."""
        headers = dict(options.pop("headers", {}))
        if key is not None:
            headers["authorization"] = f"Bearer {key}"
        if session is not None:
            headers |= {"cookie": f"penstock_session={session}", "x-csrf-token": csrf_token(session)}
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)  # type: ignore[arg-type]
        return httpx.AsyncClient(transport=transport, base_url=URL, headers=headers, **options)

    def dashboard(self, project: str) -> str:
        """Id of a project's first dashboard."""
        return self.services.observability.dashboards.listed(project)[0].id

    def deletion(self, project: str) -> str:
        """Id of a deletion that was asked for in a project."""
        admin = self.identity.access.by_key(self.made.secret)
        request = DeletionRequest(session="of somebody")
        return self.services.observability.retention.delete(admin, project, request).id

    def view(self, project: str) -> str:
        """Id of a new view that is shared in a project."""
        admin = self.identity.access.by_key(self.made.secret)
        document = ViewDocument(name="errors", q="status:error", shared=True)
        return self.services.observability.views.create(admin, project, document).id

    def definition(self, kind: str, name: str, project: str) -> str:
        """Name of a new route or limit of the control API."""
        body = {"on": "key", "parallel": 1} if kind == "limit" else {"strategy": "up/m"}
        self.home.config.write_text("providers: {up: {kind: openai, base_url: 'http://127.0.0.1:1/v1'}}")
        self.services.registry.reload()
        admin = self.identity.access.by_key(self.made.secret)
        self.services.definitions.put(kind, admin, name, body, place=Place(project=project))
        return name

    def experiment(self, project: str, *, running: bool = False) -> str:
        """Id of a new experiment of one row; one that runs is run by `x`."""
        admin = self.identity.access.by_key(self.made.secret)
        spec = ExperimentSpec(name="theirs", dataset="x.jsonl", variants=[VariantSpec(name="a", model="m")])
        made = self.services.experiments.experiments.create(admin, project, spec)
        self.services.experiments.experiments.add_rows(project, made.id, [NewRow(input="x")])
        if running:
            self.services.experiments.experiments.take(admin, project, made.id, runner="x", evaluators={})
        return made.id

    async def trace(self, project: str, **more: str) -> str:
        """Id of a new trace of one call, stored as the gateway's journal would bring it. Its span is half of that."""
        trace_id = RandomIds().trace_id()
        folder = JournalFolder(self.journal, worker=trace_id[:16])
        span = folder.span(project=project, trace_id=trace_id, span_id=trace_id[:16], key=self.made.key, **more)
        folder.write(span)
        await self.ingest.step()
        return trace_id

    async def seen(self, project: str, **who: str) -> str:
        """Id of a session or a user of a new call."""
        await self.trace(project, **who)
        return next(iter(who.values()))

    def score(self, project: str) -> str:
        """Id of a new score, stored as the log of scores would bring it."""
        score_id = RandomIds().uuid7()
        segment = self.journal / f"{score_id}.ndjson"
        line = {"record": "score", "id": score_id, "project": project, "name": "helpful", "type": "boolean"}
        segment.write_bytes(msgspec.json.encode({**line, "number": 1, "session": "s", "source": "code", "created": 1}))
        self.services.scores._store.load_scores([segment])
        segment.unlink()
        return score_id

    def artifact(self, project: str) -> str:
        """Id of a new prompt of two versions with a branch and a label `x` that was moved."""
        admin = self.identity.access.by_key(self.made.secret)
        artifacts, ref = self.services.artifacts, Ref(project, "prompt", "theirs")
        for text in ("one", "two"):
            artifacts.versions.save(admin, ref, Draft(body={"text": text}), create=True)
        artifacts.versions.branch(admin, ref, name="x", version="2")
        for version in ("2", "1", "2"):
            artifacts.labels.move(admin, ref, "x", version=version)
        return artifacts.catalog.get(ref).id

    def prompt(self, project: str) -> str:
        """Id of a new prompt that is in production."""
        id_ = self.artifact(project)
        admin = self.identity.access.by_key(self.made.secret)
        self.services.artifacts.labels.move(admin, Ref(project, "prompt", id_), "production", version="1")
        return id_

    def webhook(self, project: str) -> str:
        """Id of a new webhook."""
        admin = self.identity.access.by_key(self.made.secret)
        new = NewWebhook(name="theirs", url="https://example.com")
        return self.services.artifacts.webhooks.create(admin, project, new).id

    def dead_delivery(self, project: str) -> str:
        """Id of a delivery to a webhook that was given up."""
        webhooks = self.services.artifacts.webhooks
        webhook = self.webhook(project)
        self.artifact(project)
        with self.services.artifacts.webhooks._context.metadata.write() as connection:
            connection.exec_driver_sql("UPDATE webhook_deliveries SET status = 'dead'")
        return webhooks.deliveries(project, webhook)[0].id

    def dataset(self, project: str) -> str:
        """Id of a new dataset of two versions."""
        admin = self.identity.access.by_key(self.made.secret)
        for count in (1, 2):
            rows = [DatasetRow(id=str(number), input="x") for number in range(count)]
            saved = self.services.evaluation.datasets.save(admin, Ref(project, "dataset", "theirs"), rows)
        return saved.artifact

    def evaluator(self, project: str) -> str:
        """Name of a new evaluator that is a judge."""
        admin = self.identity.access.by_key(self.made.secret)
        body = {"type": "rubric", "model": "m", "criteria": [{"name": "good", "description": "x", "scale": "boolean"}]}
        self.services.artifacts.versions.save(admin, Ref(project, "evaluator", "theirs"), Draft(body=body), create=True)
        return "theirs"

    def judged(self, project: str) -> str:
        """Name of a new judge, beside a queue with a label."""
        admin = self.identity.access.by_key(self.made.secret)
        annotation = self.services.evaluation.annotation
        new = NewQueue(name="judged", questions=[Question(name="good", type="boolean")])
        queue = annotation.create(admin, project, new).id
        annotation.add(project, queue, AddItems(items=[NewItem(input="x", output="y")]))
        item = annotation.items(project, queue)[0].item.id
        annotation.label(admin, project, queue, item, NewLabel(answers={"good": True}))
        return self.evaluator(project)

    def calibrating(self, project: str) -> str:
        """Id of a calibration that runs, or ran."""
        admin = self.identity.access.by_key(self.made.secret)
        new = NewCalibrationRun(queue=QueueLabels(queue="judged", question="good"))
        return self.services.experiments.calibration_runs.start(admin, project, self.judged(project), new).id

    def calibrated(self, project: str) -> str:
        """A judge and its report, as an address has them."""
        admin = self.identity.access.by_key(self.made.secret)
        new = NewCalibration(labels=[PeopleLabel(judge=True, people=False)])
        name = self.evaluator(project)
        return f"{name}/calibrations/{self.services.experiments.calibrations.calibrate(admin, project, name, new).id}"

    def annotated(self, project: str) -> str:
        """Id of a new queue of one question."""
        admin = self.identity.access.by_key(self.made.secret)
        new = NewQueue(name=RandomIds().uuid7(), questions=[Question(name="good", type="boolean")])
        return self.services.evaluation.annotation.create(admin, project, new).id

    def to_annotate(self, project: str) -> str:
        """Queue and id of its one item, as an address has them."""
        annotation, queue = self.services.evaluation.annotation, self.annotated(project)
        annotation.add(project, queue, AddItems(items=[NewItem(input="x")]))
        return f"{queue}/items/{annotation.items(project, queue)[0].item.id}"

    def checked(self, project: str) -> str:
        """Id of a check of a new dataset."""
        ref = Ref(project, "dataset", self.dataset(project))
        return self.services.evaluation.checks.start(ref, NewCheck(similar=None)).id

    async def upload(self, project: str) -> str:
        """Id of a new upload of one row."""

        async def parts():
            yield b'{"input": "x"}'

        return await self.services.evaluation.uploads.receive(project, "x.jsonl", parts())

    async def imported(self, project: str) -> str:
        """Id of a new import."""
        admin = self.identity.access.by_key(self.made.secret)
        new = NewImport(upload=await self.upload(project), mapping=FieldMapping(input="input"))
        return self.services.evaluation.imports.start(admin, Ref(project, "dataset", "theirs"), new).id

    def alerting(self, kind: str, project: str) -> str:
        """Id of a new alert, silence, channel, objective or incident."""
        admin = self.identity.access.by_key(self.made.secret)
        alerts = self.services.alerts
        if kind == "alerts":
            spec = RuleSpec(name="theirs", condition=AlertCondition(kind="threshold", value=1))
            return alerts.rules.create(admin, project, spec).id
        if kind == "silences":
            matcher = Matcher(label="alert", value="x")
            ends = self.clock.now() + 3_600_000_000
            return alerts.silences.create(admin, project, NewSilence(matchers=[matcher], comment="x", ends=ends)).id
        if kind == "channels":
            return alerts.channels.create(admin, project, NewChannel(name="x", url="slack://a/b/c")).id
        if kind == "slos":
            spec = SloSpec(name="theirs", indicator=Indicator(kind="availability"), objective=0.99)
            return alerts.slos.create(admin, project, spec).id
        return alerts.incidents.create(admin, project, NewIncident(title="theirs", steps=["look"])).id

    async def ask(self, method: str, path: str, **options) -> httpx.Response:
        credentials = {name: options.pop(name) for name in ("key", "session") if name in options}
        async with self.client(**credentials) as client:
            return await client.request(method, path, **options)


class NoTransport:
    """Sends nothing."""

    def check(self, url, *, allow):
        return None

    def send(self, address, message, *, allow):
        return None


class NoSender:
    """Sends no webhook."""

    def check(self, url):
        return "example.com"

    def send(self, url, secret, *, id_, timestamp, body):
        return None


class Shared:
    """One app for all tests, since building it is slow; each test puts its own services in."""

    def __init__(self) -> None:
        self.services: ConsoleServices | None = None
        settings = ConsoleSettings(
            console_url=URL, gateway_url="http://127.0.0.1:4100", static=Path(__file__).parent / "not-built"
        )
        self.app = build(settings, self.current)

    def current(self) -> ConsoleServices:
        assert self.services is not None
        return self.services


@pytest.fixture(scope="session")
def shared() -> Shared:
    return Shared()


@pytest.fixture(scope="session")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("journal")


@pytest.fixture(scope="session")
def spans(tmp_path_factory: pytest.TempPathFactory, journal: Path):
    """One store for all tests, since opening it is slow; every test has projects of its own in it."""
    path = tmp_path_factory.mktemp("spans") / "spans.duckdb"
    store = open_spans(path, clock=ManualClock(), journal=journal)
    yield store
    store.close()


@pytest.fixture
def console(tmp_path: Path, shared: Shared, spans: DuckDbSpanStore, journal: Path, metadata_opener: MetadataOpener):
    with opened(tmp_path, shared, spans, journal, metadata_opener) as console:
        yield console


@pytest.fixture(scope="module")
def lasting(
    tmp_path_factory: pytest.TempPathFactory, shared: Shared, spans: DuckDbSpanStore, journal: Path
) -> Iterator[Console]:
    """A console for all tests of a file."""
    folder = tmp_path_factory.mktemp("lasting")
    opener = MetadataOpener(folder)
    with opened(folder, shared, spans, journal, opener) as console:
        yield console
    opener.close()


@pytest.fixture
def door(lasting: Console, shared: Shared) -> Console:
    """A console that others have asked before: for requests that are refused, and leave nothing."""
    shared.services = lasting.services
    return lasting


@contextmanager
def opened(
    folder: Path, shared: Shared, spans: DuckDbSpanStore, journal: Path, metadata_opener: MetadataOpener
) -> Iterator[Console]:
    """The app over new services."""
    home = Home(folder / "home")
    home.create()
    clock = ManualClock()
    metadata = metadata_opener.open(home.metadata)
    identity = IdentityService(metadata, clock=clock, ids=RandomIds(clock), master_key=home.master_key)
    made = identity.bootstrap(home.admin_key)
    assert made is not None
    registry = RegistryService(
        home,
        clock=clock,
        entries=identity.snapshot_entries,
        environment={},
        secrets=identity.secrets,
        stored=StoredEntries(metadata),
        prompts=StoredPrompts(metadata),
    )
    registry.start()
    ingest = IngestJob(spans, journal, clock=clock)
    definitions = Definitions(metadata, registry=registry, clock=clock, ids=RandomIds(clock))
    names = identity.keys.names
    received = JournalWriter(home.intake, JournalSettings(), clock=clock, ids=RandomIds(clock))
    otlp = otlp_intake(received, home, registry, clock=clock)
    tracing = TracingService(
        spans,
        ingest,
        clock=clock,
        home=home,
        key_names=identity.keys.names,
        flow=lambda: span_flow(home, otlp, ()),
    )
    judged = JournalWriter(home.scores, JournalSettings(), clock=clock, ids=RandomIds(clock))
    observability = observe(spans, metadata, clock=clock, ids=RandomIds(clock), key_names=names)
    alerts = alert_service(
        spans,
        metadata,
        identity,
        reader=observability.reader,
        home=home,
        settings=ConsoleSettings(console_url=URL),
        clock=clock,
        ids=RandomIds(clock),
        transport=NoTransport(),
        environment={},
    )
    artifacts = artifact_service(
        metadata, identity, registry, home=home, clock=clock, ids=RandomIds(clock), sender=NoSender(), environment={}
    )
    prompts = PromptService(StoredPrompts(metadata), snapshot=lambda: registry.snapshot, clock=clock)
    evals = evaluation(
        metadata,
        artifacts,
        home=home,
        clock=clock,
        ids=RandomIds(clock),
        spans=spans,
        reader=observability.reader,
        outputs=experiment_outputs(lambda: experiments.results),
    )
    models = GatewayAccess(None, identity.console_keys, list)
    experiments = experiment_services(
        metadata,
        clock=clock,
        ids=RandomIds(clock),
        labels=Labels(evals.annotation, evals.datasets),
        models=models,
        datasets=dataset_rows(evals.datasets),
        artifacts=artifacts,
        spans=spans,
    )
    services = ConsoleServices(
        experiments=experiments,
        identity=identity,
        alerts=alerts,
        artifacts=artifacts,
        evaluation=evals,
        playground=playground(prompts, models, tracing, clock=clock, ids=RandomIds(clock)),
        prompts=prompts,
        registry=registry,
        definitions=definitions,
        tracing=tracing,
        observability=observability,
        otlp=otlp,
        scores=score_service(spans, judged, registry, clock=clock, ids=RandomIds(clock)),
        spend=spend_service(spans, registry, key_names=names, clock=clock),
        reconciler=BudgetReconciler(
            home,
            spans,
            snapshot=lambda: registry.snapshot,
            key_names=names,
            clock=clock,
            ids=RandomIds(clock),
            pause=clock.advance,
        ),
        clock=clock,
    )
    shared.services = services
    yield Console(shared.app, services, identity, made, clock, home, ingest, journal)
    evals.close()
    otlp.close()
    received.close()
    judged.close()
    metadata.close()
