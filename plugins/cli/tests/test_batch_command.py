from __future__ import annotations

import json

import attrs
import pytest
from click.testing import CliRunner
from litellm_gateway.errors import ContentFilteredError
from litellm_gateway.gateway import LiteLLMGateway
from litellm_gateway.testing.scripted_batches import ScriptedBatches
from litellm_gateway.testing.scripted_provider import answer
from litellm_gateway_cli.main import main
from litellm_gateway_cli.options import Setup


def reply(item):
    if item.custom_id == "bad":
        raise ContentFilteredError("not this")
    return answer("fine")


@pytest.fixture
def provider():
    return ScriptedBatches(reply)


@pytest.fixture
def run(provider, monkeypatch):
    """Run the command on a gateway whose only provider keeps batches in memory."""
    monkeypatch.delenv("LITELLM_GATEWAY_PROVIDER", raising=False)

    def opened(config):
        return LiteLLMGateway(attrs.evolve(config, plugins=(provider,), discover=False))

    def invoke(*arguments, input=""):  # noqa: A002 - click's own word
        return CliRunner().invoke(main, ["batch", *arguments], input=input, obj=Setup(open_gateway=opened))

    return invoke


LINES = '"Hello"\n\n{"prompt": "Hi", "custom_id": "bad", "max_tokens": 5}\n'


def test_lines_become_a_batch_and_its_id_is_printed(run, provider, tmp_path):
    """The id alone goes to standard output; options hold for the lines that do not say otherwise."""
    file = tmp_path / "asks.jsonl"
    file.write_text(LINES)

    result = run("submit", str(file), "-p", "scripted", "--max-tokens", "9", "--label", "mine")

    assert result.exit_code == 0
    assert result.stdout == "scripted:batch_1\n"
    assert [item.request.max_tokens for item in provider.submissions[0].items] == [9, 5]
    assert provider.submissions[0].label == "mine"


def test_results_are_lines_with_answers_and_errors(run):
    """Each names its request; what failed is counted beside the results."""
    run("submit", "-", "-p", "scripted", input=LINES)

    result = run("results", "scripted:batch_1", "--wait")

    lines = {line["custom_id"]: line for line in map(json.loads, result.stdout.strip().split("\n"))}
    assert lines["request-000000"]["text"] == "fine"
    assert lines["bad"]["error"] == {"type": "ContentFilteredError", "message": "not this"}
    assert "scripted:batch_1 completed 2/2" in result.stderr
    assert "1 of the requests failed" in result.stderr


def test_status_cancel_and_list(run):
    """Each is one line, or JSON."""
    run("submit", "-", "-p", "scripted", input='"Hello"\n')

    plain = run("status", "scripted:batch_1").stdout
    described = json.loads(run("status", "scripted:batch_1", "--json").stdout)
    stopped = run("cancel", "scripted:batch_1").stdout
    listed = run("list", "-p", "scripted").stdout
    as_json = json.loads(run("list", "-p", "scripted", "--json", "--limit", "1").stdout)

    assert plain == "scripted:batch_1 completed 1/1\n"
    assert (described["state"], described["counts"]["total"]) == ("completed", 1)
    assert stopped == "scripted:batch_1 cancelled 0/1\n"
    assert listed.startswith("scripted:batch_1\trunning\t0/1\t")
    assert [batch["id"] for batch in as_json] == ["scripted:batch_1"]


@pytest.mark.parametrize(
    ("arguments", "given", "code", "words"),
    [
        (["submit", "-", "-p", "scripted"], "", 2, "no requests"),
        (["submit", "-", "-p", "scripted"], '"a"\nnot json\n', 1, "line 2"),
        (["submit", "-", "-p", "scripted"], '""\n', 1, "prompt is empty"),
        (["submit", "nowhere.jsonl"], "", 2, "nowhere.jsonl"),
        (["status", "batch_1"], "", 2, "batch submit"),
        (["results", "scripted:batch_9"], "", 1, "no batch"),
    ],
)
def test_what_is_wrong_is_told(run, arguments, given, code, words):
    """Wrong usage ends with 2, a failure with 1 and one line."""
    result = run(*arguments, input=given)

    assert result.exit_code == code
    assert words in result.stderr
