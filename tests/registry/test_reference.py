import re
import textwrap
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


def test_the_examples_of_the_routes_page_are_valid(tmp_path):
    page = (DOCS / "routes.md").read_text("utf-8")
    whole, part = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    strategies = re.findall(r"^\| `((?!logprob|regex|json|judge)\w+: [\[{][^`…]*)` \|", page, re.MULTILINE)
    assert len(strategies) >= 4
    variants = "    variants: {smart: up/a, pool: up/b, cheap: up/c}\n"
    bodies = [*(f"    strategy: {{{one}}}\n" for one in strategies), textwrap.indent(part, "    ")]
    routes = "".join(f"  r{index}:\n{variants}{body}" for index, body in enumerate(bodies))
    path = tmp_path / "penstock.yaml"
    providers = "providers:\n" + "".join(f"  {name}: {{kind: openai}}\n" for name in ("up", "openai", "other"))
    path.write_text(f"{providers}{whole.replace('azure/', 'other/')}{routes}")
    assert len(load_config(path, environment={}).routes) == 1 + len(bodies)
