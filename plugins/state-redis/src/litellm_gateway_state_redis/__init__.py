"""Requests in flight and circuits shared by several processes, through Redis or Valkey."""
