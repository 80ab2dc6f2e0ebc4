import pytest

from penstock.core.errors import NotFound
from penstock.registry.prompts.ports import PromptVersion


class Versions:
    """Stored prompts, in memory: by project, name and selector."""

    def __init__(self):
        self.stored = {}
        self.asked = 0

    def put(self, name, body, *selectors, version=1, project="p1"):
        stored = PromptVersion(name=name, version=version, digest=f"{name}{version}", body=body)
        for selector in (*selectors, str(version)):
            self.stored[project, name, selector] = stored

    def find(self, project, name, selector):
        self.asked += 1
        found = self.stored.get((project, name, selector))
        if found is None:
            raise NotFound(f"The prompt {name} has no version {selector}.", code="version_not_found")
        return found


@pytest.fixture
def versions():
    return Versions()
