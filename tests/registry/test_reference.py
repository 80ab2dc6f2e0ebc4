import re
from pathlib import Path

from penstock.registry import reference
from penstock.registry.config import load_config

DOCS = Path(__file__).parents[2] / "docs"


def test_the_committed_pages_are_fresh():
    assert (DOCS / "configuration.md").read_text("utf-8") == reference.configuration_page(), (
        "Run: python -m penstock.registry.reference docs"
    )
    assert (DOCS / "penstock.schema.json").read_text("utf-8") == reference.schema_text()


def test_the_example_of_the_page_is_valid(tmp_path):
    (example,) = re.findall(r"```yaml\n(.*?)```", reference.configuration_page(), re.DOTALL)
    path = tmp_path / "penstock.yaml"
    path.write_text(example)
    loaded = load_config(path, environment={"OPENAI_API_KEY": "x"})
    assert list(loaded.providers) == ["openai", "gpu-box"]
    assert list(loaded.aliases) == ["fast", "careful"]


def test_the_pages_are_written_into_a_folder_or_printed(tmp_path, capsys):
    reference.main([str(tmp_path)])
    assert {path.name for path in tmp_path.iterdir()} == {"configuration.md", "penstock.schema.json"}
    reference.main([])
    assert capsys.readouterr().out == (tmp_path / "configuration.md").read_text("utf-8")
