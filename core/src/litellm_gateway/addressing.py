"""Where a request goes and what stands in its head: URLs, proxies and headers, checked before anything is sent."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from attrs import field, frozen

from litellm_gateway.decompression import ACCEPTED
from litellm_gateway.errors import ConfigurationError, GatewayError, InvalidRequestError

if TYPE_CHECKING:
    from litellm_gateway.connections import Origin
    from litellm_gateway.wire import WireRequest

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(rb"(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?")
_HOST = re.compile(r"[a-z0-9._\-]+|[0-9a-f:.]*:[0-9a-f:.]+")
_PORTS = {"http": 80, "https": 443}
_OWN = frozenset({"connection", "content-length", "expect", "host", "te", "trailer", "transfer-encoding", "upgrade"})
_BODILESS = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})
_PATH_SAFE = "/%:@!$&'()*+,;=-._~"

HeaderPairs = list[tuple[bytes, bytes]]


@frozen(kw_only=True)
class Proxy:
    """A proxy to go through; ``authorization`` is the value of its header, ``b""`` for none."""

    scheme: str
    host: str
    port: int
    authorization: bytes = field(default=b"", repr=False)


@frozen(kw_only=True)
class Target:
    """An address taken apart.

    Attributes:
        origin: Scheme, host and port: requests with the same one may share connections.
        netloc: Host and port as the ``host`` header has them.
        path: Path and query as sent.
        proxy: Proxy to go through.
    """

    origin: Origin
    netloc: str
    path: str = field(repr=False)
    proxy: Proxy | None = None

    @property
    def label(self) -> str:
        """``host:port``, for messages."""
        host, port = self.origin[1:]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    @property
    def is_tls(self) -> bool:
        """Is it ``https``?"""
        return self.origin[0] == "https"


def parse_target(url: str, proxy: Proxy | None = None) -> Target:
    """Take a URL apart.

    Raises:
        InvalidRequestError: Not an absolute http or https URL, or one with a password in it.
    """
    origin, netloc, path, credentials = _parse(url, InvalidRequestError("the URL cannot be used", parameter="url"))
    if credentials:
        raise InvalidRequestError("the URL holds a user name or password; send it as a header", parameter="url")
    return Target(origin=origin, netloc=netloc, path=path, proxy=proxy)


def parse_proxy(url: str) -> Proxy:
    """Take a proxy's URL apart; a name and password in it become its authorization.

    Raises:
        ConfigurationError: Not an http or https URL.
    """
    text = url if "://" in url else f"http://{url}"
    refusal = ConfigurationError("the address of the proxy must be an http or https URL", path="proxy")
    (scheme, host, port), _, _, credentials = _parse(text, refusal)
    authorization = b"Basic " + base64.b64encode(credentials.encode()) if credentials else b""
    return Proxy(scheme=scheme, host=host, port=port, authorization=authorization)


def proxy_from_environment(origin: Origin) -> Proxy | None:
    """Give the proxy that ``HTTP_PROXY`` and its like name for an origin, None when they name none."""
    import urllib.request

    scheme, host, port = origin
    proxies = urllib.request.getproxies_environment()
    url = proxies.get(scheme) or proxies.get("all")
    if not url or urllib.request.proxy_bypass_environment(  # type: ignore[attr-defined]
        f"{host}:{port}", proxies
    ):
        return None
    return parse_proxy(url)


def user_agent() -> str:
    """Give ``litellm-gateway/`` and the installed version."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"litellm-gateway/{version('litellm-gateway')}"
    except PackageNotFoundError:
        return "litellm-gateway"


def request_headers(request: WireRequest, target: Target, agent: str) -> HeaderPairs:
    """Write a request's headers, secrets unwrapped; the result must go nowhere but to the socket.

    Raises:
        InvalidRequestError: A name or a value cannot be sent, or is the transport's own to set.
    """
    return [*steady_headers(request, target, agent), *length_header(request)]


def length_header(request: WireRequest) -> HeaderPairs:
    """Write the header that tells how long a request's body is, where it may have one."""
    if not request.body and request.method in _BODILESS:
        return []
    return [(b"content-length", b"%d" % len(request.body))]


def steady_headers(request: WireRequest, target: Target, agent: str) -> HeaderPairs:
    """Write the headers that do not depend on the body; see :func:`request_headers`."""
    headers: HeaderPairs = [(b"host", target.netloc.encode())]
    headers += [_pair(name, value) for name, value in request.headers]
    headers += [_pair(name, secret.reveal()) for name, secret in request.secret_headers]
    seen = {name for name, _ in headers}
    if b"user-agent" not in seen:
        headers.append((b"user-agent", agent.encode()))
    if b"accept" not in seen:
        headers.append((b"accept", b"*/*"))
    if b"accept-encoding" not in seen:
        headers.append((b"accept-encoding", ACCEPTED))
    return headers


def _pair(name: str, value: str) -> tuple[bytes, bytes]:
    lower = name.lower()
    if not _TOKEN.fullmatch(name):
        raise InvalidRequestError(
            "a header name holds what HTTP does not allow: a line break, a space or a non-ASCII character",
            parameter="headers",
        )
    if lower in _OWN:
        raise InvalidRequestError(f"the header '{lower}' is set by the transport; leave it out", parameter=lower)
    try:
        raw = value.encode("latin-1")
    except UnicodeEncodeError:
        raw = b"\n"
    if not _VALUE.fullmatch(raw):
        raise InvalidRequestError(
            f"the value of the header '{lower}' cannot be sent: it holds a line break, another control character, "
            "white space at an end, or a character beyond latin-1",
            parameter=lower,
        )
    return lower.encode(), raw


def _parse(url: str, refusal: GatewayError) -> tuple[Origin, str, str, str]:
    """Give origin, netloc, path and credentials; raise ``refusal`` when there is no reading it safely."""
    # urlsplit drops line breaks and tabs in silence, parsers differ about a backslash, and no bytes say a surrogate.
    if any(char <= " " or char in "\x7f\\" or "\ud800" <= char <= "\udfff" for char in url):
        raise refusal
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna").decode() if not url.isascii() else parts.hostname or ""
        port = parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        raise refusal from None
    if parts.scheme not in _PORTS or not _HOST.fullmatch(host):
        raise refusal
    netloc = f"[{host}]" if ":" in host else host
    if port != _PORTS[parts.scheme]:
        netloc = f"{netloc}:{port}"
    path = quote(parts.path or "/", safe=_PATH_SAFE)
    if parts.query:
        path = f"{path}?{quote(parts.query, safe=_PATH_SAFE + '?')}"
    credentials = unquote(parts.netloc.rpartition("@")[0])
    return (parts.scheme, host, port), netloc, path, credentials
