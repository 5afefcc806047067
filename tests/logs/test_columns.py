"""Tables are cut into columns as they stand; what is odd is put right and told, and what would shift values is refused."""

from __future__ import annotations

import contextlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyexp.errors import UserError
from tinyexp.logs import separated as module
from tinyexp.logs.columns import index_names, left_out, table_of
from tinyexp.logs.heads import names_in
from tinyexp.logs.separated import CUT

ROWS = "1,0.5,0.7\n2,0.25,0.9\n"


def columns(text, **options):
    return table_of(text, "log.csv", **options).numbers


@pytest.mark.parametrize(
    "text",
    [
        f"epoch,loss,acc\n{ROWS}",
        f"epoch,loss,acc\n\n{ROWS}\n\n",
        f"\n\nepoch,loss,acc\n{ROWS}",
        f"# epoch,loss,acc\n{ROWS}",
        f"epoch,loss,acc\r\n{ROWS}".replace("\n", "\r\n").replace("\r\r", "\r"),
        f"epoch,loss,acc\n{ROWS}".replace("\n", "\r"),
        f"epoch,loss,acc\n{ROWS}".replace("\n", "\r\r\n"),
        f"  epoch ,   loss , acc\n{ROWS}".replace(",", "   ,  "),
        f"epoch,loss,acc\n{ROWS}".replace(",", "\t"),
        f"epoch,loss,acc\n{ROWS}".replace(",", ";").replace(".", ","),
        f"epoch,loss,acc\n{ROWS}".replace(",", "\t").replace(".", ","),
        f'"epoch","loss","acc"\n{ROWS}'.replace("0.5", '"0.5"'),
        '{"epoch": 1, "loss": 0.5, "acc": 0.7}\n{"epoch": 2, "loss": 0.25, "acc": "0.9"}\n',
        '[{"epoch": 1, "loss": 0.5, "acc": 0.7},\n {"epoch": 2, "loss": 0.25, "acc": 0.9}]',
    ],
)
def test_one_table_in_every_form(text):
    assert columns(text) == {"epoch": [1, 2], "loss": [0.5, 0.25], "acc": [0.7, 0.9]}


@given(
    st.lists(
        st.one_of(
            st.floats().map(repr),
            st.floats(allow_nan=False).map("{:.25e}".format),
            st.integers(-(10**400), 10**400).map(str),
            st.sampled_from(
                ["-0", "-0.0", "+1", ".5", "5.", "007", "1e400", "1e-400", "NaN", "Infinity", " 1 ", "1E5"]
            ),
        ),
        min_size=1,
    )
)
def test_numbers_however_written_are_those_of_python_to_the_last_bit(cells):
    """Signs of zeros too, and numbers beyond what there is."""
    rows = [f"{place},{cell}" for place, cell in enumerate(cells)]
    loss = table_of("\n".join(["epoch,loss", *rows, ""]), "log").numbers["loss"]
    assert [*map(repr, loss)] == [repr(float(cell)) for cell in cells]


@pytest.mark.parametrize("row", ["1],[2", "1,true", "1,null", "1,[2]", "1,{}", "1,[],[]"])
def test_what_json_takes_for_something_else_is_no_number(row):
    with contextlib.suppress(UserError):
        assert "loss" not in table_of(f"epoch,loss\n{row}\n", "log").numbers


def test_numbers_come_out_to_the_last_bit_with_and_without_gaps():
    values = [0.1 + 0.2, 1e-310, 1.7976931348623157e308, 5e-324, 1 / 3, -0.0]
    plain = "".join(f"{place},{value!r}\n" for place, value in enumerate(values))
    for text in (plain, f"{plain}9,\n"):
        assert [value.hex() for value in columns(f"epoch,x\n{text}")["x"][:6]] == [
            one.hex() for one in values
        ]


def test_what_is_missing_is_none_and_what_is_nan_is_nan():
    found = columns("epoch,x\n1,NA\n2,nan\n3,\n4,inf\n5,N/A\n6,None\n7, - \n8,-inf\n")["x"]
    assert [value for value in found if value is None] == [None] * 5
    assert math.isnan(found[1])
    assert (found[3], found[7]) == (math.inf, -math.inf)


@pytest.mark.parametrize("word", ["1_000", "\uff11\uff12", "0x10", "1e", "tensor(1.)", "71.8%", "True"])
def test_what_python_or_people_take_for_a_number_and_no_log_means_is_a_word(word):
    table = table_of(f"epoch,x\n1,{word}\n2,{word}\n", "log.csv")
    assert table.others == {"x": [word, word]}


def test_a_word_among_numbers_leaves_a_gap_there_and_is_told_with_its_line():
    table = table_of("epoch,acc\n1,0.5\n2,diverged\n3,0.6\n", "log.csv")
    assert table.numbers["acc"] == [0.5, None, 0.6]
    assert [(one.rows, "acc: 'diverged' in line 3" in one.what) for one in table.repairs] == [(1, True)]
    assert table.rows_read == 3


def test_a_header_again_begins_another_part_and_may_have_other_names():
    table = table_of("epoch,loss,acc\n1,5,6\nepoch,loss,acc\n2,4,5\nepoch,loss\n3,3\n", "log.csv")
    assert table.numbers == {"epoch": [1, 2, 3], "loss": [5, 4, 3], "acc": [6, 5, None]}
    assert table.begins == (1, 2)
    assert list(table.lines) == [2, 4, 6]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("epoch,a,b\n1,2,3\n2,2,3,4\n", "line 3 has 4 values, and the first line 3 names"),
        ("epoch,a,b\n1,2,3\n\n2,2\n3,2,3\n", "line 4 has 2 values"),
        ("epoch,a,b\n1,x,3\n2,2\n3,2,3\n", "line 3 has 2 values"),
        ("epoch,a,b\n1,2,3\n2,2,3,4", "line 3 has 4 values"),
        ("epoch,a,a\n1,2,3\n", "the column 'a' stands twice"),
        ('epoch,a\n1,"2\n2,3\n3,4\n', "the row that begins in line 2 is none"),
        ("epoch;a;b\n1;0,5;0.5\n", "line 2: b is '0.5', and a is '0,5' in line 2"),
        ("epoch,a\n", "holds no row"),
        ("", "holds no row"),
        ("\n \n", "holds no row"),
        ('{"epoch": 1}\n{"epoch": \n{"epoch": 3}\n', "line 2 is not JSON"),
        ('{"epoch": 1}\n{"epoch": \n', "line 2 is not JSON"),
        ('{"epoch": 1}\n3\n', "line 2 is no JSON object"),
        ('[{"epoch": 1}, {"epo', "is not JSON"),
        ("[1, 2]", "line 1 is no JSON object"),
        ('{"a":' * 3000, "holds no row"),
        ('{"a":' * 3000 + "\n", "line 1 is not JSON"),
    ],
)
def test_what_cannot_be_read_truly_is_refused_with_its_line(text, said):
    with pytest.raises(UserError) as caught:
        table_of(text, "runs/log.csv")
    assert str(caught.value).startswith("runs/log.csv: ")
    assert said in str(caught.value)


@pytest.mark.parametrize("tail", ["3", "3,0.1", "3,0.1,0.", "epo", "epoch,loss,ac", '3,"0.1', "\0\0\0"])
def test_a_last_line_that_is_cut_is_left_out_and_told(tail):
    table = table_of(f"epoch,loss,acc\n{ROWS}{tail}", "log.csv")
    assert table.numbers == {"epoch": [1, 2], "loss": [0.5, 0.25], "acc": [0.7, 0.9]}
    assert [(one.what, one.rows) for one in table.repairs] == [(CUT, 1)]
    assert table.rows_read == 3


def test_a_last_line_without_an_end_counts_only_where_no_digit_can_be_missing():
    assert columns("epoch,acc\n1,0.50\n2,0.60\n3,0.70")["acc"] == [0.5, 0.6, 0.7]
    assert columns("epoch,acc\n1,0.50\n2,0.60\n3,0.7")["acc"] == [0.5, 0.6]
    assert columns("epoch,acc\n1,0.123\n2,0.25\n3,0.7")["acc"] == [0.123, 0.25]
    assert columns("epoch,acc\n1,0.123\n2,0.25\n3,0.7", unended="kept")["acc"] == [0.123, 0.25, 0.7]
    assert columns("epoch,acc\r\n1,0.5\r\n2,0.7\r")["acc"] == [0.5, 0.7]
    assert table_of("epoch,acc\n1,0.5\nepoch,ac", "log.csv", unended="kept").names == ("epoch", "acc")


def test_a_json_line_that_is_whole_needs_no_end():
    assert columns('{"epoch": 1, "x": 1}\n{"epoch": 2, "x": 2}')["x"] == [1, 2]
    table = table_of('{"epoch": 1, "x": 1}\n{"epoch": 2, "x"', "log.jsonl")
    assert [(one.what, one.rows) for one in table.repairs] == [(CUT, 1)]


def test_columns_of_json_may_appear_later_and_lie_deep():
    text = (
        '{"epoch": 1, "val": {"acc": {"top1": 1}}}\n{"epoch": 2, "loss": NaN, "tags": ["a"], "best": true}\n'
    )
    table = table_of(text, "log.jsonl", joined=".")
    assert table.names == ("epoch", "val.acc.top1", "loss", "tags", "best")
    assert table.numbers["val.acc.top1"] == [1, None]
    assert table.others == {"tags": [None, ["a"]], "best": [None, True]}


def test_rows_that_a_trainer_is_known_to_write_may_be_passed_over():
    table = table_of(
        "epoch,loss,time\n0,00:00\n1,2,00:01\n",
        "log.csv",
        ignored=lambda cells, names: "passed over" if len(cells) == 2 and names[-1] == "time" else "",
    )
    assert table.numbers == {"epoch": [1], "loss": [2]}
    assert [(one.what, one.rows) for one in table.repairs] == [("passed over", 1)]


def test_many_names_in_many_rows_are_refused_before_they_fill_the_memory(monkeypatch):
    monkeypatch.setattr(module, "MAX_CELLS", 1_000)
    monkeypatch.setattr("tinyexp.logs.records.MAX_CELLS", 1_000)
    monkeypatch.setattr("tinyexp.logs.columns.MAX_CELLS", 1_000)
    for text in (
        "a,b,c\n" + "1,2,3\n" * 400,
        "".join(f"epoch,x{row}\n{row},1\n" for row in range(60)),
        "".join(f'{{"epoch": 1, "x{row}": 1}}\n' for row in range(60)),
    ):
        with pytest.raises(UserError, match="more than") as caught:
            table_of(text, "log.csv")
        assert "60 objects" not in str(caught.value)


def test_a_message_stays_short_whatever_the_names_are():
    with pytest.raises(UserError) as caught:
        table_of(f"{'x' * 9999},{'x' * 9999}\n1,2\n", "log.csv")
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("head", "names"),
    [
        (b"epoch,loss\n1,2\n", ("epoch", "loss")),
        (b'"epoch" ; "loss"\r\n1;2\r\n', ("epoch", "loss")),
        ("epoch\tloss\n".encode("utf-16"), ("epoch", "loss")),
        (b'{"args": {"lr": 1}}\n{"epoch": 1, "val": {"acc": 1}}\n', ("args.lr", "epoch", "val.acc")),
        (b'[{"epoch": 1, "acc": 1}, {"epo', ("epoch", "acc")),
        (b'{"epoch": 1, "acc": 1, "x', ("epoch", "acc")),
        (b'{\n  "epoch": 1\n}\n', ()),
        (b"\x89PNG\0\0", ()),
        (b"", ()),
    ],
)
def test_the_beginning_of_a_file_says_its_columns(head, names):
    assert names_in(head) == names


@given(
    st.text(alphabet=st.sampled_from('epochst,;\t\n\r"0123456789.-{}[]:\0 _nan\u2028\uff11'), max_size=200)
)
def test_any_text_is_a_table_or_refused(text):
    names_in(text.encode())
    with contextlib.suppress(UserError):
        table = table_of(text, "log.csv")
        lengths = {len(column) for column in (*table.numbers.values(), *table.others.values())}
        assert lengths <= {len(table.lines)}


@pytest.mark.parametrize(
    "text",
    [
        "epoch;loss;tokens\n1;0,25;12.500\n2;0,20;25.000\n",
        "epoch;loss;note\n1;0,25;12.500\n2;0,20;n/a\n3;error;13.000\n",
        "epoch;loss\n1;12.500\n2;12.250\n3;0,25\n",
        "epoch\tloss\ttokens\n1\t0,25\t12.500\n2\t0,20\t1.234.567\n",
        "step;loss\n12.500;0,25\n12.600;0,20\n",
    ],
)
def test_a_point_beside_decimal_commas_may_divide_thousands_and_is_refused_with_its_line(text):
    with pytest.raises(
        UserError, match=r"log\.csv: line 2: .* is '12\.500', and .* is '0,25' in line.*Write all numbers"
    ):
        table_of(text, "log.csv")


def test_points_that_can_only_divide_thousands_are_read_so_and_that_is_told():
    table = table_of("epoch;loss;tokens\n1;0,25;1.234.567\n2;1.250,5;2.000.000\n3;-1.000,25;-\n", "log.csv")
    assert table.numbers["loss"] == [0.25, 1250.5, -1000.25]
    assert table.numbers["tokens"] == [1234567, 2000000, None]
    assert table.notes == (
        "decimal commas are read as points: loss.",
        "points that divide thousands are left out: loss, tokens.",
    )


def test_a_word_among_decimal_commas_leaves_a_gap_there():
    table = table_of("epoch;loss\n1;0,25\n2;error\n3;0,5\n", "log.csv")
    assert table.numbers["loss"] == [0.25, None, 0.5]
    assert [one.rows for one in table.repairs] == [1]


@pytest.mark.parametrize("name", ["Epoch #", "epoch [#]", "epoch (-)", "Epoch#"])
def test_a_sign_of_counting_behind_a_name_changes_no_index(name):
    assert (
        index_names(
            (
                "idx",
                name,
                "loss",
            )
        )[0]
        == name
    )


def test_numbers_with_other_signs_are_left_out_with_an_example():
    table = table_of('epoch,top1,tokens,by\n1,50%,"1,250",me\n2,51%,"2,500",you\n', "log.csv")
    assert left_out(table) == [
        "Left out, as they hold no numbers: by.",
        "Left out, as numbers are written with other signs, such as '50%' in top1: top1, tokens. Write them plainly, as 1250.5.",
    ]
