"""plugins list, doctor and health: what they show and how they end."""

from __future__ import annotations

import json

from litellm_gateway.errors import ConfigurationError


def test_plugins_are_listed_as_tab_separated_lines_in_a_pipe(command):
    """kind, name, package, version, state, about: six columns a program can cut."""
    result = command("plugins", "list")

    rows = [line.split("\t") for line in result.stdout.strip().split("\n")]
    assert {len(row) for row in rows} == {6}
    assert ["provider", "echo", "litellm-gateway"] in [row[:3] for row in rows]
    assert result.exit_code == 0


def test_plugins_are_listed_as_json(command):
    """--json gives the same as data."""
    result = command("plugins", "list", "--json")

    echo = next(row for row in json.loads(result.stdout) if (row["kind"], row["name"]) == ("provider", "echo"))
    assert echo["distribution"] == "litellm-gateway"
    assert echo["state"] == "available"
    assert echo["summary"]


def test_health_is_shown_line_by_line(command):
    """Nested values get dotted names."""
    result = command("health")

    assert result.stdout == "status\thealthy\nprovider\tacme\ncircuit_breaker.state\tclosed\n"
    assert result.exit_code == 0


def test_health_as_json(command, gateway):
    """--json gives the report as it is."""
    result = command("health", "--json")

    assert json.loads(result.stdout) == gateway.health


def test_ill_health_ends_with_1(command, gateway):
    """A script can rely on the exit code."""
    gateway.health = {"status": "unhealthy"}

    result = command("health")

    assert result.exit_code == 1


def test_doctor_ends_with_0_when_all_is_well(command):
    """Every finding is one line: state, subject, detail."""
    result = command("doctor", "-p", "echo")

    assert {line.split("\t")[0] for line in result.stdout.strip().split("\n")} <= {"ok", "note"}
    assert result.exit_code == 0


def test_doctor_ends_with_1_when_something_wanted_is_broken(command, gateway):
    """What the configuration wants and cannot have is told in the gateway's own words."""
    gateway.refusal = ConfigurationError("no provider 'absent' is installed")

    result = command("doctor", "-p", "absent", "--json")

    broken = [finding for finding in json.loads(result.stdout) if finding["state"] == "broken"]
    assert broken[-1]["detail"] == "no provider 'absent' is installed"
    assert result.exit_code == 1


def test_doctor_never_shows_a_key(command):
    """The name of the variable is told, its value never."""
    result = command("doctor", env={"OPENAI_API_KEY": "sk-proj-never-to-be-shown"})

    assert "never-to-be-shown" not in result.output


def test_new_writes_a_plugin(command, tmp_path):
    """The folder is written and its path printed."""
    result = command("new", "cache", "acme", "--into", str(tmp_path))

    assert result.stdout == f"{tmp_path / 'cache-acme'}\n"
    assert (tmp_path / "cache-acme" / "pyproject.toml").is_file()


def test_new_refuses_a_bad_name_in_one_line(command, tmp_path):
    """A name that cannot be one ends with 1, and nothing is written."""
    result = command("new", "cache", "--into", str(tmp_path), "--", "-acme")

    assert result.stderr.startswith("error: '-acme' cannot name a plugin")
    assert result.exit_code == 1
    assert list(tmp_path.iterdir()) == []


def test_commands_are_listed_in_the_help(command):
    """Every command shows in the help, the first one first."""
    result = command("--help")

    listed = [line.split()[0] for line in result.stdout.split("Commands:")[1].strip().split("\n")]
    assert listed == ["generate", "chat", "embed", "batch", "plugins", "doctor", "health", "new"]
