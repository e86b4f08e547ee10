"""An S3 server for tests: one bucket out of a folder, as far as reading goes."""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

BUCKET = "exports-of-ours"


@contextmanager
def serving_s3(folder: Path) -> Iterator[dict[str, str]]:
    """A server of the folder's files; the environment in which an S3 client finds it."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def log_message(self, *_args: object) -> None:
            pass

        def _answer(self, *, with_body: bool) -> None:
            url = urlsplit(self.path)
            bucket, _, key = unquote(url.path).lstrip("/").partition("/")
            path = folder / key
            if bucket != BUCKET:
                self._send(404, b"", {}, with_body)
            elif not key:
                self._send(200, _list(folder, parse_qs(url.query)), {}, with_body)
            elif not path.is_file():
                self._send(404, b"", {}, with_body)
            else:
                self._send_file(path.read_bytes(), with_body)

        def _send_file(self, content: bytes, with_body: bool) -> None:
            headers = {"ETag": f'"{hashlib.md5(content).hexdigest()}"', "Last-Modified": _NEW_YEAR}
            wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
            if wanted is None:
                self._send(200, content, headers, with_body)
                return
            first, last = int(wanted[1]), min(int(wanted[2]), len(content) - 1)
            headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
            self._send(206, content[first : last + 1], headers, with_body)

        def _send(
            self, status: int, content: bytes, headers: dict[str, str], with_body: bool
        ) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            if with_body:
                self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
            "AWS_ACCESS_KEY_ID": "a-key",
            "AWS_SECRET_ACCESS_KEY": "a-secret",
            "AWS_DEFAULT_REGION": "eu-central-1",
        }
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


_NEW_YEAR = formatdate(1767225600, usegmt=True)


def _list(folder: Path, query: dict[str, list[str]]) -> bytes:
    """ListObjectsV2, with everything on one page."""
    prefix, delimiter = (query.get(name, [""])[0] for name in ("prefix", "delimiter"))
    contents, folders = [], set()
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        key = path.relative_to(folder).as_posix()
        if not key.startswith(prefix):
            continue
        rest = key[len(prefix) :]
        if delimiter and delimiter in rest:
            folders.add(prefix + rest.partition(delimiter)[0] + delimiter)
            continue
        etag = hashlib.md5(path.read_bytes()).hexdigest()
        contents.append(
            f"<Contents><Key>{escape(key)}</Key><Size>{path.stat().st_size}</Size>"
            f"<ETag>&quot;{etag}&quot;</ETag>"
            "<LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>"
        )
    common = [
        f"<CommonPrefixes><Prefix>{escape(each)}</Prefix></CommonPrefixes>" for each in folders
    ]
    return (
        '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult>'
        f"<Name>{BUCKET}</Name><Prefix>{escape(prefix)}</Prefix><IsTruncated>false</IsTruncated>"
        f"<KeyCount>{len(contents) + len(common)}</KeyCount>{''.join(contents)}{''.join(common)}"
        "</ListBucketResult>"
    ).encode()
