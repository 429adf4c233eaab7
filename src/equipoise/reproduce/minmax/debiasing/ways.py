"""The ways of debiasing that are compared, by name."""

from __future__ import annotations

GDA = "alternating descent-ascent"
COUNTERFACTUAL = "accept/reject, counterfactual"
KEPT = "accept/reject, kept response"
CONTROLS = {
    COUNTERFACTUAL: "a coin for both players, at counterfactual's rate",
    KEPT: "a coin for the predictor, at the kept response's rate",
}
"""The control of each way that is judged, at the rate that it had on the same seed."""
