"""How the store's tables came to be: one function a version, each in a transaction of its own.

A function that has been released is never changed; what it got wrong, the next one puts right.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence

from simulator.errors import StoreError

Migration = Callable[[sqlite3.Connection], None]

TABLES = """
CREATE TABLE rehearsals (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, scenario TEXT NOT NULL,
    scenario_text TEXT NOT NULL, started_at TEXT NOT NULL, rate INTEGER NOT NULL, settings TEXT NOT NULL,
    program TEXT NOT NULL, finished INTEGER NOT NULL DEFAULT 0);
CREATE TABLE utterances (
    number INTEGER PRIMARY KEY, rehearsal INTEGER NOT NULL REFERENCES rehearsals ON DELETE CASCADE,
    speaker TEXT NOT NULL, first INTEGER NOT NULL, past INTEGER NOT NULL, text TEXT NOT NULL,
    complete INTEGER NOT NULL, line TEXT);
CREATE INDEX utterances_of ON utterances (rehearsal);
CREATE TABLE words (
    utterance INTEGER NOT NULL REFERENCES utterances ON DELETE CASCADE, position INTEGER NOT NULL,
    text TEXT NOT NULL, first INTEGER NOT NULL, past INTEGER NOT NULL, confidence REAL,
    PRIMARY KEY (utterance, position)) WITHOUT ROWID;
CREATE TABLE lines (
    number INTEGER PRIMARY KEY, rehearsal INTEGER NOT NULL REFERENCES rehearsals ON DELETE CASCADE,
    line TEXT NOT NULL, planned_first INTEGER NOT NULL, planned_past INTEGER NOT NULL,
    sounded_first INTEGER NOT NULL, sounded_past INTEGER NOT NULL, pauses TEXT NOT NULL,
    disclosure REAL NOT NULL, UNIQUE (rehearsal, line, planned_first));
CREATE TABLE dropouts (
    number INTEGER PRIMARY KEY, rehearsal INTEGER NOT NULL REFERENCES rehearsals ON DELETE CASCADE,
    first INTEGER NOT NULL, past INTEGER NOT NULL);
CREATE INDEX dropouts_of ON dropouts (rehearsal);
CREATE TABLE evaluations (
    rehearsal INTEGER NOT NULL REFERENCES rehearsals ON DELETE CASCADE, version INTEGER NOT NULL,
    json TEXT NOT NULL, PRIMARY KEY (rehearsal, version)) WITHOUT ROWID;
CREATE TABLE feedback (
    rehearsal INTEGER NOT NULL REFERENCES rehearsals ON DELETE CASCADE, position INTEGER NOT NULL,
    sentence TEXT NOT NULL, PRIMARY KEY (rehearsal, position)) WITHOUT ROWID;
"""
"""Version 1. `first` and `past` are the two ends of a half-open span, in samples; `pauses` is a JSON list of
such pairs."""


def _version_1(db: sqlite3.Connection) -> None:
    for statement in TABLES.split(";"):
        if statement.strip():
            db.execute(statement)


def _version_2(db: sqlite3.Connection) -> None:
    """Whether the microphone was listened to while the client spoke; before, it always was."""
    db.execute("ALTER TABLE rehearsals ADD COLUMN duplex INTEGER NOT NULL DEFAULT 1")


def _version_3(db: sqlite3.Connection) -> None:
    """What an utterance sounds like: its filled pauses (a JSON list of pairs), and whether it is a hum.

    Before, nobody looked: NULL.
    """
    db.execute("ALTER TABLE utterances ADD COLUMN fillers TEXT")
    db.execute("ALTER TABLE utterances ADD COLUMN hum INTEGER")


MIGRATIONS: tuple[Migration, ...] = (_version_1, _version_2, _version_3)


def migrate(db: sqlite3.Connection, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Bring the tables to the newest version; `db` is in autocommit mode.

    Raises:
        StoreError: the tables were made by a newer program. sqlite3.Error: a step failed and was undone.
    """
    while (found := _version(db)) != len(migrations):
        if found > len(migrations):
            raise StoreError(
                f"The kept rehearsals were written by a newer Alongside (format {found}; this one knows "
                f"{len(migrations)}). Install the newer version again; nothing has been changed."
            )
        db.execute("BEGIN IMMEDIATE")
        try:
            # Another program may have done this step while we waited for the lock.
            if _version(db) == found:
                migrations[found](db)
                db.execute(f"PRAGMA user_version = {found + 1}")
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])
