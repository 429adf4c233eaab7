"""Auditing predictions that exist: rates by group, how far they fall apart, and how sure one is."""

from equipoise.audit.certificate import Certificate, certify
from equipoise.audit.control import audit_within
from equipoise.audit.counts import Counts
from equipoise.audit.decisions import audit
from equipoise.audit.from_table import audit_scores_table, audit_table, find_subgroups_table
from equipoise.audit.gate import Gate, gates
from equipoise.audit.intervals import basic_interval, share_interval
from equipoise.audit.labels import encode_pair
from equipoise.audit.multilabel import MultiLabelAudit, audit_multilabel
from equipoise.audit.noisy import NoisyAudit
from equipoise.audit.noisy_certificate import certify_noisy
from equipoise.audit.noisy_counts import NoisyCounts
from equipoise.audit.noisy_stream import audit_noisy_stream
from equipoise.audit.paired import Change, PairedAudit, audit_pair
from equipoise.audit.parity import Parity
from equipoise.audit.posterior import PosteriorAudit, Range, Uncertainty, audit_posterior
from equipoise.audit.posterior_table import audit_posterior_table
from equipoise.audit.regression import RegressionAudit, audit_regression
from equipoise.audit.result import Audit, Estimate
from equipoise.audit.row_sample import Sampled
from equipoise.audit.score_audit import ScoreAudit, audit_scores
from equipoise.audit.score_counts import ScoreCounts
from equipoise.audit.stream import OnePass, audit_one_pass, audit_stream
from equipoise.audit.subgroups import Subgroup, find_subgroups
from equipoise.verbs import make_callable

__all__ = [
    "Audit",
    "Certificate",
    "Change",
    "Counts",
    "Estimate",
    "Gate",
    "MultiLabelAudit",
    "NoisyAudit",
    "NoisyCounts",
    "OnePass",
    "PairedAudit",
    "Parity",
    "PosteriorAudit",
    "Range",
    "RegressionAudit",
    "Sampled",
    "ScoreAudit",
    "ScoreCounts",
    "Subgroup",
    "Uncertainty",
    "audit",
    "audit_multilabel",
    "audit_noisy_stream",
    "audit_one_pass",
    "audit_pair",
    "audit_posterior",
    "audit_posterior_table",
    "audit_regression",
    "audit_scores",
    "audit_scores_table",
    "audit_stream",
    "audit_table",
    "audit_within",
    "basic_interval",
    "certify",
    "certify_noisy",
    "encode_pair",
    "find_subgroups",
    "find_subgroups_table",
    "gates",
    "share_interval",
]

make_callable(__name__)
