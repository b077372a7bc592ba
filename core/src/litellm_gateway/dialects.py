"""A provider as pure translation: the ``Dialect`` protocol, and the ``DialectProvider`` that sends for it.

A dialect has no clock, no client and no log. Framing is done here, timing and sending in the transport.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from litellm_gateway.answer_pieces import as_chunks as as_chunks, says_something  # also known from here
from litellm_gateway.errors import GatewayError, InvalidRequestError, MalformedResponseError
from litellm_gateway.framing import reader_for
from litellm_gateway.odd_bodies import beginning_of_error, is_stream
from litellm_gateway.secrets import redact
from litellm_gateway.wire import Limits, WireResponse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence

    from litellm_gateway.contracts import BuildContext, Call
    from litellm_gateway.framing import Framing, ServerEvent
    from litellm_gateway.requests import EmbedRequest, GenerateRequest
    from litellm_gateway.responses import EmbedResponse, GenerateResponse, StreamChunk
    from litellm_gateway.secrets import Secret
    from litellm_gateway.wire import OpenResponse, WireRequest

T = TypeVar("T")
_SLIPS = (NameError, ImportError)
"""What no server can make a dialect raise: these are faults of its own."""
_SHOWN_BODY = 2048


class StreamDecoder(Protocol):
    """Reads one streamed answer; made anew for each."""

    def feed(self, event: ServerEvent) -> Iterable[StreamChunk]:
        """Translate one event into pieces, often none or one.

        Raises:
            GatewayError: The event reports an error; its class says what may be done.
            ValueError, KeyError, TypeError, IndexError, AttributeError: The event cannot be read; the caller
                turns these into ``MalformedResponseError``.
        """
        ...

    def close(self) -> Iterable[StreamChunk]:
        """The body has ended: give what is left.

        A ``finish`` piece comes from here only if the provider's own end was seen before; a stream that was cut
        must end without one.
        """
        ...


class Dialect(Protocol):
    """Translates between the gateway's types and one provider's wire, purely.

    ``framing`` says how its streams are cut into events: ``"sse"``, ``"ndjson"``, or what makes a reader of its own.
    """

    framing: Framing

    def encode_generate(self, request: GenerateRequest, *, stream: bool) -> WireRequest:
        """Write the request; raise ``UnsupportedParameterError`` for what the wire cannot say."""
        ...

    def decode_generate(self, request: GenerateRequest, response: WireResponse) -> GenerateResponse:
        """Read a whole answer (status below 400), an error inside it included."""
        ...

    def stream_decoder(self, request: GenerateRequest) -> StreamDecoder:
        """Give a fresh decoder for one streamed answer."""
        ...

    def decode_error(self, response: WireResponse) -> GatewayError:
        """Name the error behind a status of 400 and above."""
        ...


class EmbeddingDialect(Dialect, Protocol):
    """A dialect that also speaks of embeddings."""

    def encode_embed(self, request: EmbedRequest) -> WireRequest:
        """Write the request."""
        ...

    def decode_embed(self, request: EmbedRequest, response: WireResponse) -> EmbedResponse:
        """Read the vectors, in the order of the texts."""
        ...


class DialectProvider:
    """A provider made of a dialect and the gateway's transport; what most provider plugins build.

    Args:
        dialect: The translation.
        context: What the plugin was given to build from.
        secrets: Keys to mask should the provider's messages quote them.
        limits: Most bytes to take.
        sign: Changes each request just before it is sent, for wires whose requests are signed.
    """

    keeps_deadline = True

    def __init__(
        self,
        dialect: Dialect,
        context: BuildContext,
        *,
        secrets: Sequence[Secret] = (),
        limits: Limits = Limits(),  # noqa: B008 - frozen
        sign: Callable[[WireRequest], WireRequest] | None = None,
    ) -> None:
        self.name = context.name
        self.dialect = dialect
        self._transport = context.transport()
        self._timeouts = context.timeouts
        self._secrets = tuple(secrets)
        self._limits = limits
        self._sign = sign

    def generate(self, request: GenerateRequest, call: Call) -> Coroutine[Any, Any, GenerateResponse]:
        """Send once, read the whole answer."""
        write = partial(self.dialect.encode_generate, request, stream=False)
        return self.ask(write, partial(self._read_whole, request), call, request.model)

    def ask(
        self, write: Callable[[], WireRequest], read: Callable[[WireResponse], T], call: Call, model: str
    ) -> Coroutine[Any, Any, T]:
        """Send one request and read its whole answer: what any ability of a provider beyond streams is made of.

        Args:
            write: Writes the request; a ``ValueError`` or ``TypeError`` is the caller's mistake.
            read: Reads the answer (status below 300); whatever it stumbles over becomes a typed error.
            call: The call this belongs to.
            model: Model for error messages.
        """
        return self._exchange(self._written(write, model), read, call, model)

    async def stream(self, request: GenerateRequest, call: Call) -> AsyncIterator[StreamChunk]:
        """Send once, give the pieces as they come."""
        wire = self._written(partial(self.dialect.encode_generate, request, stream=True), request.model)
        opened = await self._open(wire, call, request.model)
        data, empty = b"", True
        reader = reader_for(self.dialect.framing, self._limits)
        decoder = self.dialect.stream_decoder(request)
        begun = False
        try:
            pieces = opened.chunks()
            async for data in pieces:
                if not begun:
                    begun = True
                    if not is_stream(opened, data, self.dialect.framing):
                        for piece in await self._whole_instead(request, opened, data, pieces):
                            yield piece
                        return
                for event in reader.feed(data):
                    empty = False
                    for piece in decoder.feed(event):
                        yield piece
            for event in reader.close():
                empty = False
                for piece in decoder.feed(event):
                    yield piece
            if empty:
                raise ValueError("a stream without any event")
            for piece in decoder.close():
                yield piece
        except _SLIPS:
            raise
        except Exception as error:
            seen = WireResponse(status=opened.status, headers=opened.headers, body=data)
            raise self._read_error(error, seen, request.model) from error
        finally:
            await opened.aclose()

    async def aclose(self) -> None:
        """Nothing to free: connections belong to the transport."""

    def _written(self, write: Callable[[], WireRequest], model: str) -> WireRequest:
        try:
            return write() if self._sign is None else self._sign(write())
        except GatewayError as error:
            raise self._named(error, model) from error.__cause__
        except (ValueError, TypeError, RecursionError) as error:
            refused = InvalidRequestError(f"the request cannot be written for '{self.name}': {error}")
            raise self._named(refused, model) from error

    async def _open(self, wire: WireRequest, call: Call, model: str) -> OpenResponse:
        """Send, and turn an error status into its typed error."""
        try:
            opened = await self._transport.open(wire, timeouts=self._timeouts, deadline=call.deadline)
        except GatewayError as error:
            raise self._named(error, model) from error.__cause__
        call.provider_headers = opened.headers
        if opened.status < 300:
            return opened
        try:
            response = WireResponse(status=opened.status, headers=opened.headers, body=await beginning_of_error(opened))
        except GatewayError as error:
            raise self._named(error, model) from error.__cause__
        finally:
            await opened.aclose()
        raise self._status_error(response, model)

    async def _exchange(self, wire: WireRequest, read: Callable[[WireResponse], T], call: Call, model: str) -> T:
        """Send, and read the whole answer."""
        opened = await self._open(wire, call, model)
        try:
            body = await opened.read()  # to its end, so that there is nothing left to close
        except BaseException as error:
            await opened.aclose()
            if isinstance(error, GatewayError):
                raise self._named(error, model) from error.__cause__
            raise
        return self._decoded(read, WireResponse(status=opened.status, headers=opened.headers, body=body), model)

    def _decoded(self, read: Callable[[WireResponse], T], response: WireResponse, model: str) -> T:
        try:
            return read(response)
        except _SLIPS:
            raise
        except Exception as error:
            raise self._read_error(error, response, model) from error

    async def _whole_instead(
        self, request: GenerateRequest, opened: OpenResponse, begun: bytes, rest: AsyncIterator[bytes]
    ) -> Iterable[StreamChunk]:
        """A whole answer came where a stream was asked for: an error in disguise, or a server that cannot stream."""
        body = b"".join([begun, *[data async for data in rest]])
        response = WireResponse(status=opened.status, headers=opened.headers, body=body)
        return as_chunks(self._decoded(partial(self._read_whole, request), response, request.model))

    def _read_whole(self, request: GenerateRequest, response: WireResponse) -> GenerateResponse:
        answer = self.dialect.decode_generate(request, response)
        if not answer.raw_finish_reason and answer.finish_reason == "other" and not says_something(answer):
            raise ValueError("an answer without content and without a reason why it ended")
        return answer

    def _status_error(self, response: WireResponse, model: str) -> GatewayError:
        if response.status < 400:
            return MalformedResponseError(
                f"'{self.name}' answered with a redirect (status {response.status}), which is never followed as it "
                "would carry the key elsewhere; check base_url",
                provider=self.name,
                status_code=response.status,
                model=model,
            )
        try:
            error = self.dialect.decode_error(response)
        except Exception as failure:
            error = self._read_error(failure, response, model)
        return self._named(error, model)

    def _read_error(self, error: Exception, response: WireResponse, model: str) -> GatewayError:
        """Whatever a dialect stumbles over becomes one typed error with nothing of the body in its message."""
        if isinstance(error, GatewayError):
            if isinstance(error, MalformedResponseError):
                error.status_code = error.status_code or response.status
            return self._named(error, model)
        content_type = response.headers.get("content-type", "none")
        body = response.body[:_SHOWN_BODY].decode("utf-8", "replace")
        malformed = MalformedResponseError(
            f"the answer of '{self.name}' cannot be read (status {response.status}, content type {content_type}, "
            f"{len(response.body)} bytes)",
            body=redact(body, self._secrets).encode(),
            content_type=content_type,
            status_code=response.status,
        )
        return self._named(malformed, model)

    def _named(self, error: GatewayError, model: str) -> GatewayError:
        """Say whose error it is, and let no key and no control character through in the provider's words."""
        error.provider = error.provider or self.name
        error.model = error.model or model
        error.message = redact(error.message, self._secrets)
        error.args = (error.message, *error.args[1:])
        return error


class DialectEmbedder(DialectProvider):
    """A :class:`DialectProvider` whose dialect also speaks of embeddings."""

    dialect: EmbeddingDialect

    async def embed(self, request: EmbedRequest, call: Call) -> EmbedResponse:
        """Send once, read all vectors."""

        def read(response: WireResponse) -> EmbedResponse:
            answer = self.dialect.decode_embed(request, response)
            if len(answer) != len(request.texts):
                raise ValueError("wrong number of vectors")
            return answer

        return await self.ask(partial(self.dialect.encode_embed, request), read, call, request.model)
