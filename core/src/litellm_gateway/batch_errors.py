"""The errors of batches at a provider; they belong to the one tree of :mod:`litellm_gateway.errors`."""

from __future__ import annotations

from typing import Any

from litellm_gateway.errors import GatewayError, InvalidRequestError, ProviderError


class BatchNotFoundError(InvalidRequestError):
    """The provider knows no such batch, or keeps its results no longer."""


class BatchNotDoneError(GatewayError):
    """The batch is still worked on; ``state`` says how far it is. Its results come when it is done."""

    def __init__(self, message: str, *, state: str = "", **fields: Any) -> None:
        super().__init__(message, **fields)
        self.state = state


class BatchFailedError(GatewayError):
    """The provider gave the batch up as a whole, so that there are no results; ``reasons`` are its own words."""

    def __init__(self, message: str, *, reasons: tuple[str, ...] = (), **fields: Any) -> None:
        super().__init__(message, **fields)
        self.reasons = reasons


class BatchItemDroppedError(GatewayError):
    """One request of a batch was never answered: ``code`` is ``cancelled`` or ``expired``. It was not billed."""


class BatchUncertainError(ProviderError):
    """The provider's answer to a submission was lost: the batch may exist, and nothing was sent a second time.

    Attributes:
        label: What the batch is called at the provider, where that keeps names: look for it with ``batches.list``.
        input_id: File with the requests that was uploaded before, where the provider wants one.
    """

    retry_here = False
    try_next_route = False

    def __init__(self, message: str, *, label: str = "", input_id: str | None = None, **fields: Any) -> None:
        super().__init__(message, **fields)
        self.label = label
        self.input_id = input_id
