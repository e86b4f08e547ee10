"""The headers that every answer must have, and what is wrong with those of one."""

from collections.abc import Iterable

EXPECTED = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
}
ALWAYS_IN_THE_POLICY = (
    *("default-src 'none'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"),
)
POWERFUL = ("camera", "microphone", "geolocation", "payment", "usb", "clipboard-read")
# What says where its pages come from anew, or is the same for everybody.
MAY_BE_KEPT = ("public, max-age=60", "public, max-age=31536000, immutable")


def faults(headers: Iterable[tuple[str, str]], *, has_tls: bool = False) -> list[str]:
    """What is missing or wrong."""
    pairs = list(headers)
    given = dict(pairs)
    found = [f"{name} twice" for name in given if [n for n, _ in pairs].count(name) > 1]
    found += [name for name, value in EXPECTED.items() if given.get(name) != value]
    policy = given.get("Content-Security-Policy", "")
    parts = policy.split("; ")
    found += [part for part in ALWAYS_IN_THE_POLICY if part not in parts]
    found += [word for word in ("unsafe", "http:", "https:", "*", "blob:") if word in policy]
    off = given.get("Permissions-Policy", "").split(", ")
    found += [name for name in POWERFUL if f"{name}=()" not in off]
    found += [each for each in off if not each.endswith("=()")]
    if given.get("Cache-Control") not in ("no-store", *MAY_BE_KEPT):
        found.append("Cache-Control")
    expected = "max-age=31536000" if has_tls else None
    if given.get("Strict-Transport-Security") != expected:
        found.append("Strict-Transport-Security")
    return found
