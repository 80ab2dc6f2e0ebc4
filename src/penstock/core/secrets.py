"""Secrets at rest: sealed under a master key, bound to their name and to the origins they may be sent to.

A sealed secret is one line of text, `1.<key id>.<origins>.<nonce and ciphertext>`, the last two in base64url. The
cipher is AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce; everything before the ciphertext, and the name, is
its associated data, so that a sealed secret answers to no other name and no other origin than it was sealed for.

Several master keys can be readable at a time, of which the first one seals: that is how one is replaced by another.
"""

import hashlib
import re
import secrets
from base64 import b64decode, urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from penstock.core.errors import CorruptData, InvalidInput, MissingExtra, NotFound, Unavailable
from penstock.core.files import replace_file
from penstock.core.settings import Environment, process_environment

__all__ = [
    "REDIS",
    "MasterKeys",
    "SealedSecrets",
    "key_of",
    "new_master_key",
    "origin_of",
    "origins_of",
    "read_master_keys",
    "seal",
    "unseal",
    "write_master_keys",
]

VERSION = "1"
KEY_BYTES = 32
NONCE_BYTES = 12
MAX_FILE_BYTES = 64 * 1024
VARIABLE = "PENSTOCK_MASTER_KEY"
FILE_VARIABLE = "PENSTOCK_MASTER_KEY_FILE"
REDIS = "redis"
"""What `origin_of` says of every Redis."""
REDIS_SCHEMES = ("redis://", "rediss://", "unix://")
DEFAULT_PORTS = {"http": 80, "https": 443}


class MasterKeys(msgspec.Struct, frozen=True, kw_only=True):
    """The master keys that can be read, by id; the first one seals."""

    keys: dict[str, bytes]
    place: str
    """Where they came from, for people."""
    own: bool
    """True: Penstock's own file in the home, which it may write. False: given by the operator."""

    def __repr__(self) -> str:
        # The default would print the keys into whatever log shows the object.
        return f"MasterKeys(ids={list(self.keys)!r}, place={self.place!r})"

    @property
    def sealing(self) -> str:
        """Id of the key that seals."""
        return next(iter(self.keys))


def new_master_key() -> bytes:
    """256 random bits."""
    return secrets.token_bytes(KEY_BYTES)


def read_master_keys(own: Path, environment: Environment | None = None) -> MasterKeys:
    """The keys in `PENSTOCK_MASTER_KEY`, else in the file that `PENSTOCK_MASTER_KEY_FILE` names, else in `own`.

    Each place may hold several, newest first, between commas or blanks: 32 bytes in base64 or in hexadecimal digits.

    Raises:
        NotFound: `master_key_missing`: nothing is given and there is no such file as `own`, or
            `master_key_file_missing`: the file that was named does not exist.
        Unavailable: `master_key_unreadable`: the file cannot be read.
        CorruptData: `master_key_invalid`: what is there is not keys. It is not shown.
    """
    variables = process_environment() if environment is None else environment
    given = variables.get(VARIABLE)
    if given:
        return _parse(given, place=f"the variable {VARIABLE}", own=False)
    named = variables.get(FILE_VARIABLE)
    path = Path(named) if named else own
    try:
        with path.open("rb") as file:
            text = file.read(MAX_FILE_BYTES).decode("ascii", "replace")
    except FileNotFoundError:
        raise NotFound(
            f"There is no master key at {path}, and stored secrets cannot be opened without it.",
            hint=f"Restore that file from a backup, or give the key as {VARIABLE} or {FILE_VARIABLE}.",
            code="master_key_file_missing" if named else "master_key_missing",
        ) from None
    except OSError as error:
        raise Unavailable(
            f"The master key at {path} cannot be read: {error.strerror}.", code="master_key_unreadable"
        ) from error
    return _parse(text, place=f"the file {path}", own=not named)


def write_master_keys(path: Path, keys: Iterable[bytes]) -> MasterKeys:
    """Replace the file by these keys, newest first, readable by its owner only.

    Raises:
        Unavailable: `home_not_writable`.
    """
    found = list(keys)
    text = "".join(f"{_encode(key)}\n" for key in found)
    try:
        replace_file(path, text.encode("ascii"))
    except OSError as error:
        raise Unavailable(
            f"The master key cannot be written to {path}: {error.strerror}.",
            hint="Check the folder's permissions and the disk's free space.",
            code="home_not_writable",
        ) from error
    return MasterKeys(keys={_key_id(key): key for key in found}, place=f"the file {path}", own=True)


def seal(name: str, value: str, *, origins: Iterable[str], keys: MasterKeys) -> str:
    """The value as it may lie in a database: see the head of this module.

    Args:
        name: What it is called; sealed along.
        value: The secret.
        origins: What `origin_of` says of the addresses it may be sent to; none: it is bound to none yet.
        keys: The first one seals.
    """
    head = f"{VERSION}.{keys.sealing}.{_encode(msgspec.json.encode(sorted(set(origins))))}"
    nonce = secrets.token_bytes(NONCE_BYTES)
    sealed = _cipher(keys.keys[keys.sealing]).encrypt(nonce, value.encode(), _bound(head, name))
    return f"{head}.{_encode(nonce + sealed)}"


def unseal(name: str, sealed: str, *, keys: MasterKeys) -> str:
    """The value that was sealed under this name.

    Raises:
        CorruptData: `secret_unreadable`: sealed under a key that is not there, under another name, or damaged.
    """
    head, _, tail = sealed.rpartition(".")
    _, identifier, _ = _split_head(name, sealed)
    key = keys.keys.get(identifier)
    if key is None:
        raise CorruptData(
            f"The secret {name} is sealed under the master key {identifier}, and {keys.place} holds: "
            f"{', '.join(keys.keys)}.",
            hint="Give the master key that sealed it, or set the secret again.",
            code="secret_unreadable",
        )
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - the server's extra, as `_cipher`

    try:
        data = _decode(tail)
        return _cipher(key).decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], _bound(head, name)).decode()
    except (InvalidTag, ValueError) as error:
        raise _damaged(name) from error


def key_of(name: str, sealed: str) -> str:
    """Id of the master key under which a secret is sealed.

    Raises:
        CorruptData: `secret_unreadable`.
    """
    return _split_head(name, sealed)[1]


def origins_of(name: str, sealed: str) -> list[str]:
    """The origins that a sealed secret says it may be sent to; only `unseal` proves that they are true.

    Raises:
        CorruptData: `secret_unreadable`.
    """
    try:
        return msgspec.json.decode(_decode(_split_head(name, sealed)[2]), type=list[str])
    except (msgspec.MsgspecError, ValueError) as error:
        raise _damaged(name) from error


def origin_of(url: str) -> str:
    """Scheme, host and port of an address: `https://api.openai.com`, the scheme's own port left out.

    Any address of a Redis is `redis`: there the address is itself the secret.

    Raises:
        InvalidInput: it is not an http or https address, or holds a user or password.
    """
    if url.startswith(REDIS_SCHEMES):
        return REDIS
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        host, port, parts = "", None, urlsplit("")
    if parts.scheme not in DEFAULT_PORTS or not host or parts.username is not None:
        raise InvalidInput("An address looks like https://api.openai.com; what came does not.", field="origins")
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + (f":{port}" if port not in {None, DEFAULT_PORTS[parts.scheme]} else "")


class SealedSecrets:
    """The sealed secrets of a snapshot, opened when they are asked for.

    Args:
        sealed: By name.
        keys: Gives the master keys; asked at most once, and only when a secret is.
    """

    def __init__(self, sealed: Mapping[str, str], keys: Callable[[], MasterKeys]) -> None:
        self._sealed = sealed
        self._read_keys = keys
        self._keys: MasterKeys | None = None

    def at(self, url: str) -> Callable[[str], str]:
        """What opens the secrets that may be sent to this address, by name."""

        def opened(name: str) -> str:
            return self.open(name, url=url)

        return opened

    def open(self, name: str, *, url: str) -> str:
        """The value of a secret that is about to be sent to `url`.

        Raises:
            InvalidInput: `secret_missing`, `secret_for_another_origin` or `secret_unreadable`.
        """
        sealed = self._sealed.get(name)
        if sealed is None:
            raise InvalidInput(
                f"The secret {name} is not set.", hint=f"Set it: penstock secrets set {name}", code="secret_missing"
            )
        try:
            origins, origin = origins_of(name, sealed), origin_of(url)
            if origin not in origins:
                raise InvalidInput(
                    f"The secret {name} was saved for {', '.join(origins) or 'no address yet'}, "
                    f"and is not sent to {origin}.",
                    hint=f"Set it again for that address: penstock secrets set {name} --for {origin}",
                    code="secret_for_another_origin",
                )
            if self._keys is None:
                self._keys = self._read_keys()
            return unseal(name, sealed, keys=self._keys)
        except (CorruptData, NotFound, Unavailable) as error:
            raise InvalidInput(error.message, hint=error.hint, code="secret_unreadable") from error


def _parse(text: str, *, place: str, own: bool) -> MasterKeys:
    keys = [_master_key(word, place=place) for word in re.split(r"[\s,]+", text) if word]
    if not keys:
        raise CorruptData(f"Expected a master key in {place}, and found none.", code="master_key_invalid")
    return MasterKeys(keys={_key_id(key): key for key in keys}, place=place, own=own)


def _master_key(word: str, *, place: str) -> bytes:
    try:
        if re.fullmatch(r"[0-9a-fA-F]{64}", word):
            return bytes.fromhex(word)
        plain = word.translate(str.maketrans("-_", "+/")).rstrip("=")
        key = b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (Base64Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise CorruptData(
            f"Expected a master key of 32 bytes, in base64 or hexadecimal digits, in {place}; "
            f"a text of {len(word)} characters came.",
            hint="Make one with: openssl rand -base64 32",
            code="master_key_invalid",
        )
    return key


def _key_id(key: bytes) -> str:
    """Names a key without telling anything of it that helps to find its 256 bits."""
    return hashlib.blake2b(key, digest_size=4, person=b"penstock key id").hexdigest()


def _split_head(name: str, sealed: str) -> tuple[str, str, str]:
    version, *rest = sealed.split(".")
    if version != VERSION or len(rest) != 3:
        raise _damaged(name)
    return version, rest[0], rest[1]


def _damaged(name: str) -> CorruptData:
    return CorruptData(
        f"The stored secret {name} is damaged, or was sealed under another name.",
        hint="Set it again.",
        code="secret_unreadable",
    )


def _bound(head: str, name: str) -> bytes:
    # The head holds no blank, so that no name can pass for a part of it.
    return f"{head} {name}".encode()


def _encode(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _decode(text: str) -> bytes:
    data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if _encode(data) != text:
        raise ValueError("not the one way to write these bytes in base64url")
    return data


def _cipher(key: bytes) -> Any:
    try:
        # Loading it takes 30 ms, which a gateway without stored secrets need not spend.
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtra("cryptography", extra="server") from error
    return AESGCM(key)
