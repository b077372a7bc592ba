"""Rate limits and budgets counted for several processes together, in Redis or Valkey."""
