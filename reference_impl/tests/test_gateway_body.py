from __future__ import annotations

import json

import pytest
from decibill_reference.gateway_body import BadRequest, FormBody, JsonBody, parse_body
from hypothesis import given
from hypothesis import strategies as st

FORM_TYPE = "multipart/form-data; boundary=xyz"
FORM = (
    b"--xyz\r\n"
    b'Content-Disposition: form-data; name="file"; filename="tone \\"a\\".wav"\r\n'
    b"Content-Type: audio/wav\r\n"
    b"\r\n"
    b"RIFF\r\n\r\n--xy\0\xff\r\n"
    b"--xyz\r\n"
    b"content-disposition: form-data; name=model\r\n"
    b"\r\n"
    b"transcribe\r\n"
    b"--xyz\r\n"
    b'Content-Disposition: form-data; name="stream"\r\n'
    b"\r\n"
    b"true\r\n"
    b"--xyz--\r\n"
)


# JSON


def test_only_the_model_of_a_json_body_is_replaced() -> None:
    body = (
        b' {"speed" : 1.00, "model":"alias" ,"n":10000000000000000000000.5,'
        b'"input":"\\u00e9 \xc3\xa9","x":{"model":"m"}}\n'
    )

    forwarded = parse_body(body, "application/json").forwarded("gpt-4o-mini-tts")

    assert forwarded == body.replace(b'"alias"', b'"gpt-4o-mini-tts"')


def test_a_model_that_the_body_lacks_is_added() -> None:
    assert JsonBody.parse(b'{"input":"a"}').forwarded("m") == b'{"model":"m","input":"a"}'
    assert JsonBody.parse(b"{ }").forwarded("m") == b'{"model":"m" }'


def test_without_a_model_the_body_is_forwarded_as_it_is() -> None:
    body = b'{ "model" : "m" }'

    assert JsonBody.parse(body).forwarded(None) == body


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", {"include_usage": True}),
        (',"stream_options":null', {"include_usage": True}),
        (',"stream_options":{"include_usage":false}', {"include_usage": True}),
        (
            ',"stream_options":{"include_obfuscation":false}',
            {"include_obfuscation": False, "include_usage": True},
        ),
        (',"stream_options":{"include_usage":true}', {"include_usage": True}),
    ],
    ids=["absent", "null", "false", "others", "asked for"],
)
def test_a_stream_is_asked_to_end_in_its_usage(options: str, expected: object) -> None:
    body = JsonBody.parse(f'{{"stream":true,"model":"m"{options}}}'.encode())

    assert json.loads(body.forwarded("n", ask_for_usage=True))["stream_options"] == expected


def test_a_call_without_a_stream_is_not_asked_for_its_usage() -> None:
    body = b'{"stream":false,"model":"m"}'

    assert JsonBody.parse(body).forwarded(None, ask_for_usage=True) == body


@given(
    st.dictionaries(
        st.text(), st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5)
    ),
    st.text(),
    st.sampled_from([None, 2]),
)
def test_every_other_member_survives_the_change(
    members: dict[str, object], model: str, indent: int | None
) -> None:
    body = json.dumps(members, indent=indent, ensure_ascii=False).encode()

    assert json.loads(JsonBody.parse(body).forwarded(model)) == {**members, "model": model}


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "not JSON|not a JSON object"),
        (b"[1]", "not a JSON object"),
        (b'{"a":1', "delimiter"),
        (b'{"a" 1}', "':' delimiter"),
        (b"{a:1}", "property name"),
        (b'{"a":1 "b":2}', "',' delimiter"),
        (b'{"a":1,}', "property name"),
        (b'{"a":1} 2', "Extra data"),
        (b'{"a":tru}', "Expecting value"),
        (b'{"a":1,"a":2}', "'a' stands twice"),
        (b'{"a":"\xff"}', "not UTF-8 at byte 6"),
        (b'{"a":' + b"[" * 100_000, "nested too deeply"),
        (b'{"a":' + b"1" * 5_000 + b"}", "thousands of digits"),
    ],
)
def test_a_body_that_is_no_json_object_is_refused(body: bytes, problem: str) -> None:
    with pytest.raises(BadRequest, match=problem):
        parse_body(body, "application/json")


# Forms


def test_only_the_model_of_a_form_is_replaced() -> None:
    forwarded = parse_body(FORM, FORM_TYPE).forwarded("gpt-4o-transcribe")

    assert forwarded == FORM.replace(b"transcribe", b"gpt-4o-transcribe")


def test_a_model_that_the_form_lacks_is_added_as_a_part() -> None:
    body = b'--xyz\r\nContent-Disposition: form-data; name="language"\r\n\r\nen\r\n--xyz--'

    forwarded = FormBody.parse(FormBody.parse(body, FORM_TYPE).forwarded("m"), FORM_TYPE)

    assert forwarded.request() == {"form": {"model": "m", "language": "en"}}
    assert forwarded.body.endswith(body)


def test_the_members_of_a_form_are_read() -> None:
    body = parse_body(FORM, 'multipart/form-data; charset=utf-8; boundary="xyz"')

    assert (body.model, body.streams) == ("transcribe", True)
    assert body.upload == b"RIFF\r\n\r\n--xy\0\xff"
    assert body.request() == {
        "form": {"file": {"content_type": "audio/wav"}, "model": "transcribe", "stream": "true"}
    }


def test_an_upload_without_a_content_type_is_still_a_file() -> None:
    body = b'--xyz\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n\r\n--xyz--'

    form = FormBody.parse(body, FORM_TYPE)

    assert form.request() == {"form": {"file": {}}}
    assert form.upload == b""


def test_the_upload_is_the_first_file_whatever_its_field_is_called() -> None:
    body = (
        b'--xyz\r\nContent-Disposition: form-data; name="file"\r\n\r\nno file\r\n'
        b'--xyz\r\nContent-Disposition: form-data; name="audio"; filename="a.wav"\r\n\r\nRIFF\r\n--xyz--'
    )
    form = FormBody.parse(body, FORM_TYPE)

    assert (form.upload, form.upload_name) == (b"RIFF", "audio")


def test_a_form_without_a_file_has_no_upload() -> None:
    form = FormBody.parse(form_of(("language", "en")), FORM_TYPE)

    assert (form.upload, form.upload_name) == (None, None)


def form_of(*fields: tuple[str, str]) -> bytes:
    head = '--xyz\r\nContent-Disposition: form-data; name="'
    return "".join(f'{head}{name}"\r\n\r\n{text}\r\n' for name, text in fields).encode() + b"--xyz--"


def test_a_field_that_is_repeated_is_a_list() -> None:
    form = FormBody.parse(form_of(("a", "1"), ("b", "2"), ("a", "3"), ("a", "4")), FORM_TYPE)

    assert form.request() == {"form": {"a": ["1", "3", "4"], "b": "2"}}


def test_the_model_is_replaced_where_it_is_named() -> None:
    form = FormBody.parse(form_of(("model_id", "alias"), ("text", "model")), FORM_TYPE)

    assert form.model == "alias"
    assert form.forwarded("eleven_v3") == form_of(("model_id", "eleven_v3"), ("text", "model"))


@pytest.mark.parametrize(
    ("body", "model", "forwarded"),
    [
        (b'{"model_id": "alias"}', "alias", b'{"model_id": "m"}'),
        (b'{"model_id": "x", "model": "alias"}', "alias", b'{"model_id": "x", "model": "m"}'),
        (b'{"model_id": 7}', None, b'{"model_id": "m"}'),
    ],
    ids=["model_id", "both", "no text"],
)
def test_the_model_of_a_json_body_is_replaced_where_it_is_named(
    body: bytes, model: str | None, forwarded: bytes
) -> None:
    parsed = parse_body(body, "application/json")

    assert (parsed.model, parsed.upload, parsed.upload_name) == (model, None, None)
    assert parsed.forwarded("m") == forwarded


def test_what_stands_before_the_first_boundary_is_not_a_part() -> None:
    form = FormBody.parse(b"preamble\r\n" + FORM, FORM_TYPE)

    assert form.model == "transcribe"


@pytest.mark.parametrize(
    ("body", "content_type", "problem"),
    [
        (FORM, "multipart/form-data", "names no boundary"),
        (FORM, "multipart/form-data; boundary=abc", "does not hold the boundary"),
        (FORM[:60], FORM_TYPE, "breaks off"),
        (FORM.removesuffix(b"--xyz--\r\n"), FORM_TYPE, "breaks off"),
        (b"--xyz\r\nContent-Type: a/b\r\n\r\n1\r\n--xyz--", FORM_TYPE, "no name"),
        (b"a=1", "application/x-www-form-urlencoded", "neither"),
    ],
    ids=[
        "no boundary",
        "another boundary",
        "cut in a header",
        "cut before the end",
        "no name",
        "another type",
    ],
)
def test_a_body_that_is_not_the_form_it_says_is_refused(body: bytes, content_type: str, problem: str) -> None:
    with pytest.raises(BadRequest, match=problem):
        parse_body(body, content_type)


@given(
    st.binary(max_size=200).filter(
        lambda content: b"\r\n--xyz" not in content and not content.startswith(b"--xyz")
    )
)
def test_any_upload_survives_the_change(content: bytes) -> None:
    body = (
        b'--xyz\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        + content
        + b'\r\n--xyz\r\nContent-Disposition: form-data; name="model"\r\n\r\nalias\r\n--xyz--\r\n'
    )

    changed = FormBody.parse(FormBody.parse(body, FORM_TYPE).forwarded("a longer name"), FORM_TYPE)

    assert (changed.upload, changed.model) == (content, "a longer name")
