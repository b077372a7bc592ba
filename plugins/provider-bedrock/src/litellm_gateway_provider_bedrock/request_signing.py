"""Find AWS credentials the standard way and sign requests with them (SigV4), both by botocore.

Finding and renewing credentials may read files and ask services, so it is done in a worker thread and never while
a request is signed.
"""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, Final

from attrs import evolve
from litellm_gateway.errors import AuthenticationError, ConfigurationError, DeadlineExceededError
from litellm_gateway.secrets import Secret

if TYPE_CHECKING:
    from litellm_gateway.contracts import Call
    from litellm_gateway.wire import WireRequest

    from litellm_gateway_provider_bedrock.settings import BedrockSettings

_SERVICE: Final = "bedrock"
_SIGNED: Final = frozenset({"content-type"})
_SECRET: Final = frozenset({"authorization", "x-amz-security-token"})


class RequestSigner:
    """Holds the credentials of one provider and signs with them; one instance serves many threads.

    Args:
        settings: Credentials or profile, where they say so.
        region: Region the signature is made for.
    """

    def __init__(self, settings: BedrockSettings, region: str) -> None:
        self._settings = settings
        self._region = region
        self._lock = threading.Lock()
        self._source: Any = None
        self._credentials: Any = None

    @property
    def ready(self) -> bool:
        """Whether a request can be signed at once, with credentials that are not about to expire."""
        if self._credentials is None:
            return False
        needs_refresh = getattr(self._source, "refresh_needed", None)
        return needs_refresh is None or not needs_refresh()

    async def prepare(self, call: Call) -> None:
        """Find or renew the credentials.

        Raises:
            ConfigurationError: There are none.
            AuthenticationError: Those there are cannot be renewed.
            DeadlineExceededError: The call's time was up before they were there.
        """
        try:
            async with asyncio.timeout(call.remaining()):
                await asyncio.to_thread(self._load)
        except TimeoutError as error:
            raise DeadlineExceededError(
                "the call's time was up while AWS credentials were looked for", phase="credentials"
            ) from error

    def sign(self, request: WireRequest) -> WireRequest:
        """Give the request with its signature; :meth:`prepare` has been there before."""
        from botocore.auth import SigV4Auth  # type: ignore[import-untyped]
        from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped]

        headers = {name: value for name, value in request.headers if name in _SIGNED}
        signed = AWSRequest(method=request.method, url=request.url, data=request.body, headers=headers)
        SigV4Auth(self._credentials, _SERVICE, self._region).add_auth(signed)
        added = {name.lower(): value for name, value in signed.headers.items() if name.lower() not in _SIGNED}
        return evolve(
            request,
            headers=(*request.headers, *((name, value) for name, value in added.items() if name not in _SECRET)),
            secret_headers=tuple((name, Secret(value)) for name, value in added.items() if name in _SECRET),
        )

    def _load(self) -> None:
        from botocore.exceptions import BotoCoreError  # type: ignore[import-untyped]

        try:
            with self._lock:
                if self._source is None:
                    self._source = self._find()
                self._credentials = self._source.get_frozen_credentials()
        except BotoCoreError as error:
            raise AuthenticationError(
                f"AWS credentials could not be found or renewed ({type(error).__name__}); look at the profile, log in "
                "again, or set AWS_BEARER_TOKEN_BEDROCK"
            ) from error

    def _find(self) -> Any:
        settings = self._settings
        if settings.access_key_id and settings.secret_access_key:
            from botocore.credentials import Credentials  # type: ignore[import-untyped]

            token = settings.session_token
            return Credentials(
                settings.access_key_id, settings.secret_access_key.reveal(), token.reveal() if token else None
            )
        found = _session(settings.profile).get_credentials()
        if found is None:
            raise ConfigurationError(
                "no AWS credentials were found: set AWS_BEARER_TOKEN_BEDROCK, or AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY, or name a profile",
                path="providers.bedrock.api_key",
            )
        return found


def region_of_profile(profile: str | None) -> str | None:
    """Give the region a profile of the AWS configuration files names, None when it names none.

    Raises:
        ConfigurationError: There is no such profile, or the files cannot be read.
    """
    from botocore.exceptions import BotoCoreError

    try:
        region: Any = _session(profile).get_config_variable("region")
    except BotoCoreError as error:
        raise ConfigurationError(
            f"the AWS profile cannot be read ({type(error).__name__}); look at its name, or give region",
            path="providers.bedrock.profile",
        ) from error
    return str(region) if region else None


def _session(profile: str | None) -> Any:
    """Give a botocore session for a profile, None for the default one; it reads files when asked something."""
    from botocore.session import Session  # type: ignore[import-untyped]

    return Session(profile=profile)
