"""Embeddings: written for base64 transfer, read from base64 or lists, always in the order of the texts."""

from __future__ import annotations

import base64
import json
import struct
from array import array
from typing import TYPE_CHECKING, Any

import pytest
from litellm_gateway.errors import RateLimitError, UnsupportedParameterError
from litellm_gateway.requests import EmbedRequest
from litellm_gateway.wire import WireResponse
from litellm_gateway_dialect_openai import ChatQuirks, OpenAIChatDialect

if TYPE_CHECKING:
    from litellm_gateway.responses import EmbedResponse


def _packed(*numbers: float) -> str:
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()


def _write(quirks: ChatQuirks | None = None, **fields: Any) -> dict[str, Any]:
    dialect = OpenAIChatDialect(base_url="https://api.example/v1", quirks=quirks)
    wire = dialect.encode_embed(EmbedRequest(**{"model": "m", "texts": ("a", "b"), **fields}))
    body: dict[str, Any] = json.loads(wire.body)
    return body


def _read(body: Any) -> EmbedResponse:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    dialect = OpenAIChatDialect(base_url="https://api.example/v1")
    request = EmbedRequest(model="asked", texts=("a", "b"))
    return dialect.decode_embed(request, WireResponse(status=200, headers={"x-request-id": "r"}, body=raw))


def _rows(*rows: Any) -> dict[str, Any]:
    return {"model": "m", "data": [{"index": place, "embedding": row} for place, row in rows]}


def test_requests() -> None:
    """Texts go out as a list, in base64 unless the server only knows lists; more only when asked."""
    assert _write() == {"model": "m", "input": ["a", "b"], "encoding_format": "base64"}
    assert "encoding_format" not in _write(ChatQuirks(embedding_encoding=None))
    assert _write(dimensions=8, user="u", extra_body={"x": 1}).items() >= {"dimensions": 8, "user": "u", "x": 1}.items()


def test_address() -> None:
    """Embeddings have a path of their own."""
    wire = OpenAIChatDialect(base_url="https://api.example/v1").encode_embed(EmbedRequest(model="m", texts=("a",)))

    assert wire.url == "https://api.example/v1/embeddings"


def test_input_type_is_refused() -> None:
    """What the format cannot say is refused, not dropped."""
    with pytest.raises(UnsupportedParameterError):
        _write(input_type="query")


@pytest.mark.parametrize(("first", "second"), [(_packed(0.5, -2.0), _packed(1.5, 4.0)), ([0.5, -2], [1.5, 4])])
def test_vectors_in_the_order_of_the_texts(first: Any, second: Any) -> None:
    """Rows are sorted by their index; base64 and lists give the same 32-bit floats."""
    answer = _read({**_rows((1, second), (0, first)), "usage": {"prompt_tokens": 7, "total_tokens": 7}})

    assert list(answer) == [array("f", [0.5, -2.0]), array("f", [1.5, 4.0])]
    assert (answer.model, answer.usage.total_tokens) == ("m", 7)
    assert answer.metadata == {"provider_request_id": "r"}


def test_rows_without_index() -> None:
    """Rows that carry no index come in order."""
    answer = _read({"data": [{"embedding": [1.0]}, {"embedding": [2.0]}]})

    assert [vector[0] for vector in answer] == [1.0, 2.0]
    assert answer.model == "asked"


@pytest.mark.parametrize(
    "body",
    [
        b"", [], {"data": {}}, {"data": [7]}, _rows((0, None)), _rows((0, [])), _rows((0, "")), _rows((0, "%%%%")),
        _rows((0, "AAA=")), _rows((0, ["x"])), _rows((0, [[1.0]])), _rows((0, [1.0]), (0, [2.0])),
        _rows((0, [1.0]), (2, [2.0])), _rows((0, [1.0]), ("1", [2.0])), _rows((0, [1.0]), (1, [2.0, 3.0])),
    ],
)  # fmt: skip
def test_wrong_shapes_are_refused(body: Any) -> None:
    """What holds no such vectors is an error of reading, never a wrong vector."""
    with pytest.raises((ValueError, TypeError)):
        _read(body)


def test_error_inside_a_good_status() -> None:
    """An error object in place of vectors raises its typed error."""
    with pytest.raises(RateLimitError):
        _read({"error": {"message": "later", "code": 429}})
