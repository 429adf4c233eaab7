"""Which optimizers lead to fairer models: every rate, every seed, three protocols."""
