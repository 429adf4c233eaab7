"""Well-known tables: read from files made up in their layout, and from the real ones if there."""

from __future__ import annotations

import gzip
import time
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from equipoise.data import DataError, known_tables, load

ADULT_ROW = "39, State-gov, 77516, Bachelors, 13, Never-married, {job}, Not-in-family, White, {sex}, 0, 0, 40, Cuba, {label}\n"  # noqa: E501


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    content = text.encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("adult/adult.data.gz", "adult/adult.test.gz"),
        ("adult/adult.data", "adult/adult.test"),
        ("adult.data", "adult.test"),
    ],
)
def test_adult_joins_its_parts_and_mends_the_label(tmp_path, first, second):
    rows = [("?", "Male", "<=50K"), ("Sales", "Female", ">50K"), ("Sales", "Male", ">50K")]
    lines = [ADULT_ROW.format(job=job, sex=sex, label=label) for job, sex, label in rows]
    write(tmp_path / first, lines[0] + lines[1] + "\n")
    write(tmp_path / second, "|1x3 Cross validator\n" + lines[2].replace(">50K", ">50K."))
    dataset = load("adult", data_dir=tmp_path)
    assert dataset.classes == ("<=50K", ">50K")
    assert dataset.target.tolist() == [0, 1, 1]
    assert dataset.sensitive["sex"].to_list() == ["Male", "Female", "Male"]
    assert dataset.features["occupation"].to_list() == [None, "Sales", "Sales"]
    assert "fnlwgt" not in dataset.features.columns
    weighted = load("adult", data_dir=tmp_path, weights="fnlwgt")
    assert weighted.weights.tolist() == [77516.0] * 3


def acs_part(path, sex, race, label):
    path.parent.mkdir(exist_ok=True)
    n = len(sex)
    columns = {"PINCP": label, "RAC1P": race, "SEX": sex, "OCCP": [4110.0] * n, "SCHL": [16.0] * n}
    pq.write_table(pa.table({**columns, "index": list(range(n))}), path)


def test_acs_codes_become_names_and_categories(tmp_path):
    acs_part(tmp_path / "acs/ACSIncome.validation.parquet", [1.0, 2.0], [0, 1], [0, 1])
    acs_part(tmp_path / "acs/ACSIncome.test.parquet", [2.0], [8], [1])
    dataset = load("acs-income", data_dir=tmp_path)
    assert dataset.sensitive["SEX"].to_list() == ["male", "female", "female"]
    assert dataset.features.to_dict(as_series=False) == {
        "RAC1P": ["White", "Black", "Two or more"],
        "OCCP": ["4110"] * 3,
        "SCHL": [16.0] * 3,
    }
    assert dataset.classes == (0, 1)


def test_acs_codes_that_are_not_known_are_refused(tmp_path):
    acs_part(tmp_path / "acs/ACSIncome.validation.parquet", [1.0, 2.0], [0, 9], [0, 1])
    acs_part(tmp_path / "acs/ACSIncome.test.parquet", [2.0], [8], [1])
    with pytest.raises(DataError, match=r"RAC1P .* codes \[9\], wanted 0 to 8"):
        load("acs-income", data_dir=tmp_path)


COMPAS_HEADER = (
    "name,dob,sex,age,race,juv_fel_count,juv_misd_count,juv_other_count,priors_count,"
    "days_b_screening_arrest,c_charge_degree,is_recid,score_text,priors_count,two_year_recid\n"
)


def test_compas_is_filtered_and_never_loads_names(tmp_path):
    row = "Jo Doe,1980-01-01,Male,30,{race},0,0,0,2,{days},{degree},{recid},{score},2,{label}\n"
    usual = {"race": "Asian", "days": -1, "degree": "F", "recid": 0, "score": "Low", "label": 0}
    changes = [
        {}, {"label": 1, "race": "Other", "days": 30}, {"days": -31}, {"days": ""},
        {"degree": "O"}, {"recid": -1}, {"score": "N/A"},
    ]  # fmt: skip
    text = "".join(row.format(**{**usual, **change}) for change in changes)
    write(tmp_path / "compas-scores-two-years.csv", COMPAS_HEADER + text)
    table = known_tables()["compas"].read(tmp_path)
    assert table["race"].to_list() == ["Asian", "Other"]
    assert not {"name", "dob", "score_text", "is_recid"} & set(table.columns)
    dataset = load("compas", data_dir=tmp_path)
    assert dataset.classes == (0, 1)
    assert "two_year_recid" not in dataset.features.columns


def test_a_compas_file_of_other_columns_is_refused(tmp_path):
    write(tmp_path / "compas-scores-two-years.csv", "a,b\n1,2\n")
    with pytest.raises(DataError, match="has no column 'sex'"):
        load("compas", data_dir=tmp_path)


def test_bank_drops_the_length_of_the_call_and_cuts_age(tmp_path):
    text = '"age";"job";"duration";"y"\n24;"unknown";9;"no"\n60;"admin.";9;"yes"\n'
    write(tmp_path / "bank/bank-additional-full.csv", text)
    dataset = load("bank", data_dir=tmp_path)
    assert dataset.features.to_dict(as_series=False) == {"job": ["unknown", "admin."]}
    assert dataset.sensitive["age"].to_list() == ["age < 25", "age >= 60"]


GERMAN_ROW = (
    "A11 6 A34 A43 1169 A65 A75 4 {status} A101 4 A121 67 A143 A152 2 A173 1 A192 A201 {label}\n"
)


def test_german_reads_sex_and_marital_status_off_one_attribute(tmp_path):
    rows = [("A91", 1), ("A92", 2), ("A93", 1), ("A94", 1), ("A95", 2)]
    text = "".join(GERMAN_ROW.format(status=status, label=label) for status, label in rows)
    write(tmp_path / "german.data", text)
    dataset = load("german", data_dir=tmp_path)
    assert dataset.sensitive["sex"].to_list() == ["male", "female", "male", "male", "female"]
    assert dataset.features["marital_status"].to_list()[2] == "single"
    assert dataset.classes == ("bad", "good")
    assert dataset.target.tolist() == [1, 0, 1, 1, 0]


def test_a_german_code_that_is_not_known_is_refused(tmp_path):
    write(tmp_path / "german.data", GERMAN_ROW.format(status="A99", label=1))
    with pytest.raises(DataError, match="attribute 9"):
        load("german", data_dir=tmp_path)


DIABETES = (
    "encounter_id,patient_nbr,race,gender,admission_type_id,diag_1,max_glu_serum,readmitted\n"
    "5,7,White,Male,6,250,None,>30\n1,7,?,Male,6,250,None,<30\n"
    "2,9,Asian,Male,1,V27,None,>30\n3,8,Asian,Female,1,?,None,NO\n"
)


@pytest.mark.parametrize("packed", [True, False])
def test_diabetes_has_first_stays_two_classes_and_a_group_for_race_not_asked(tmp_path, packed):
    if packed:
        (tmp_path / "diabetes130").mkdir()
        with zipfile.ZipFile(tmp_path / "diabetes130/dataset_diabetes.zip", "w") as archive:
            archive.writestr("dataset_diabetes/diabetic_data.csv", DIABETES)
    else:
        write(tmp_path / "diabetic_data.csv", DIABETES)
    dataset = load("diabetes", data_dir=tmp_path)
    assert dataset.classes == ("later or never", "<30")
    assert dataset.target.tolist() == [1, 0, 0]
    assert dataset.sensitive["race"].to_list() == ["Unknown", "Asian", "Asian"]
    assert dataset.features.to_dict(as_series=False) == {
        "gender": ["Male", "Male", "Female"],
        "admission_type_id": ["6", "1", "1"],
        "diag_1": ["250", "V27", None],
        "max_glu_serum": ["None"] * 3,
    }


def test_a_damaged_archive_is_named(tmp_path):
    write(tmp_path / "dataset_diabetes.zip", "no zip")
    with pytest.raises(DataError, match="no whole zip archive"):
        load("diabetes", data_dir=tmp_path)
    with zipfile.ZipFile(tmp_path / "dataset_diabetes.zip", "w") as archive:
        archive.writestr("other.csv", "a")
    with pytest.raises(DataError, match=r"holds no diabetic_data\.csv"):
        load("diabetes", data_dir=tmp_path)


def test_a_diabetes_file_of_other_columns_is_refused(tmp_path):
    write(tmp_path / "diabetic_data.csv", "a,b\n1,2\n")
    with pytest.raises(DataError, match="no columns 'race' and 'readmitted'"):
        load("diabetes", data_dir=tmp_path)


def test_a_damaged_survey_file_is_named(tmp_path):
    for part in ("validation", "test"):
        write(tmp_path / f"acs/ACSIncome.{part}.parquet", "no parquet")
    with pytest.raises(DataError, match="no whole Parquet file"):
        load("acs-income", data_dir=tmp_path)


# Rows, share of the positive class, groups of the default sensitive column, as published.
REAL = {
    "acs-income": (665_800, 0.369, 2),
    "acs-mobility": (248_375, 0.735, 2),
    "acs-public-coverage": (455_316, 0.298, 2),
    "adult": (48_842, 0.2393, 2),
    "bank": (41_188, 4_640 / 41_188, 3),
    "compas": (6_172, 0.4551, 6),
    "diabetes": (71_518, 6_293 / 71_518, 6),
    "german": (1_000, 0.7, 2),
}


def test_every_known_table_has_its_published_figures_below():
    assert list(REAL) == list(known_tables())


@pytest.mark.parametrize("name", list(REAL))
def test_real_tables_load_with_their_published_rows(name, real_data, record_property):
    rows, positive, groups = REAL[name]
    start = time.perf_counter()
    dataset = load(name, data_dir=real_data)
    record_property("seconds", round(time.perf_counter() - start, 3))
    assert len(dataset) == rows
    assert dataset.target.mean() == pytest.approx(positive, abs=0.001)
    (column,) = dataset.sensitive.columns
    assert dataset.sensitive[column].n_unique() == groups
    assert dataset.target_name not in dataset.features.columns
