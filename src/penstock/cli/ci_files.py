"""Files with which CI systems run an experiment, as `penstock eval init-ci` writes them."""

from collections.abc import Mapping
from typing import Final, Literal

__all__ = ["CI_FILES"]

_GITHUB: Final = """\
# Runs an experiment for each pull request, comments its report, and holds the merge while the gate says no.
# Exit codes of the run: 0 the gate passes, 1 it fails, 2 it cannot be told (too few rows, or something broke).
name: eval
on:
  pull_request:
permissions:
  contents: read
  pull-requests: write
concurrency:
  group: eval-${{ github.ref }}
  cancel-in-progress: true
jobs:
  eval:
    runs-on: ubuntu-latest
    timeout-minutes: 60
    steps:
      - uses: actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683 # v4.2.2
        with:
          persist-credentials: false
      - uses: actions/setup-python@a26af69be951a213d495a4c3e4e4022e16d87065 # v5.6.0
        with:
          python-version: "3.12"
      - run: pip install "penstock[server]"
      - name: Run the experiment
        env:
          # Of a key with gateway:call, experiments:read, experiments:write and traces:read.
          PENSTOCK_KEY: ${{ secrets.PENSTOCK_KEY }}
          PENSTOCK_CONSOLE_URL: ${{ secrets.PENSTOCK_CONSOLE_URL }}
        run: penstock eval run @FILE@ --gate --junit eval.xml --markdown eval.md
      - name: Comment the report
        if: always() && hashFiles('eval.md') != ''
        env:
          GH_TOKEN: ${{ github.token }}
          PR: ${{ github.event.pull_request.number }}
        run: |
          cat eval.md >> "$GITHUB_STEP_SUMMARY"
          gh pr comment "$PR" --body-file eval.md --edit-last --create-if-none
      - uses: actions/upload-artifact@ea165f8d65b6e75b540449e92b4886f43607fa02 # v4.6.2
        if: always()
        with:
          name: eval
          path: |
            eval.xml
            eval.md
          if-no-files-found: ignore
"""

_GITLAB: Final = """\
# Runs an experiment for each merge request, and holds the merge while the gate says no. Include this file from
# .gitlab-ci.yml. Exit codes of the run: 0 the gate passes, 1 it fails, 2 it cannot be told.
# Variables, masked: PENSTOCK_KEY (with gateway:call, experiments:read, experiments:write and traces:read) and
# PENSTOCK_CONSOLE_URL; for the comment GITLAB_TOKEN, a project token with the scope api.
eval:
  image: python:3.12-slim
  rules:
    - if: $CI_PIPELINE_SOURCE == "merge_request_event"
  interruptible: true
  timeout: 1 hour
  script:
    - pip install "penstock[server]"
    - penstock eval run @FILE@ --gate --junit eval.xml --markdown eval.md
  after_script:
    - |
      if [ -f eval.md ] && [ -n "$GITLAB_TOKEN" ]; then
        python - <<'PY'
      import json, os, pathlib, urllib.request
      path = "{CI_API_V4_URL}/projects/{CI_PROJECT_ID}/merge_requests/{CI_MERGE_REQUEST_IID}/notes"
      address = path.format(**os.environ)
      body = json.dumps({"body": pathlib.Path("eval.md").read_text()}).encode()
      headers = {"PRIVATE-TOKEN": os.environ["GITLAB_TOKEN"], "content-type": "application/json"}
      urllib.request.urlopen(urllib.request.Request(address, body, headers), timeout=30)
      PY
      fi
  artifacts:
    when: always
    paths:
      - eval.xml
      - eval.md
    reports:
      junit: eval.xml
"""

CI_FILES: Final[Mapping[Literal["github", "gitlab"], tuple[str, str]]] = {
    "github": (".github/workflows/eval.yml", _GITHUB),
    "gitlab": (".gitlab/eval.yml", _GITLAB),
}
"""By system: where the file goes, and what is in it; `@FILE@` is the experiment's."""
