from __future__ import annotations

import json
import subprocess
import sys

import pytest
from litellm_gateway.__main__ import main


def test_plugins_prints_one_line_each(capsys):
    """Kind, name, package and version of what is installed."""
    code = main(["plugins"])

    lines = [line.split() for line in capsys.readouterr().out.strip().split("\n")]
    assert ["provider", "echo", "litellm-gateway"] in [line[:3] for line in lines]
    assert code == 0


def test_plugins_as_json(capsys):
    """--json gives the records as data."""
    main(["plugins", "--json"])

    records = json.loads(capsys.readouterr().out)
    echo = next(record for record in records if (record["kind"], record["name"]) == ("provider", "echo"))
    assert echo["distribution"] == "litellm-gateway"


def test_new_writes_a_plugin_and_prints_where(tmp_path, capsys):
    """Standard output holds the folder alone, for use in scripts."""
    code = main(["new", "guardrail", "acme", "--into", str(tmp_path)])

    assert capsys.readouterr().out == f"{tmp_path / 'guardrail-acme'}\n"
    assert (tmp_path / "guardrail-acme" / "pyproject.toml").is_file()
    assert code == 0


def test_a_refusal_is_one_line_and_exit_code_1(tmp_path, capsys):
    """No traceback for a bad name."""
    code = main(["new", "guardrail", "Not A Name", "--into", str(tmp_path)])

    said = capsys.readouterr()
    assert said.err.startswith("error: 'Not A Name' cannot name a plugin")
    assert said.err.count("\n") == 1
    assert (said.out, code) == ("", 1)


@pytest.mark.parametrize("arguments", [[], ["plugin"], ["new", "provider"]])
def test_wrong_usage_ends_with_2(arguments, capsys):
    """The usage is explained on standard error."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == 2
    assert "usage: python -m litellm_gateway" in capsys.readouterr().err


def test_doctor_tells_each_finding_on_a_line(capsys, monkeypatch):
    """A gateway on the built-in echo provider is well."""
    monkeypatch.setenv("LITELLM_GATEWAY_PROVIDER", "echo")
    monkeypatch.setenv("LITELLM_GATEWAY_TRANSPORT", "httpx")

    code = main(["doctor"])

    lines = capsys.readouterr().out.strip().split("\n")
    assert any(line.startswith("ok      gateway:") for line in lines)
    assert code == 0


def test_doctor_ends_with_1_when_the_configuration_cannot_work(capsys, monkeypatch):
    """An unknown provider is broken, and the finding says what to do."""
    monkeypatch.setenv("LITELLM_GATEWAY_PROVIDER", "eccho")

    code = main(["doctor", "--json"])

    gateway = next(found for found in json.loads(capsys.readouterr().out) if found["topic"] == "gateway")
    assert gateway["state"] == "broken"
    assert "echo" in gateway["detail"]
    assert code == 1


def test_help_loads_no_heavy_package():
    """The help of the module answers without httpx, stevedore, limits or asyncio."""
    program = (
        "import runpy, sys\n"
        "sys.argv = ['litellm_gateway', '--help']\n"
        "try: runpy.run_module('litellm_gateway', run_name='__main__')\n"
        "except SystemExit: pass\n"
        "print(sorted({'httpx', 'stevedore', 'limits', 'asyncio', 'pluggy'} & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)

    assert done.stdout.strip().endswith("[]")
