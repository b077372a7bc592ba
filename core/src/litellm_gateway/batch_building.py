"""Turn what a caller wants answered as a batch into checked requests, each under an id of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from litellm_gateway.batch_records import MADE_ID, BatchItem
from litellm_gateway.errors import InvalidRequestError
from litellm_gateway.request_builder import build_embed, build_generate
from litellm_gateway.requests import EmbedRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litellm_gateway.requests import Request

_CUSTOM_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_BATCH_ID = re.compile(r"[A-Za-z0-9._-]{1,256}")
_FOR_ALL = ("tenant_id", "timeout", "on_unsupported", "label")
_NEVER = ("extra_headers",)
_LONGEST_LABEL = 128


def build_items(requests: Any, shared: Mapping[str, Any], *, default_model: str) -> Iterator[BatchItem]:
    """Check and build the requests of a batch one after another, in order.

    Args:
        requests: Prompts as texts, and mappings of ``generate``'s or ``embed``'s arguments.
        shared: Arguments all of them have unless they say otherwise.
        default_model: Model of those for text that name none.

    Raises:
        InvalidRequestError: One is wrong, as ``generate`` or ``embed`` would say; the message says which.
    """
    if isinstance(requests, str | Mapping) or not isinstance(requests, Sequence):
        raise InvalidRequestError(
            f"requests must be a list of prompts or of arguments, not {type(requests).__name__}", parameter="requests"
        )
    if not requests:
        raise InvalidRequestError("requests is empty; give at least one", parameter="requests")
    _refuse(shared, _NEVER, "a batch sends its requests without headers of their own")
    seen: set[str] = set()
    kind: type[Request] | None = None
    for index, given in enumerate(requests):
        try:
            item = _item(index, given, shared, default_model)
            kind = kind or type(item.request)
            _check_fits(item, kind, seen)
        except InvalidRequestError as error:
            error.message = f"requests[{index}]: {error.message}"
            error.args = (error.message,)
            raise
        seen.add(item.custom_id)
        yield item


def split_id(batch_id: Any) -> tuple[str, str]:
    """Give provider and own id of a batch.

    Raises:
        InvalidRequestError: It is no such id.
    """
    provider, _, own = batch_id.rpartition(":") if isinstance(batch_id, str) else ("", "", "")
    if not provider or not _BATCH_ID.fullmatch(own) or own.strip(".") == "":
        raise InvalidRequestError(
            "a batch's id is the provider's name, a colon and the provider's own id, such as 'openai:batch_abc'",
            parameter="batch_id",
        )
    return provider, own


def check_label(label: Any) -> str | None:
    """Give the name a batch is to have at the provider, None when it is left to the gateway."""
    if label is None or (isinstance(label, str) and label.isprintable() and 0 < len(label) <= _LONGEST_LABEL):
        return label
    raise InvalidRequestError(f"label must be a text of 1 to {_LONGEST_LABEL} printable characters", parameter="label")


def _item(index: int, given: Any, shared: Mapping[str, Any], default_model: str) -> BatchItem:
    if isinstance(given, str):
        return BatchItem(
            custom_id=MADE_ID.format(index), request=build_generate(given, shared, default_model=default_model)
        )
    if not isinstance(given, Mapping):
        raise InvalidRequestError(f"must be a prompt or a mapping of arguments, not {type(given).__name__}")
    _refuse(given, _FOR_ALL, "it holds for the whole batch; give it to submit")
    _refuse(given, _NEVER, "a batch sends its requests without headers of their own")
    options = {**shared, **given}
    custom_id = options.pop("custom_id", None)
    if "texts" in options:
        request: Request = build_embed(options.pop("texts"), options)
    else:
        request = build_generate(options.pop("prompt", None), options, default_model=default_model)
    return BatchItem(custom_id=MADE_ID.format(index) if custom_id is None else _checked_id(custom_id), request=request)


def _check_fits(item: BatchItem, kind: type[Request], seen: set[str]) -> None:
    if item.custom_id in seen:
        raise InvalidRequestError(f"custom_id '{item.custom_id}' was given before", parameter="custom_id")
    if type(item.request) is not kind:
        word = "texts to embed" if kind is EmbedRequest else "prompts"
        raise InvalidRequestError(f"a batch is of one kind, and this one began with {word}", parameter="requests")


def _checked_id(custom_id: Any) -> str:
    if isinstance(custom_id, str) and _CUSTOM_ID.fullmatch(custom_id):
        return custom_id
    raise InvalidRequestError(
        "custom_id must be 1 to 64 ASCII letters, digits, '_' and '-', which every provider takes",
        parameter="custom_id",
    )


def _refuse(given: Mapping[str, Any], names: Sequence[str], reason: str) -> None:
    for name in names:
        if given.get(name) is not None:
            raise InvalidRequestError(f"'{name}' cannot be given here: {reason}", parameter=name)
