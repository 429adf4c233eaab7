"""Networks under every optimizer, rate and seed: three protocols side by side."""
