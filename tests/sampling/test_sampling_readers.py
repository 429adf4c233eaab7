"""Readers of polytopes: made files, and the real ones where they can be had."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse
from scipy.io import savemat

from equipoise.sampling import Polytope, UnboundedPolytopeError
from equipoise.sampling.readers import read_polytope


def triangle(polytope: Polytope) -> None:
    """{x, y >= 0, x + 2 y <= 2}."""
    A, b = polytope.inequalities()
    found = {(*row, right) for row, right in zip(A.toarray().tolist(), b.tolist(), strict=True)}
    assert found == {(1, 2, 2), (-1, 0, 0), (0, -1, 0)}


def test_ine(tmp_path):
    path = tmp_path / "triangle.ine"
    path.write_text(
        "* a remark\ntriangle\nH-representation\nbegin\n 3 3 rational\n"
        " 2 -1 -4/2\n 0 1 0\n 0 0 1\nend\nincidence\n"
    )
    triangle(read_polytope(path))


def test_ine_with_equations(tmp_path):
    path = tmp_path / "segment.ine"
    path.write_text("linearity 1 2\nbegin\n2 3 real\n1 -1 0\n0.5 0 -1\nend\n")
    polytope = read_polytope(path)
    np.testing.assert_array_equal(polytope.A_eq.toarray(), [[0, 1]])
    np.testing.assert_array_equal(polytope.b_eq, [0.5])
    np.testing.assert_array_equal(polytope.A_ub.toarray(), [[1, 0]])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("V-representation\nbegin\n1 2 real\n1 0\nend", "V-representation"),
        ("nothing", "no 'begin'"),
        ("begin\n2 2 real\n1 0\nend", "promises 2 rows"),
        ("begin\n1 2 real\n1 x\nend", "'x' where a number"),
        ("linearity 1 5\nbegin\n1 2 real\n1 0\nend", "does not have"),
    ],
)
def test_broken_ine_is_named(tmp_path, text, told):
    path = tmp_path / "broken.ine"
    path.write_text(text)
    with pytest.raises(ValueError, match=told):
        read_polytope(path)


@pytest.mark.parametrize("thin", [False, True])
def test_matlab_variables(tmp_path, thin):
    path = tmp_path / "triangle.mat"
    A = np.array([[1.0, 2.0]])
    savemat(path, {"Aineq": sparse.csc_matrix(A) if thin else A, "bineq": [2.0], "lb": [0.0, 0.0]})
    triangle(read_polytope(path))


def test_matlab_structs_and_cobra_models(tmp_path):
    path = tmp_path / "model.mat"
    model = {
        "S": np.array([[1.0, 2], [1, -1], [1, 0]]),
        "b": [2.0, 0, 0],
        "csense": np.array(["L", "E", "G"]),
        "lb": [0.0, 0],
        "ub": [np.inf, np.inf],
        "rxns": np.array(["one", "two"], dtype=object),
    }
    savemat(path, {"model": model})
    polytope = read_polytope(path)
    np.testing.assert_array_equal(polytope.A_eq.toarray(), [[1, -1]])
    np.testing.assert_array_equal(polytope.A_ub.toarray(), [[1, 2], [-1, 0]])
    assert polytope.names == ("one", "two")


def test_matlab_without_a_polytope_is_named(tmp_path):
    path = tmp_path / "other.mat"
    savemat(path, {"x": [1.0]})
    with pytest.raises(ValueError, match="0 sets"):
        read_polytope(path)


MODEL = {
    "metabolites": [{"id": "a"}, {"id": "b"}],
    "reactions": [
        {"id": "in", "metabolites": {"a": 1.0}, "lower_bound": 0.0, "upper_bound": 10.0},
        {"id": "turn", "metabolites": {"a": -1.0, "b": 2.0}, "lower_bound": 0, "upper_bound": 9},
        {"id": "out", "metabolites": {"b": -1.0}, "lower_bound": 0, "upper_bound": 1000.0},
    ],
}


@pytest.mark.parametrize("name", ["model.json", "model.json.gz"])
def test_cobra_json(tmp_path, name):
    path = tmp_path / name
    opened = gzip.open if name.endswith("gz") else open
    with opened(path, "wt") as file:
        json.dump(MODEL, file)
    polytope = read_polytope(path)
    assert polytope.names == ("in", "turn", "out")
    body = polytope.prepare()
    assert body.dimension == 1
    np.testing.assert_allclose(
        body.to_x(body.centre), np.array([1, 1, 2]) * body.to_x(body.centre)[0]
    )


def test_json_of_something_else_is_named(tmp_path):
    path = tmp_path / "other.json"
    path.write_text("{}")
    with pytest.raises(ValueError, match="not a COBRA model"):
        read_polytope(path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("plain.json.gz", b"{}"),
        ("cut.json.gz", gzip.compress(b"{}" * 100, mtime=0)[:-12]),
        ("bytes.json", b"\xff\xfe"),
        ("half.json", b'{"reactions": '),
    ],
)
def test_broken_json_is_named(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"{name} is not JSON"):
        read_polytope(path)


@pytest.mark.parametrize("name", ["a.ine.gz", "a.mat.gz", "a.lp.gz"])
def test_what_is_not_read_compressed_is_refused(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(gzip.compress(b"begin", mtime=0))
    with pytest.raises(ValueError, match="unpack it"):
        read_polytope(path)


def test_linear_programs(tmp_path):
    pytest.importorskip("highspy", reason="highspy is not installed")
    path = tmp_path / "triangle.lp"
    path.write_text("max\n obj: x + y\nsubject to\n c1: x + 2 y <= 2\nbounds\n x >= 0\nend\n")
    triangle(read_polytope(path))
    path = tmp_path / "square.mps"
    path.write_text(
        "NAME s\nROWS\n N cost\n L c1\n E c2\nCOLUMNS\n x c1 1 c2 1\n y c2 1\n"
        "RHS\n r c1 1 c2 3\nRANGES\n g c1 4\nBOUNDS\n UP b y 5\nENDATA\n"
    )
    polytope = read_polytope(path)
    np.testing.assert_array_equal(polytope.b_ub, [1, 3])
    np.testing.assert_array_equal(polytope.b_eq, [3])
    assert polytope.names == ("x", "y")


def test_integer_programs_are_refused(tmp_path):
    pytest.importorskip("highspy", reason="highspy is not installed")
    path = tmp_path / "integer.lp"
    path.write_text("max\n obj: x\nsubject to\n c: x <= 2.5\ngeneral\n x\nend\n")
    with pytest.raises(ValueError, match="integer"):
        read_polytope(path)


@pytest.mark.filterwarnings("ignore")
def test_sbml(tmp_path):
    cobra = pytest.importorskip("cobra", reason="cobra is not installed")
    path = tmp_path / "model.xml"
    described = {
        "metabolites": [m | {"compartment": "c", "name": ""} for m in MODEL["metabolites"]],
        "reactions": [r | {"name": "", "gene_reaction_rule": ""} for r in MODEL["reactions"]],
        "genes": [],
        "id": "made",
    }
    cobra.io.write_sbml_model(cobra.io.model_from_dict(described), str(path))
    polytope = read_polytope(path)
    assert polytope.names == ("in", "turn", "out")
    np.testing.assert_array_equal(polytope.upper, [10, 9, 1000])


def test_an_unknown_ending_is_named():
    with pytest.raises(ValueError, match="ends in none of"):
        read_polytope("body.txt")


@pytest.mark.parametrize(
    ("name", "dimension"),
    [("polytopes/afiro.ine", 51), ("polytopes/polytope_e_coli.ine", 24)],
)
def test_real_inequalities(real_data: Path, name, dimension):
    path = real_data / name
    if not path.exists():
        pytest.skip(f"no {name}")
    polytope = read_polytope(path)
    assert polytope.n == dimension
    body = polytope.prepare()
    assert polytope.violation(body.to_x(body.centre)) < 1e-6


def test_a_real_metabolic_model(real_data: Path):
    path = real_data / "metabolic" / "e_coli_core.json"
    if not path.exists():
        pytest.skip("no metabolic models")
    polytope = read_polytope(path)
    body = polytope.prepare()
    assert polytope.n == 95
    assert body.dimension == 24
    assert polytope.violation(body.to_x(body.centre)) < 1e-6


@pytest.mark.parametrize("name", ["netlib_afiro", "netlib_blend"])
def test_real_linear_programs(real_data: Path, name):
    path = real_data / "polytopes" / f"{name}.mat"
    if not path.exists():
        pytest.skip("no polytopes")
    polytope = read_polytope(path)
    assert polytope.n > len(polytope.b_eq) > 10


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "dimension"),
    [("iSB619", 83), ("iJR904", 232), ("iAF1260", 524), ("iML1515", 635), ("RECON1", 931)],
)
def test_large_metabolic_models_are_prepared(real_data: Path, name, dimension):
    path = real_data / "metabolic" / f"{name}.json.gz"
    if not path.exists():
        pytest.skip("no metabolic models")
    polytope = read_polytope(path)
    body = polytope.prepare()
    assert body.dimension == dimension
    assert body.radius() > 0.99
    # Bounds are a thousand; what rounding adds to them is far less than what solvers allow.
    rng = np.random.default_rng(0)
    inside = rng.standard_normal((5, dimension))
    inside *= body.radius() / np.linalg.norm(inside, axis=1, keepdims=True)
    assert polytope.violation(body.to_x(body.centre + inside)).max() < 1e-6


@pytest.mark.parametrize("name", ["netlib_25fv47", "netlib_beaconfd", "netlib_blend"])
def test_unbounded_linear_programs_are_named(real_data: Path, name):
    path = real_data / "polytopes" / f"{name}.mat"
    if not path.exists():
        pytest.skip("no polytopes")
    with pytest.raises(UnboundedPolytopeError, match="give bounds"):
        read_polytope(path).prepare()


@pytest.mark.parametrize(
    ("name", "dimension"), [("netlib_afiro", 24), ("netlib_agg", 88), ("netlib_degen2", 138)]
)
def test_bounded_linear_programs_are_prepared(real_data: Path, name, dimension):
    path = real_data / "polytopes" / f"{name}.mat"
    if not path.exists():
        pytest.skip("no polytopes")
    polytope = read_polytope(path)
    body = polytope.prepare()
    assert body.dimension == dimension
    assert polytope.violation(body.to_x(body.centre)) < 1e-6
