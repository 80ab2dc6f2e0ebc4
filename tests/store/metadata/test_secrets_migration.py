"""A store of the version before: its first admin key may do what is new."""

import json
import sqlite3

from penstock.store.metadata import open_metadata
from penstock.store.metadata.engine import WRITES, sqlite_engine
from penstock.store.metadata.migrate import upgrade

KEY = (
    "INSERT INTO keys (id, project, name, prefix, hash, scopes, models, all_projects, created, creator_key, created_by)"
    " VALUES (?, 'p', ?, 'psk_', ?, ?, '[]', 1, 1, ?, 'penstock')"
)


def test_the_first_admin_key_of_an_older_store_may_set_secrets_and_no_other_key_gains_anything(tmp_path):
    path = tmp_path / "metadata.db"
    engine = sqlite_engine(path)
    with engine.execution_options(**{WRITES: True}).begin() as connection:
        upgrade(connection, "0002")
    engine.dispose()
    with sqlite3.connect(path) as connection:
        connection.execute(KEY, ("first", "admin", "h1", json.dumps(["keys:read"]), None))
        connection.execute(KEY, ("second", "app", "h2", json.dumps(["keys:read"]), "first"))
    open_metadata(path).close()
    with sqlite3.connect(path) as connection:
        scopes = {name: json.loads(text) for name, text in connection.execute("SELECT id, scopes FROM keys")}
        assert connection.execute("SELECT * FROM secrets").fetchall() == []
    assert {"keys:read", "secrets:read", "secrets:write"} <= set(scopes["first"])
    assert scopes["second"] == ["keys:read"]
