import pytest

from crossemo.commands.survey import YAMLRefusal, survey

# Nine times as many in each line; 3 * 9 ** 5 in the sixth are more than 100,000.
LAUGHS = "l0: &l0 [x, x, x]\n" + "".join(
    f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]\n" for n in range(1, 12)
)


def test_every_key_has_its_line() -> None:
    text = "fit:\n  data:\n    init_args: {seed: 1}\nbase: &b {x: 1}\nc:\n  <<: *b\n"
    assert survey(text) == {
        "data": 2,
        "data.seed": 3,
        "base": 4,
        "base.x": 4,
        "c": 5,
        "c.<<": 6,
    }


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("a:\n\tb: 1\n", 2, "a tab can't indent YAML"),
        ("a: [1, 2\nb: 3\n", 2, "a bracket of line 1 is never closed"),
        ("a: {x: 1\n", 2, "a bracket of line 1 is never closed"),
        ("a: 'x\n", 2, "the quotation mark of line 1 is never closed"),
        ("a: 1\nlayers: *\n", 2, r"put what begins with \* or & in quotes"),
        ("a: @b\n", 1, "put what begins with @"),
        ("a: b: c\n", 1, "a second colon"),
        ("a: {x:}\n", 1, "a colon lacks the space behind it"),
        ("a:\n  b: 1\n c: 2\n", 3, "doesn't begin below"),
        ("a: 1\n---\nb: [\n", 4, "a value is missing"),
        ("a: 1\npeft: {r:16}\n", 2, r"write \{r: 16\}"),
        ("a: " + "[" * 60 + "]" * 60, 1, "more than 50 lists"),
        ("a: " + "[" * 5000 + "]" * 5000, 1, "more than 50 lists"),
        ("\n".join(" " * n + "a:" for n in range(1000)), 51, "more than 50 lists"),
        (LAUGHS, 6, "more than any config needs"),
        ("a: [" + "x, " * 100_001 + "]", 1, "more than any config needs"),
        ("a: &a [*a]\n", 1, r"\*a would hold itself"),
        ("a: 1\nb: 2\na: 3\n", 3, "'a' stands in line 1 too"),
        ("? [a]\n: 1\n", 1, "a key is a word"),
        ("1: x\n", 1, "'1' is read as a number"),
        ("a:\n  yes: x\n", 2, "'yes' is read as"),
        ("a: !!python/object/apply:os.getcwd []\n", 1, "take tag:.* away"),
        ("a: 1\nb: !!timestamp x\n", 2, "take tag:.* away"),
        ('a: 1\nb: "\\0"\n', 2, "NUL"),
        ("a: 1\nb: \x01\n", 2, "a character can't stand in YAML"),
    ],
)
def test_what_no_config_needs_is_refused_with_its_line(
    text: str, line: int, problem: str
) -> None:
    with pytest.raises(YAMLRefusal, match=f"^line {line}: .*{problem}"):
        survey(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a: " + "[" * 40 + "]" * 40,
        "a: &a {x: 1}\nb: *a\nc: {<<: *a, y: 2}\n",
        "'1': x\n",
        "a: !!str 1\n",
    ],
)
def test_what_a_config_may_hold_is_let_through(text: str) -> None:
    survey(text)
