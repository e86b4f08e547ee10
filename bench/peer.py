"""The peer: a bare Flask view, on the same server, with nothing but what it must do.

GET / returns a constant page; POST / does one durable INSERT.
"""

import socket
import sqlite3
import sys
import threading

from flask import Flask, request

from survey.serving.worker import answer_requests

CONSTANT_PAGE = "<!doctype html><title>bench</title>" + "<p>words</p>" * 550

app = Flask(__name__)
_local = threading.local()


def connection(path: str) -> sqlite3.Connection:
    if not hasattr(_local, "connection"):
        _local.connection = sqlite3.connect(path, timeout=10, isolation_level=None)
        _local.connection.execute("PRAGMA synchronous=FULL")
    return _local.connection


@app.get("/")
def page() -> str:
    return CONSTANT_PAGE


@app.post("/")
def insert() -> tuple[str, int]:
    connection(app.config["PATH"]).execute(
        "INSERT INTO answers (ticket, rating, comment) VALUES (?, ?, ?)",
        (request.args["ticketId"], request.form["rating"], request.form["comment"]),
    )
    return "", 303


def main(port: str, path: str) -> None:
    app.config["PATH"] = path
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute(
            "CREATE TABLE answers (id INTEGER PRIMARY KEY, ticket TEXT, rating TEXT, comment TEXT)"
        )
    listener = socket.create_server(("127.0.0.1", int(port)))
    answer_requests(app, listener)


if __name__ == "__main__":
    main(*sys.argv[1:])
