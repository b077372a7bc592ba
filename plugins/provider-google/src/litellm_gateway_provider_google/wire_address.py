"""Where a request goes and with which headers, on the Gemini API and on Vertex AI; it reads no environment."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from attrs import field, frozen
from litellm_gateway.errors import InvalidRequestError
from litellm_gateway.secrets import Secret
from litellm_gateway.wire import WireRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

GEMINI_URL: Final = "https://generativelanguage.googleapis.com"
_JSON = ("content-type", "application/json")
_WHOLE: tuple[tuple[str, str], ...] = (_JSON, ("accept", "application/json"))
_STREAM: tuple[tuple[str, str], ...] = (_JSON, ("accept", "text/event-stream"))
_LIST: tuple[tuple[str, str], ...] = (("accept", "application/json"),)
_VERSIONED = re.compile(r"/v\d+(alpha|beta)?\d*$")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_MULTI_REGIONS = ("us", "eu")


@frozen(kw_only=True)
class WireAddress:
    """URLs and headers of one of the two APIs; a key or token only ever as a :class:`Secret`.

    Attributes:
        root: URL up to and with the version, and on Vertex AI the project and location.
        models_url: Where models are listed.
        is_vertex: Vertex AI, which names models by their publisher.
    """

    root: str
    models_url: str
    is_vertex: bool = False
    secret_headers: tuple[tuple[str, Secret], ...] = field(default=(), repr=False)

    @classmethod
    def of_gemini(cls, base_url: str, api_version: str, api_key: Secret) -> WireAddress:
        """Give the address of the Gemini API; a version that ends the base URL goes before the setting."""
        root = _with_version(base_url, api_version)
        return cls(root=root, models_url=f"{root}/models", secret_headers=(("x-goog-api-key", api_key),))

    @classmethod
    def of_vertex(
        cls, base_url: str | None, api_version: str, *, project: str, location: str, access_token: Secret
    ) -> WireAddress:
        """Give the address of a project's Vertex AI."""
        root = _with_version(base_url or vertex_url(location), api_version)
        return cls(
            root=f"{root}/projects/{project}/locations/{location}",
            models_url=f"{root}/publishers/google/models",
            is_vertex=True,
            secret_headers=(("authorization", Secret(f"Bearer {access_token.reveal()}")),),
        )

    @classmethod
    def of_express(cls, base_url: str | None, api_version: str, api_key: Secret) -> WireAddress:
        """Give the address of Vertex AI in express mode, where the key tells the project."""
        root = _with_version(base_url or vertex_url("global"), api_version)
        return cls(
            root=root,
            models_url=f"{root}/publishers/google/models",
            is_vertex=True,
            secret_headers=(("x-goog-api-key", api_key),),
        )

    def model_path(self, model: str) -> str:
        """Give the resource name of a model: ``models/...``, or ``publishers/google/models/...`` on Vertex AI.

        Raises:
            InvalidRequestError: The name would lead the URL elsewhere.
        """
        prefix = "publishers/google/models/" if self.is_vertex else "models/"
        if _PLAIN_NAME.fullmatch(model):
            return prefix + model
        if not model or ".." in model or model.startswith("/") or any(char in model for char in "?#&\\"):
            raise InvalidRequestError("the model's name cannot stand in a URL", parameter="model")
        if not self.is_vertex:
            return quote(model if model.startswith(("models/", "tunedModels/")) else prefix + model, safe="/@")
        if model.startswith(("projects/", "publishers/", "endpoints/", "models/")):
            return quote(model, safe="/@")
        publisher, slash, name = model.partition("/")
        return quote(f"publishers/{publisher}/models/{name}" if slash else prefix + model, safe="/@")

    def request(
        self, model: str, method: str, body: bytes, extra: Mapping[str, str], *, stream: bool = False
    ) -> WireRequest:
        """Give the request for one method of a model; ``extra`` headers win over the usual ones.

        Raises:
            InvalidRequestError: ``extra`` holds the header that carries the key.
        """
        path = self.model_path(model)
        root = self.root.partition("/projects/")[0] if path.startswith("projects/") else self.root
        headers = _STREAM if stream else _WHOLE
        return WireRequest(
            url=f"{root}/{path}:{method}",
            body=body,
            headers=self._with_extra(headers, extra) if extra else headers,
            secret_headers=self.secret_headers,
        )

    def list_request(self, page_token: str) -> WireRequest:
        """Give the request for one page of models."""
        page = f"&pageToken={quote(page_token, safe='')}" if page_token else ""
        size = 100 if self.is_vertex else 1000
        return WireRequest(
            method="GET",
            url=f"{self.models_url}?pageSize={size}{page}",
            headers=_LIST,
            secret_headers=self.secret_headers,
        )

    def lookup(self, path: str) -> WireRequest:
        """Give the request that only asks for what is at a path below the version."""
        return WireRequest(method="GET", url=f"{self.root}/{path}", headers=_LIST, secret_headers=self.secret_headers)

    def act(self, path: str) -> WireRequest:
        """Give the request that does something to what is at a path, and says nothing more."""
        return WireRequest(url=f"{self.root}/{path}", body=b"{}", headers=_WHOLE, secret_headers=self.secret_headers)

    def download(self, file: str) -> WireRequest:
        """Give the request for the bytes of a file, by its name (``files/...``).

        Raises:
            ValueError: It is no such name.
        """
        name = file.removeprefix("files/")
        if not _PLAIN_NAME.fullmatch(name):
            raise ValueError("a file whose name cannot stand in a URL")
        host, _, version = self.root.rpartition("/")
        return WireRequest(
            method="GET",
            url=f"{host}/download/{version}/files/{name}:download?alt=media",
            headers=_LIST,
            secret_headers=self.secret_headers,
        )

    def _with_extra(
        self, headers: tuple[tuple[str, str], ...], extra: Mapping[str, str]
    ) -> tuple[tuple[str, str], ...]:
        wanted = {name.lower(): value for name, value in extra.items()}
        for name, _ in self.secret_headers:
            if name in wanted:
                raise InvalidRequestError(
                    f"extra_headers may not hold '{name}': it carries the key. Give the key in the settings.",
                    parameter="extra_headers",
                )
        return tuple(pair for pair in headers if pair[0] not in wanted) + tuple(wanted.items())


def vertex_url(location: str) -> str:
    """Give the host that serves a location of Vertex AI."""
    if location == "global":
        return "https://aiplatform.googleapis.com"
    if location in _MULTI_REGIONS:
        return f"https://aiplatform.{location}.rep.googleapis.com"
    return f"https://{location}-aiplatform.googleapis.com"


def _with_version(base_url: str, api_version: str) -> str:
    root = base_url.rstrip("/")
    return root if _VERSIONED.search(root) else f"{root}/{api_version}"
