"""One module per command, imported when it is needed; each keeps heavy imports inside its functions."""
