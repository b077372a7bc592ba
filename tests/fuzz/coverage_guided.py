"""Run one target under atheris; ``python tests/fuzz`` starts this in a process of its own."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import atheris

HERE = Path(__file__).parent
sys.path += [str(HERE), str(HERE.parent / "properties")]

with atheris.instrument_imports(include=["litellm_gateway", "litellm_gateway_provider_anthropic",
    "litellm_gateway_provider_bedrock", "litellm_gateway_provider_cohere", "litellm_gateway_provider_google",
    "litellm_gateway_provider_openai", "litellm_gateway_dialect_openai"]):  # fmt: skip
    from fuzz_targets import TARGETS

from kept_inputs import kept  # noqa: E402 - the folder is on the path by now
from mutation import changed  # noqa: E402


def main() -> None:
    """Fuzz until libFuzzer's own options say stop."""
    target = sys.argv.pop(1)
    others = kept(target) or [b""]

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        chance = random.Random(seed)
        if chance.random() < 0.5:
            return bytes(atheris.Mutate(data, most))
        return changed(data, others, chance)[:most]

    atheris.Setup(sys.argv, TARGETS[target], custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
