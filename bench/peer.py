"""The peer: a bare Flask view, on the same server and database, with nothing but what it must do.

GET / returns a constant page; POST / does one durable INSERT.
"""

import socket
import sqlite3
import sys
import threading
from collections.abc import Callable
from typing import Any

import psycopg
from flask import Flask, request

from survey.serving.gateway import HttpResponse
from survey.serving.server import Server

CONSTANT_PAGE = "<!doctype html><title>bench</title>" + "<p>words</p>" * 550
TABLE = "CREATE TABLE bare (id {id} PRIMARY KEY, ticket TEXT, rating TEXT, comment TEXT)"
INSERT = "INSERT INTO bare (ticket, rating, comment) VALUES ({0}, {0}, {0})"

app = Flask(__name__)
_local = threading.local()


def open_sqlite(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=10, isolation_level=None)
    connection.execute("PRAGMA synchronous=FULL")
    return connection


def open_postgresql(url: str) -> "psycopg.Connection[Any]":
    return psycopg.connect(url, autocommit=True)


def connection() -> Any:
    """A thread's own, kept open."""
    if not hasattr(_local, "connection"):
        _local.connection = app.config["OPEN"]()
    return _local.connection


@app.get("/")
def page() -> str:
    return CONSTANT_PAGE


@app.post("/")
def insert() -> tuple[str, int]:
    connection().execute(
        app.config["INSERT"],
        (request.args["ticketId"], request.form["rating"], request.form["comment"]),
    )
    return "", 303


def main(port: str, where: str) -> None:
    is_sqlite = not where.startswith("postgresql")
    opener: Callable[[str], Any] = open_sqlite if is_sqlite else open_postgresql
    app.config["OPEN"] = lambda: opener(where)
    app.config["INSERT"] = INSERT.format("?" if is_sqlite else "%s")
    database = opener(where)
    if is_sqlite:
        database.execute("PRAGMA journal_mode=WAL")
    database.execute(TABLE.format(id="INTEGER" if is_sqlite else "BIGSERIAL"))
    database.close()
    refusals = dict.fromkeys((400, 408, 413, 417, 431, 500, 503), HttpResponse("500 ERROR"))
    Server(app, socket.create_server(("127.0.0.1", int(port))), refusals).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
