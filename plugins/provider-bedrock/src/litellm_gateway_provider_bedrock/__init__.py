"""Amazon Bedrock as a provider of LiteLLM Gateway; the hooks are in :mod:`litellm_gateway_provider_bedrock.plugin`."""
