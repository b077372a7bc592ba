"""A model on this machine's own CPU, offered as provider ``local``."""
