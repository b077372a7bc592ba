"""Frames of AWS's event stream made by hand, and an environment without anybody's AWS account."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING
from zlib import crc32

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def make_frame(payload: bytes, **headers: str) -> bytes:
    """Write one frame; an underscore in a header's name stands for a hyphen, and a colon is put before it."""
    written = b""
    for name, value in headers.items():
        key, data = f":{name.replace('_', '-')}".encode(), value.encode()
        written += bytes([len(key)]) + key + b"\x07" + struct.pack(">H", len(data)) + data
    prelude = struct.pack(">II", 16 + len(written) + len(payload), len(written))
    head = prelude + struct.pack(">I", crc32(prelude)) + written + payload
    return head + struct.pack(">I", crc32(head))


@pytest.fixture
def frame() -> Callable[..., bytes]:
    """Give what writes frames."""
    return make_frame


@pytest.fixture(autouse=True)
def _nobody_s_account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (
        "AWS_BEARER_TOKEN_BEDROCK", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_WEB_IDENTITY_TOKEN_FILE",
    ):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
