"""JSON that takes far more memory than bytes is refused before it is read."""

from __future__ import annotations

import pytest
from litellm_gateway import json_codec


@pytest.mark.parametrize("data", [b"[" + b"{}," * 1_000_000 + b"{}]", "[" + "[]," * 1_000_000 + "[]]"])
def test_millions_of_empty_objects_are_refused(data: bytes | str) -> None:
    """A few mebibytes would become hundreds."""
    with pytest.raises(ValueError, match="too many lists and objects"):
        json_codec.decode(data)


def test_large_answers_are_read() -> None:
    """Vectors and probabilities of tokens, the largest of real answers, are well below."""
    vectors = [[0.125] * 3072 for _ in range(100)]
    tokens = [{"token": "word", "logprob": -0.25, "bytes": [119, 111, 114, 100]} for _ in range(40_000)]

    assert json_codec.decode(json_codec.encode({"v": vectors, "t": tokens})) == {"v": vectors, "t": tokens}
