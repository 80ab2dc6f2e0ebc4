import pytest

from penstock.core.clock import ManualClock
from penstock.core.home import Home
from penstock.registry.service import RegistryService
from penstock.wire.snapshot import KeyEntry, ProjectEntry

PROJECT = ProjectEntry(id="p1", name="default")


class Identity:
    """Projects and keys as the identity slice gives them."""

    def __init__(self):
        self.projects = {"p1": PROJECT}
        self.keys = {}

    def add(self, digest, **fields):
        self.keys[digest] = KeyEntry(id=f"id-{digest}", name=digest, project="p1", **fields)

    def entries(self):
        return dict(self.projects), dict(self.keys)


@pytest.fixture
def home(tmp_path):
    home = Home(tmp_path / "home")
    home.create()
    return home


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def identity():
    return Identity()


@pytest.fixture
def make_registry(home, clock, identity):
    def make(**options):
        options = {"clock": clock, "entries": identity.entries, "environment": {}, **options}
        return RegistryService(options.pop("home", home), **options)

    return make


@pytest.fixture
def write(home):
    """Writes the configuration file of the home."""

    def write(text):
        home.config.write_text(text)
        return home.config

    return write
