"""Small games with known answers, and where each method ends."""
