"""AutoBalance, a training loss designed by bilevel optimisation: its tables and figures, re-run."""
