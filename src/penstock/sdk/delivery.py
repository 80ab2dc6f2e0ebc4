"""Scores on their way to the console."""

import http.client
import logging
import urllib.error
import urllib.request
from collections.abc import Callable
from email.message import Message
from threading import Event
from typing import Any

import msgspec

from penstock import __version__
from penstock.sdk.state import NewScore

__all__ = ["ScoreSender"]

logger = logging.getLogger("penstock")

ATTEMPTS = 4
FIRST_PAUSE = 0.5
"""Seconds before the second attempt; doubled for each further one."""
LONGEST_PAUSE = 10.0
MAX_ANSWER = 4 * 1024 * 1024
RETRYABLE = frozenset({408, 425, 429, 500, 502, 503, 504})


class _Outcome(msgspec.Struct):
    id: str
    accepted: bool
    reason: str | None = None


class _Answer(msgspec.Struct):
    items: list[_Outcome] = []


class ScoreSender:
    """Posts batches to `/api/v1/scores`. A batch that may have arrived is sent again: a score's id makes it one.

    Args:
        console_url: Address of the console.
        api_key: With the permission `scores:write`; None sends none.
        timeout: Seconds of one attempt.
        pause: Waits so many seconds, or until the process ends; True when it is over.
    """

    def __init__(
        self,
        console_url: str,
        api_key: str | None,
        *,
        timeout: float = 10.0,
        pause: Callable[[float], bool] | None = None,
    ) -> None:
        self._url = f"{console_url.rstrip('/')}/api/v1/scores"
        self._headers = {"content-type": "application/json", "user-agent": f"penstock-sdk/{__version__}"}
        if api_key is not None:
            self._headers["authorization"] = f"Bearer {api_key}"
        self._timeout = timeout
        self._over = Event()
        self._pause = pause or self._over.wait
        # A redirect is not followed: it would carry the key elsewhere.
        self._opener = urllib.request.build_opener(_NoRedirect)

    def stop(self) -> None:
        """No further attempts: time is up."""
        self._over.set()

    def send(self, scores: list[NewScore]) -> bool:
        """Deliver a batch, with a few attempts; False when it was given up or refused. A refusal is logged."""
        body = msgspec.json.encode({"items": scores})
        pause = FIRST_PAUSE
        for attempt in range(1, ATTEMPTS + 1):
            refused, wait = self._try(body)
            if refused is None:
                return True
            if wait is None or attempt == ATTEMPTS:
                logger.warning("%d scores were not taken: %s", len(scores), refused)
                return False
            if self._pause(max(wait, pause)):
                return False
            pause *= 2
        return False

    def _try(self, body: bytes) -> tuple[str | None, float | None]:
        """Why it was not taken, None if it was; and the least seconds to wait, None if no attempt helps."""
        request = urllib.request.Request(self._url, body, self._headers, method="POST")  # noqa: S310 - checked in `init`
        try:
            with self._opener.open(request, timeout=self._timeout) as response:
                self._tell_rejected(response.read(MAX_ANSWER))
        except urllib.error.HTTPError as error:
            with error:
                detail = error.read(2048).decode("utf-8", "replace")
                return f"{error.code} {detail}", _retry_after(error.headers) if error.code in RETRYABLE else None
        except (OSError, http.client.HTTPException) as error:
            return str(error) or type(error).__name__, 0.0
        return None, None

    def _tell_rejected(self, body: bytes) -> None:
        try:
            answer = msgspec.json.decode(body, type=_Answer)
        except msgspec.MsgspecError:
            return
        for outcome in answer.items:
            if not outcome.accepted:
                logger.warning("the score %s was rejected: %s", outcome.id, outcome.reason)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *arguments: Any, **named: Any) -> None:
        del arguments, named


def _retry_after(headers: Message) -> float:
    try:
        return min(LONGEST_PAUSE, max(0.0, float(headers.get("retry-after", "0"))))
    except ValueError:
        return 0.0
