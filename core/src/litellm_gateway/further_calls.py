"""The gateway's calls beyond text and embeddings: rerank, moderate, count tokens, list models."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from litellm_gateway.request_builder import build_generate, check_model, check_text, check_texts, check_top_n
from litellm_gateway.requests import ModelListRequest, ModerationRequest, RerankRequest, TokenCountRequest

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping, Sequence
    from typing import Unpack

    from litellm_gateway.requests import AnyRequest, GenerateOptions
    from litellm_gateway.responses import ModelList, ModerationResponse, RerankResponse, TokenCount
    from litellm_gateway.telemetry import Operation


class FurtherCalls(ABC):
    """What a gateway can do when its provider can; each call has an awaited and a blocking form.

    All of them raise ``UnsupportedParameterError`` when the provider lacks the ability, ``InvalidRequestError``
    before anything is sent when the request is wrong, and else what ``generate`` raises.
    """

    @abstractmethod
    def _run(
        self, request: AnyRequest, options: Mapping[str, Any], operation: Operation
    ) -> Coroutine[Any, Any, Any]: ...

    async def rerank_async(
        self,
        query: str,
        documents: Sequence[str],
        *,
        model: str | None = None,
        top_n: int | None = None,
        tenant_id: str | None = None,
        timeout: float | None = None,
    ) -> RerankResponse:
        """Order documents by how well they answer a query, best first; ``top_n`` keeps the best ones only."""
        request = RerankRequest(
            model=check_model(model),
            query=check_text("query", query),
            documents=check_texts("documents", documents),
            top_n=check_top_n(top_n),
        )
        answer: RerankResponse = await self._run(request, {"tenant_id": tenant_id, "timeout": timeout}, "rerank")
        return answer

    def rerank(self, query: str, documents: Sequence[str], **options: Any) -> RerankResponse:
        """Order documents, blocking; see :meth:`rerank_async`."""
        from litellm_gateway import blocking

        return blocking.run(self.rerank_async(query, documents, **options))

    async def moderate_async(
        self,
        texts: str | Sequence[str],
        *,
        model: str | None = None,
        tenant_id: str | None = None,
        timeout: float | None = None,
    ) -> ModerationResponse:
        """Judge texts by the provider's content policy, in order."""
        request = ModerationRequest(model=check_model(model), texts=check_texts("texts", texts))
        answer: ModerationResponse = await self._run(request, {"tenant_id": tenant_id, "timeout": timeout}, "moderate")
        return answer

    def moderate(self, texts: str | Sequence[str], **options: Any) -> ModerationResponse:
        """Judge texts, blocking; see :meth:`moderate_async`."""
        from litellm_gateway import blocking

        return blocking.run(self.moderate_async(texts, **options))

    async def count_tokens_async(self, prompt: str | None = None, **options: Unpack[GenerateOptions]) -> TokenCount:
        """Count the input tokens a request would have, by the provider's own count; nothing is generated."""
        request = build_generate(prompt, options)
        counted = TokenCountRequest(model=request.model, request=request)
        answer: TokenCount = await self._run(counted, options, "count_tokens")
        return answer

    def count_tokens(self, prompt: str | None = None, **options: Unpack[GenerateOptions]) -> TokenCount:
        """Count tokens, blocking; see :meth:`count_tokens_async`."""
        from litellm_gateway import blocking

        return blocking.run(self.count_tokens_async(prompt, **options))

    async def list_models_async(
        self, provider: str | None = None, *, tenant_id: str | None = None, timeout: float | None = None
    ) -> ModelList:
        """List the models of a provider, the default one when none is named."""
        request = ModelListRequest(model="" if provider is None else check_text("provider", provider))
        answer: ModelList = await self._run(request, {"tenant_id": tenant_id, "timeout": timeout}, "list_models")
        return answer

    def list_models(self, provider: str | None = None, **options: Any) -> ModelList:
        """List models, blocking; see :meth:`list_models_async`."""
        from litellm_gateway import blocking

        return blocking.run(self.list_models_async(provider, **options))
