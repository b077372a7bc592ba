"""Make every call of one official SDK and say which failed; it runs beside the SDK and imports only Python's own."""

import json
import sys
import urllib.request
from pathlib import Path

MATERIAL = json.loads(Path(__file__).with_name("material.json").read_text())


def data_url(media_type, name):
    """Give a piece of the material as a ``data:`` URL."""
    return f"data:{media_type};base64,{MATERIAL[name]}"


class Calls(dict):
    """Calls by name; each takes the recorder's address."""

    def make_all(self):
        """Make them in order, telling the recorder the name of each; print what they raised, by name."""
        url, errors = sys.argv[1], {}
        for name, call in self.items():
            urllib.request.urlopen(f"{url}/__begin__/{name}", timeout=10).close()
            try:
                call(url)
            except Exception as error:
                errors[name] = f"{type(error).__name__}: {error}"
        print(json.dumps(errors))
