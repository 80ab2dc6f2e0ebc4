"""What `penstock up` prints when it serves."""

import json
import sys
from collections.abc import Mapping
from typing import Any

from penstock.core.home import Home

__all__ = ["show"]


def show(home: Home, urls: Mapping[str, str], *, admin_key: str | None, facts: Mapping[str, Any]) -> None:
    """URLs, key, sign-in link, and a first call that works as printed."""
    lines = ["", "Penstock is up."]
    if "gateway" in urls:
        lines.append(f"  Gateway   {urls['gateway']}/v1   (Anthropic SDK: {urls['gateway']})")
    if "console" in urls:
        lines.append(f"  Console   {facts.get('signin_url') or urls['console']}")
        if facts.get("signin_url"):
            lines.append("            (signs you in once; another with: penstock signin-link)")
    lines.append(f"  Home      {home.path}")
    if admin_key and "console" in urls:
        lines.append(f"  Key       {admin_key}   (also in {home.path / 'admin.key'})")
    if facts.get("simulator"):
        lines += [
            "",
            "No provider is configured, so the simulator answers: no call leaves this machine, no answer is real.",
        ]
        lines.append(
            f"Configure providers in {home.config}, or set OPENAI_API_KEY or ANTHROPIC_API_KEY, and start again."
        )
    model = facts.get("first_model")
    if "gateway" in urls and admin_key and model:
        body = json.dumps({"model": model, "messages": [{"role": "user", "content": "What is a penstock?"}]})
        lines += [
            "",
            "Try it:",
            f"  curl {urls['gateway']}/v1/chat/completions \\",
            f"    -H 'Authorization: Bearer {admin_key}' \\",
            "    -H 'Content-Type: application/json' \\",
            f"    -d '{body}'",
        ]
    sys.stdout.write("\n".join(lines) + "\n\n")
    sys.stdout.flush()
