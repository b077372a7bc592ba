"""What a request means, and where two of them differ."""

from __future__ import annotations

import fnmatch
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from attrs import define, field, frozen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litellm_gateway.testing.loopback import Exchange

COMPARED = (
    "authorization", "x-api-key", "x-goog-api-key", "api-key", "anthropic-version", "anthropic-beta", "content-type",
    "openai-organization", "openai-project", "x-own",
)  # fmt: skip
ABSENT = "<absent>"


@frozen(kw_only=True)
class Sent:
    """One request, reduced to what it means: lists in order, objects without, query and body taken apart."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any

    @classmethod
    def of(cls, exchange: Exchange) -> Sent:
        """Read a recorded request."""
        url, body = urlsplit(exchange.path), body_of(exchange)
        return cls(
            method=exchange.method,
            path=unquote(url.path),
            query=dict(parse_qsl(url.query, keep_blank_values=True)),
            headers={
                name: exchange.headers[name].partition(" boundary=")[0] for name in COMPARED if name in exchange.headers
            },
            body=_one_spelling(body) if "x-goog-api-key" in exchange.headers else body,
        )

    def flat(self) -> dict[str, Any]:
        """Give every leaf by its path, such as ``body.messages.0.role``."""
        whole = {"method": self.method, "path": self.path, "query": self.query, "headers": self.headers}
        return dict(_leaves({**whole, "body": self.body}, ""))


def body_of(exchange: Exchange) -> Any:
    """Read a body: JSON, or a form whose files are lines of JSON; None when there is none."""
    _, form, boundary = exchange.headers.get("content-type", "").partition("multipart/form-data; boundary=")
    if not form:
        return json.loads(exchange.body) if exchange.body else None
    fields = {}
    for part in (b"\r\n" + exchange.body).split(b"\r\n--" + boundary.encode())[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        named = re.search(rb'name="(\w+)"', head)
        assert named is not None
        is_file = b"filename=" in head
        lines = content.split(b"\n") if is_file else ()
        fields[named[1].decode()] = [json.loads(line) for line in lines if line] if is_file else content.decode()
    return fields


def _one_spelling(value: Any) -> Any:
    """Write Google's JSON one way: its servers take field names in either case, and bytes in either base64 alphabet."""
    if isinstance(value, list):
        return [_one_spelling(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    written = {}
    for name, inner in value.items():
        camel = re.sub(r"_([a-z])", lambda found: found[1].upper(), name)
        own = camel in ("parametersJsonSchema", "responseJsonSchema", "args", "response")  # the caller's names
        written[camel] = inner if own else _one_spelling(inner)
        if camel == "data" and isinstance(inner, str):
            written[camel] = inner.translate(str.maketrans("-_", "+/"))
    return written


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    if not items:
        yield path, value
    for name, inner in items:
        yield from _leaves(inner, f"{path}.{name}" if path else str(name))


@frozen(kw_only=True)
class Difference:
    """A place where the two say something else, or only one says something."""

    call: str
    path: str
    sdk: Any
    gateway: Any

    def __str__(self) -> str:
        return f"{self.call}: {self.path}: the SDK says {self.sdk!r}, the gateway {self.gateway!r}"


def differences(call: str, sdk: list[Sent], gateway: list[Sent]) -> list[Difference]:
    """Compare what was sent for one call, request by request."""
    if len(sdk) != len(gateway):
        return [Difference(call=call, path="requests", sdk=len(sdk), gateway=len(gateway))]
    found = []
    for one, other in zip(sdk, gateway, strict=True):
        left, right = one.flat(), other.flat()
        for path in sorted(left.keys() | right.keys()):
            ours, theirs = right.get(path, ABSENT), left.get(path, ABSENT)
            if ours != theirs or isinstance(ours, bool) is not isinstance(theirs, bool):
                found.append(Difference(call=call, path=path, sdk=theirs, gateway=ours))
    return found


@define
class Accepted:
    """The differences that are meant, each with its reason, and which of them occurred."""

    rows: list[dict[str, Any]]
    used: set[int] = field(factory=set)

    def without(self, found: list[Difference]) -> list[Difference]:
        """Give the differences that no row accepts."""
        return [difference for difference in found if not self._accepts(difference)]

    def _accepts(self, found: Difference) -> bool:
        for number, row in enumerate(self.rows):
            if not fnmatch.fnmatchcase(found.call, row.get("call", "*")) or not fnmatch.fnmatchcase(
                found.path, row["path"]
            ):
                continue
            if row.get("sdk", found.sdk) == found.sdk and row.get("gateway", found.gateway) == found.gateway:
                self.used.add(number)
                return True
        return False
