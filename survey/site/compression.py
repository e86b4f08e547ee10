"""Pages in gzip. A page that most customers get is compressed once, except for a gap in it."""

import gzip
import zlib
from dataclasses import dataclass
from functools import cached_property

from flask import Flask, Response, request

# The most bytes that a stored deflate block can hold.
_LONGEST_STORED = 0xFFFF

_GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"


@dataclass(frozen=True)
class PageWithGap:
    """A page with a gap for a customer's own values: a request only fills the gap.

    The compressed page holds these values uncompressed. So they are never compressed together
    with anything else.
    """

    before: bytes
    after: bytes

    def filled(self, gap: bytes) -> bytes:
        """Return the page with the gap filled."""
        return self.before + gap + self.after

    def filled_gzip(self, gap: bytes) -> bytes:
        """Return the filled page in gzip: the gap is a stored block between two parts that were
        compressed before."""
        head, checksum = self._compressed_before
        checksum = zlib.crc32(self.after, zlib.crc32(gap, checksum))
        size = len(self.before) + len(gap) + len(self.after)
        trailer = checksum.to_bytes(4, "little") + size.to_bytes(4, "little")
        return b"".join((_GZIP_HEADER, head, _stored(gap), self._compressed_after, trailer))

    @cached_property
    def _compressed_before(self) -> tuple[bytes, int]:
        deflate = _deflate()
        # A full flush ends at a whole byte, where the next block can begin.
        compressed = deflate.compress(self.before) + deflate.flush(zlib.Z_FULL_FLUSH)
        return compressed, zlib.crc32(self.before)

    @cached_property
    def _compressed_after(self) -> bytes:
        deflate = _deflate()
        return deflate.compress(self.after) + deflate.flush()


def _deflate() -> "zlib._Compress":
    return zlib.compressobj(9, wbits=-zlib.MAX_WBITS)


def _stored(data: bytes) -> bytes:
    """Return data as stored deflate blocks, none marked as the last (RFC 1951, 3.2.4)."""
    blocks = []
    for begin in range(0, len(data), _LONGEST_STORED):
        part = data[begin : begin + _LONGEST_STORED]
        length = len(part)
        complement = length ^ 0xFFFF
        blocks += [
            b"\x00",
            length.to_bytes(2, "little"),
            complement.to_bytes(2, "little"),
            part,
        ]
    return b"".join(blocks)


def takes_gzip() -> bool:
    """Return whether the client accepts gzip."""
    return request.accept_encodings["gzip"] > 0


def register(app: Flask) -> None:
    """Compress every page that is not compressed already."""

    @app.after_request
    def compress(response: Response) -> Response:
        if response.mimetype != "text/html" or response.status_code == 303:
            return response  # nobody reads the body of a redirect
        response.vary.update(("Accept-Encoding", "Accept-Language"))
        if not response.content_encoding and takes_gzip():
            response.set_data(gzip.compress(response.get_data(), 6, mtime=0))
            response.content_encoding = "gzip"
        return response
