"""Places in documents: RFC 6901 and the choice of an element by one of its members."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.dialects.pointer import MISSING, find, same, steps

#: The document of RFC 6901, section 5, and what its pointers give.
RFC = {
    "foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, 'k"l': 6, " ": 7, "m~n": 8,
}  # fmt: skip
RFC_PLACES = {
    "": RFC, "/foo": ["bar", "baz"], "/foo/0": "bar", "/": 0, "/a~1b": 1, "/c%d": 2, "/e^f": 3, "/g|h": 4, "/i\\j": 5,
    '/k"l': 6, "/ ": 7, "/m~0n": 8,
}  # fmt: skip


@pytest.mark.parametrize(("pointer", "found"), RFC_PLACES.items())
def test_the_pointers_of_the_rfc_give_what_it_says(pointer, found):
    assert find(RFC, steps(pointer)) == found


@pytest.mark.parametrize(
    "pointer", ["/foo/2", "/foo/-", "/foo/00", "/foo/bar", "/nothing", "/a~1b/x", "/foo/0/x", "//x"]
)
def test_what_is_not_there_is_missing(pointer):
    assert find(RFC, steps(pointer)) is MISSING


@pytest.mark.parametrize(("pointer", "wrong"), [("foo", "begin"), ("/a~2", "~"), ("/a~", "~"), ("/x" * 33, "32")])
def test_what_is_no_pointer_is_said_so(pointer, wrong):
    with pytest.raises(ValueError, match=wrong):
        steps(pointer)


@pytest.mark.parametrize(
    ("choice", "found"),
    [
        ("[id=a]", 1),
        ("[id=b=c]", 2),
        ("[id=7]", 3),
        ("[id=7.0]", 3),
        ("[id=true]", 4),
        ("[id=1]", MISSING),
        ("[no=a]", MISSING),
    ],
)
def test_an_element_is_chosen_by_one_of_its_members(choice, found):
    elements = [5, {"no": {}}, {"id": "a", "v": 1}, {"id": "b=c", "v": 2}, {"id": 7, "v": 3}, {"id": True, "v": 4}]
    assert find({"all": elements}, steps(f"/all/{choice}/v")) == found


def test_a_member_may_be_called_like_a_choice():
    assert find({"[id=a]": 1}, steps("/[id=a]")) == 1


def test_of_a_long_array_the_beginning_is_looked_at():
    elements = [{"id": str(number)} for number in range(3000)]
    assert find(elements, steps("/[id=2499]")) == {"id": "2499"}
    assert find(elements, steps("/[id=2500]")) is MISSING


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=12,
)


def naive(document, pointer):
    """RFC 6901 as it reads, without choices."""
    for token in [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:]]:
        if isinstance(document, dict) and token in document:
            document = document[token]
        elif isinstance(document, list) and token.isdecimal() and token.isascii() and str(int(token)) == token:
            if int(token) >= len(document):
                return MISSING
            document = document[int(token)]
        else:
            return MISSING
    return document


def places(document, above=""):
    yield above
    pairs = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for key, value in pairs:
        yield from places(value, f"{above}/{str(key).replace('~', '~0').replace('/', '~1')}")


@given(_json, st.data())
def test_every_place_of_any_document_is_found_as_a_naive_evaluator_finds_it(document, data):
    pointer = data.draw(st.sampled_from(list(places(document))))
    further = pointer + data.draw(st.sampled_from(["", "/0", "/x", "/[a=b]"]))
    for each in (pointer, further):
        if each.count("/") <= 32 and "[a=b]" not in each:
            assert find(document, steps(each)) is naive(document, each) or find(document, steps(each)) == naive(
                document, each
            )
    assert json.dumps(find(document, steps(further)), default=repr)


@given(_json, st.text(max_size=8))
def test_no_pointer_and_no_document_raise(document, tail):
    try:
        way = steps(f"/{tail}")
    except ValueError:
        return
    find(document, way)


def test_true_is_not_one():
    assert not same(True, 1)
    assert not same(0, False)
    assert same(192, 192.0)
