"""Inputs that are tried again with every build: one JSON file per target, each input a text of Latin-1 characters."""

from __future__ import annotations

import json
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"


def kept(target: str) -> list[bytes]:
    """Give the inputs of a target."""
    path = CORPUS / f"{target}.json"
    return [text.encode("latin-1") for text in json.loads(path.read_text())] if path.exists() else []


def keep(target: str, inputs: list[bytes]) -> None:
    """Write the inputs of a target, each once, in order of length."""
    texts = sorted({data.decode("latin-1") for data in inputs}, key=lambda text: (len(text), text))
    CORPUS.mkdir(exist_ok=True)
    (CORPUS / f"{target}.json").write_text(json.dumps(texts, indent=0) + "\n")
