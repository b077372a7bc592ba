"""URLs, proxies and headers are taken apart once and refused early."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st
from litellm_gateway.addressing import (
    parse_proxy,
    parse_target,
    proxy_from_environment,
    request_headers,
    user_agent,
)
from litellm_gateway.errors import ConfigurationError, InvalidRequestError
from litellm_gateway.secrets import Secret
from litellm_gateway.wire import WireRequest


@pytest.mark.parametrize(
    ("url", "origin", "netloc", "path"),
    [
        ("https://api.example.com/v1", ("https", "api.example.com", 443), "api.example.com", "/v1"),
        ("http://h:8080", ("http", "h", 8080), "h:8080", "/"),
        ("HTTP://Host/A?b=c%20d&e=1#frag", ("http", "host", 80), "host", "/A?b=c%20d&e=1"),
        ("http://[::1]:9/x", ("http", "::1", 9), "[::1]:9", "/x"),
        ("https://h:443/", ("https", "h", 443), "h", "/"),
        ("https://bücher.example/ü", ("https", "xn--bcher-kva.example", 443), "xn--bcher-kva.example", "/%C3%BC"),
        ("http://h/m:generate?alt=sse", ("http", "h", 80), "h", "/m:generate?alt=sse"),
    ],
)
def test_urls_are_taken_apart(url: str, origin: tuple[str, str, int], netloc: str, path: str) -> None:
    """A URL gives origin, host header and request target."""
    target = parse_target(url)

    assert (target.origin, target.netloc, target.path) == (origin, netloc, path)


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Whatever stands in a URL: it is read safely, or refused with the one typed error."""
    try:
        target = parse_target("http://host" + text)
    except InvalidRequestError:
        return

    assert target.path.startswith("/")
    assert target.path.isascii()
    assert target.path.isprintable()
    assert " " not in target.path
    assert target.netloc.isascii()
    assert target.netloc.isprintable()


def test_a_url_is_not_shown() -> None:
    """A target's repr holds no path and no query: keys have been seen there."""
    assert "secret" not in repr(parse_target("https://h/p?key=secret"))


def test_a_proxy_brings_its_own_authorization() -> None:
    """A proxy's name and password become its header, and are in no repr."""
    proxy = parse_proxy("http://user:p%40ss@proxy.example:3128")

    assert (proxy.scheme, proxy.host, proxy.port) == ("http", "proxy.example", 3128)
    assert proxy.authorization == b"Basic dXNlcjpwQHNz"
    assert "dXNlcjpwQHNz" not in repr(proxy)


def test_a_proxy_of_another_kind_is_refused() -> None:
    """A SOCKS proxy is refused when it is configured, without its password."""
    with pytest.raises(ConfigurationError) as caught:
        parse_proxy("socks5://user:word@proxy:1080")

    assert "word" not in str(caught.value)


def test_the_environment_names_proxies_and_exceptions(monkeypatch: pytest.MonkeyPatch) -> None:
    """``HTTPS_PROXY`` and ``NO_PROXY`` mean what they mean elsewhere."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("https_proxy", "http://proxy:3128")
    monkeypatch.setenv("no_proxy", "internal.example")

    by_proxy = proxy_from_environment(("https", "api.example.com", 443))
    direct = proxy_from_environment(("https", "x.internal.example", 443))
    plain = proxy_from_environment(("http", "api.example.com", 80))

    assert by_proxy is not None
    assert by_proxy.host == "proxy"
    assert direct is None
    assert plain is None


def test_headers_have_defaults_that_give_way() -> None:
    """``user-agent``, ``accept`` and ``accept-encoding`` are added only when the request has none."""
    target = parse_target("http://h/")
    plain = dict(request_headers(WireRequest(url="http://h/"), target, "agent/1"))
    own = WireRequest(url="http://h/", headers=(("User-Agent", "mine"), ("Accept", "text/event-stream")))

    given_headers = dict(request_headers(own, target, "agent/1"))

    assert plain[b"user-agent"] == b"agent/1"
    assert plain[b"content-length"] == b"0"
    assert given_headers[b"user-agent"] == b"mine"
    assert given_headers[b"accept"] == b"text/event-stream"


@given(st.text(max_size=12), st.text(max_size=12))
def test_no_header_can_break_out(name: str, value: str) -> None:
    """Whatever a header holds: it is refused, or it cannot end its own line."""
    request = WireRequest(url="http://h/", secret_headers=((name, Secret(value)),))
    try:
        headers = request_headers(request, parse_target("http://h/"), "agent/1")
    except InvalidRequestError:
        return

    for part in (part for pair in headers for part in pair):
        assert not set(part) & {0, 10, 13}


def test_the_agent_names_the_version() -> None:
    """The default ``user-agent`` is the gateway's name and version."""
    assert user_agent().startswith("litellm-gateway/")


@pytest.mark.parametrize("text", ["http://h/\ud800", "http://h/?q=\udc88", "http://\udc88@h/", "http://h\ud83d/"])
def test_half_a_surrogate_pair_is_refused(text: str) -> None:
    """What no bytes can say is refused with the one typed error, wherever it stands."""
    with pytest.raises(InvalidRequestError):
        parse_target(text)
    with pytest.raises(ConfigurationError):
        parse_proxy(text)
