from __future__ import annotations

import json


def test_each_text_gives_one_line(command):
    """One JSON object per text, with its place and its vector."""
    result = command("embed", "a", "bcd")

    lines = [json.loads(line) for line in result.stdout.strip().split("\n")]
    assert lines == [{"index": 0, "vector": [1.0, 0.5]}, {"index": 1, "vector": [3.0, 0.5]}]


def test_lines_of_standard_input_are_texts(command, gateway):
    """Blank lines are passed over and still counted; a line separator inside a line does not cut it."""
    result = command("embed", input="a\n\nb\u2028c\n")

    assert gateway.asked[0]["texts"] == ["a", "b\u2028c"]
    assert [json.loads(line)["index"] for line in result.stdout.strip().split("\n")] == [0, 2]


def test_json_prints_one_object(command):
    """--json gives all vectors with model and usage."""
    result = command("embed", "a", "--json")

    answer = json.loads(result.stdout)
    assert answer["embeddings"] == [[1.0, 0.5]]
    assert answer["model"] == "m"


def test_options_reach_the_gateway(command, gateway):
    """Model, tenant and dimensions arrive."""
    command("embed", "a", "-m", "m", "--tenant", "t1", "--dimensions", "64")

    assert gateway.asked[0] == {"texts": ["a"], "model": "m", "tenant_id": "t1", "dimensions": 64}


def test_no_text_is_wrong_usage(command, gateway):
    """Nothing to embed ends with 2."""
    result = command("embed", input="\n")

    assert result.exit_code == 2
    assert gateway.opened == 0


def test_an_empty_argument_is_wrong_usage(command):
    """An empty TEXT is a mistake of the caller, not a line to pass over."""
    result = command("embed", "a", "")

    assert result.exit_code == 2
