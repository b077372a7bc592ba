"""Plugins are found without importing them, and imported one by one when they are wanted."""

from __future__ import annotations

from litellm_gateway.discovery import Discovery


def test_listing_what_is_installed_imports_no_plugin(shelf) -> None:
    """Names, distribution and version of a plugin come from its metadata alone."""
    shelf.put_provider("acme")

    [found] = [plugin for plugin in Discovery().installed("provider") if plugin.name == "acme"]

    assert (found.distribution, found.version) == ("litellm-gateway-provider-acme", "1.2.3")
    assert shelf.imported() == set()


def test_a_wanted_provider_is_imported_and_answers(shelf, compose) -> None:
    """A provider that was just installed works by its name."""
    shelf.put_provider("acme")

    answer = compose(provider="acme").generate("Hello there")

    assert answer.text == "Hello there"
    assert answer.metadata["provider"] == "acme"


def test_a_provider_nobody_wants_is_never_imported(shelf, compose) -> None:
    """What importing an unwanted plugin would do, it does not do."""
    shelf.put_provider("acme")
    shelf.put("litellm-gateway-provider-rude", modules={"shelf_rude": "1 / 0"}, provider={"rude": "shelf_rude"})

    compose(provider="acme").generate("Hello")

    assert shelf.imported() == {"shelf_acme"}


def test_an_unwanted_provider_is_listed_as_available(shelf, compose, row) -> None:
    """``describe()`` names what could be used, without importing it."""
    shelf.put_provider("acme")

    described = row(compose(provider="echo"), "provider", "acme")

    assert described["state"] == "available"
    assert described["distribution"] == "litellm-gateway-provider-acme"
    assert shelf.imported() == set()


def test_several_providers_are_loaded_for_one_gateway(shelf, compose) -> None:
    """Every provider the configuration mentions is reached by ``provider/model``."""
    shelf.put_provider("acme")
    shelf.put_provider("umbra")
    gateway = compose(provider="acme", providers=["acme", "umbra"])

    answers = [gateway.generate("Hi", model=model).metadata["provider"] for model in ("some", "umbra/other")]

    assert answers == ["acme", "umbra"]


def test_a_new_gateway_sees_what_was_installed_meanwhile(shelf, compose) -> None:
    """A gateway looks afresh at what is installed; nothing of an earlier look is kept."""
    compose(provider="echo")
    shelf.put_provider("latecomer")

    gateway = compose(provider="latecomer")

    assert gateway.describe()["default_provider"] == "latecomer"


def test_one_module_may_offer_two_kinds(shelf, compose) -> None:
    """A distribution that brings a provider and a sink in one module works under both entry points."""
    module = """
        from litellm_gateway.builtin import echo, log_sink
        from litellm_gateway.contracts import Offer, ProviderOffer
        from litellm_gateway.hookspecs import hookimpl

        @hookimpl
        def gateway_provider():
            return ProviderOffer(name="both", summary="b", settings=echo.EchoSettings, build=echo.build)

        @hookimpl
        def gateway_telemetry_sink():
            return Offer(
                name="both", summary="b", settings=log_sink.LogSettings,
                build=lambda settings, context: log_sink.LogSink(settings),
            )
        """
    shelf.put(
        "litellm-gateway-both",
        modules={"shelf_both": module},
        provider={"both": "shelf_both"},
        telemetry={"both": "shelf_both"},
    )

    described = compose(provider="both", telemetry=["both"]).describe()

    assert (described["default_provider"], described["telemetry"]) == ("both", ["both"])


def test_an_entry_point_may_name_an_object_in_a_module(shelf, compose) -> None:
    """One module can bring several providers, each an object with hooks of its own."""
    module = """
        from litellm_gateway.builtin import echo
        from litellm_gateway.contracts import ProviderOffer
        from litellm_gateway.hookspecs import hookimpl

        class Brand:
            def __init__(self, name):
                self.name = name

            @hookimpl
            def gateway_provider(self):
                return ProviderOffer(name=self.name, summary="b", settings=echo.EchoSettings, build=echo.build)

        red, blue = Brand("red"), Brand("blue")
        """
    shelf.put(
        "litellm-gateway-provider-brands",
        modules={"shelf_brands": module},
        provider={"red": "shelf_brands:red", "blue": "shelf_brands:blue"},
    )

    described = compose(provider="red", providers=["red", "blue"]).describe()

    assert list(described["providers"]) == ["red", "blue"]
