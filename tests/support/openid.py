"""OpenID providers to sign in with: an independent one, and one that says what it is told."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from joserfc import jwt
from joserfc.jwk import RSAKey

from demo.processes import free_port
from tests.support.site import answers, wait_until

CLIENT_ID = "csat"


@contextmanager
def running_provider() -> Iterator[str]:
    """The provider of the package oidc-provider-mock, in a process of its own; its address."""
    port = free_port()
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "--require-nonce"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: answers(f"{address}/.well-known/openid-configuration"))
        yield address
    finally:
        process.terminate()
        process.wait(20)


def set_claims(provider: str, subject: str, **claims: object) -> None:
    """Let the provider say this of somebody."""
    requests.put(f"{provider}/users/{subject}", json=claims, timeout=10).raise_for_status()


def log_in(address: str, **form: str) -> str:
    """Fill in the provider's form at an address; where it sends the browser then."""
    assert requests.get(address, timeout=10).status_code == 200
    sent = requests.post(address, data=form, allow_redirects=False, timeout=10)
    return sent.headers["Location"]


_KEY = RSAKey.generate_key(2048, {"kid": "1"})


@dataclass
class ObedientProvider:
    """Says in its token, and when asked besides, what a test lays down."""

    address: str = ""
    # What its token says besides what a right one has to say; None leaves a claim out.
    token: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] = field(default_factory=dict)
    key: RSAKey = field(default_factory=lambda: _KEY)
    # Instead of what each path answers.
    bodies: dict[str, str] = field(default_factory=dict)

    def answer(self, path: str) -> str:
        """What it answers to a request."""
        if path in self.bodies:
            return self.bodies[path]
        documents = {
            "/.well-known/openid-configuration": {
                "issuer": self.address,
                "authorization_endpoint": f"{self.address}/authorize",
                "token_endpoint": f"{self.address}/token",
                "userinfo_endpoint": f"{self.address}/userinfo",
                "jwks_uri": f"{self.address}/keys",
                "id_token_signing_alg_values_supported": ["RS256"],
            },
            "/keys": {"keys": [_KEY.as_dict(private=False)]},
            "/userinfo": self.userinfo,
            "/token": {
                "access_token": "an access token",
                "token_type": "Bearer",
                "id_token": jwt.encode({"alg": "RS256", "kid": "1"}, self.claims(), self.key),
            },
        }
        return json.dumps(documents[path])

    def claims(self) -> dict[str, Any]:
        """What its token says."""
        now = int(time.time())
        right = {"iss": self.address, "aud": CLIENT_ID, "sub": "7", "iat": now, "exp": now + 60}
        return {key: value for key, value in {**right, **self.token}.items() if value is not None}


@contextmanager
def obedient_provider() -> Iterator[ObedientProvider]:
    """Such a provider, on a port of its own."""
    provider = ObedientProvider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = provider.answer(self.path).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    provider.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()


def query_of(address: str) -> dict[str, str]:
    """The parameters of an address."""
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
