"""The JSON:API layer: values in, values out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slo_common import _jsonapi as ja

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["data", "errors", "error", "id", "type", "links", "source", "meta", "included"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


def sla(sla_id: str = "1", **more: object) -> dict[str, object]:
    return {"id": sla_id, "type": "slas", "attributes": {"name": f"n{sla_id}"}, **more}


class TestDocument:
    def test_a_single_resource(self) -> None:
        document = ja.parse_document({"data": sla(meta={"a": 1})})
        assert document.one("slas") == ja.Resource(type="slas", id="1", attributes={"name": "n1"}, meta={"a": 1})

    def test_a_list_of_resources_keeps_its_order(self) -> None:
        document = ja.parse_document({"data": [sla("2"), sla("1")]})
        assert [r.id for r in document.many("slas")] == ["2", "1"]

    def test_meta_only(self) -> None:
        document = ja.parse_document({"meta": {"note": "x"}})
        assert (document.data, document.meta) == (None, {"note": "x"})

    def test_a_number_as_id_is_read_as_text(self) -> None:
        assert ja.parse_document({"data": {"type": "users", "id": 7}}).one("users").id == "7"

    def test_null_members_read_as_missing(self) -> None:
        data = {**sla(), "attributes": None, "relationships": None, "links": None, "meta": None}
        document = ja.parse_document({"data": data, "included": None, "links": None, "meta": None})
        assert document == ja.Document(data=ja.Resource(type="slas", id="1"))

    @pytest.mark.parametrize(
        ("value", "path"),
        [
            (None, "document"),
            ([], "document"),
            ("text", "document"),
            ({"data": "x"}, "data"),
            ({"data": {"type": "slas"}}, "data.id"),
            ({"data": {"id": "1"}}, "data.type"),
            ({"data": {"id": "", "type": "slas"}}, "data.id"),
            ({"data": {"id": True, "type": "slas"}}, "data.id"),
            ({"data": [sla(), {"type": "slas"}]}, "data[1].id"),
            ({"data": [sla(), 3.5]}, "data[1]"),
            ({"data": {**sla(), "attributes": []}}, "data.attributes"),
            ({"data": {**sla(), "links": 1}}, "data.links"),
            ({"data": {**sla(), "links": {"self": 1}}}, "data.links.self"),
            ({"data": {**sla(), "links": {"self": {"title": "no href"}}}}, "data.links.self.href"),
            ({"data": {**sla(), "relationships": {"team": {"data": {"type": "teams"}}}}}, "data.relationships.team.data.id"),
            ({"data": {**sla(), "relationships": {"team": {"data": [{"id": "1"}]}}}}, "data.relationships.team.data[0].type"),
            ({"included": {}}, "included"),
            ({"meta": 1}, "meta"),
        ],
    )
    def test_the_bad_member_is_named(self, value: object, path: str) -> None:
        with pytest.raises(ja.DocumentError) as caught:
            ja.parse_document(value)
        assert caught.value.path == path

    def test_the_kind_of_the_bad_value_is_named(self) -> None:
        with pytest.raises(ja.DocumentError, match="attributes: expected an object, found true or false"):
            ja.parse_document({"data": {**sla(), "attributes": False}})

    def test_an_odd_python_value_is_named_by_its_class(self) -> None:
        with pytest.raises(ja.DocumentError, match="found bytes"):
            ja.parse_document(b"{}")

    @pytest.mark.parametrize(("data", "found"), [([], "a list"), (None, "none")])
    def test_one_refuses_what_is_not_one(self, data: object, found: str) -> None:
        with pytest.raises(ja.DocumentError, match=f"expected one 'slas' resource, found {found}"):
            ja.parse_document({"data": data}).one("slas")

    @pytest.mark.parametrize(("data", "found"), [(sla(), "one"), (None, "none")])
    def test_many_refuses_what_is_no_list(self, data: object, found: str) -> None:
        with pytest.raises(ja.DocumentError, match=f"expected a list of 'slas' resources, found {found}"):
            ja.parse_document({"data": data}).many("slas")

    def test_another_type_is_refused(self) -> None:
        with pytest.raises(ja.DocumentError, match=r"data\.type: expected 'slas', found 'teams'"):
            ja.parse_document({"data": {"type": "teams", "id": "1"}}).one("slas")

    def test_another_type_inside_a_list_is_refused(self) -> None:
        with pytest.raises(ja.DocumentError, match=r"data\[1\]\.type"):
            ja.parse_document({"data": [sla(), {"type": "teams", "id": "1"}]}).many("slas")


class TestRelationships:
    DOCUMENT = ja.parse_document(
        {
            "data": sla(
                relationships={
                    "@comment": 1,
                    "role": {"data": {"type": "roles", "id": "r1", "meta": {"m": 1}}, "links": {"related": "/v1/roles/r1"}},
                    "teams": {"data": [{"type": "teams", "id": "t1"}, {"type": "teams", "id": "t2"}]},
                    "owner": {"data": None},
                    "lazy": {"links": {"related": {"href": "/v1/x", "title": "X", "meta": {"n": 2}}}},
                }
            ),
            "included": [{"type": "teams", "id": "t2", "attributes": {"name": "T2"}}, {"type": "roles", "id": "r1"}],
        }
    )

    def test_a_pointer_to_one_finds_its_included_resource(self) -> None:
        assert [r.id for r in self.DOCUMENT.related(self.DOCUMENT.one("slas"), "role")] == ["r1"]

    def test_what_was_not_included_is_left_out(self) -> None:
        assert [r.id for r in self.DOCUMENT.related(self.DOCUMENT.one("slas"), "teams")] == ["t2"]

    @pytest.mark.parametrize("name", ["owner", "lazy", "no-such"])
    def test_an_empty_relationship_has_no_related_resources(self, name: str) -> None:
        assert self.DOCUMENT.related(self.DOCUMENT.one("slas"), name) == ()

    def test_null_and_not_loaded_are_told_apart(self) -> None:
        relationships = self.DOCUMENT.one("slas").relationships
        assert (relationships["owner"].loaded, relationships["lazy"].loaded) == (True, False)

    def test_identifiers_keep_their_meta(self) -> None:
        assert self.DOCUMENT.one("slas").relationships["role"].data == ja.ResourceId(type="roles", id="r1", meta={"m": 1})

    def test_a_link_object_keeps_title_and_meta(self) -> None:
        assert self.DOCUMENT.one("slas").relationships["lazy"].links == {"related": ja.Link(href="/v1/x", title="X", meta={"n": 2})}

    def test_at_members_are_ignored(self) -> None:
        assert "@comment" not in self.DOCUMENT.one("slas").relationships


class TestPages:
    def test_numbers_of_the_meta(self) -> None:
        meta = {"current_page": 2, "next_page": 3, "prev_page": 1, "total_count": 25, "total_pages": 3, "next_cursor": "c"}
        assert ja.parse_document({"data": [], "meta": meta}).page == ja.PageInfo(
            current_page=2, next_page=3, prev_page=1, total_count=25, total_pages=3, next_cursor="c"
        )

    @pytest.mark.parametrize("meta", [{}, {"next_page": None}, {"next_page": "2"}, {"next_page": True}, {"next_cursor": 5}])
    def test_what_is_no_number_is_none(self, meta: dict[str, object]) -> None:
        assert ja.parse_document({"data": [], "meta": meta}).page == ja.PageInfo()

    def test_a_null_link_means_that_there_is_none(self) -> None:
        links = ja.parse_document({"data": [], "links": {"self": "https://a/1", "next": None, "@x": 1}}).links
        assert links == {"self": ja.Link(href="https://a/1"), "next": None}


class TestErrors:
    def test_a_full_error_object(self) -> None:
        entry = {
            "id": "e1",
            "status": "422",
            "code": "taken",
            "title": "Invalid",
            "detail": "is taken",
            "source": {"pointer": "/data/attributes/name"},
            "links": {"about": "https://docs"},
            "meta": {"m": 1},
        }
        (error,) = ja.parse_errors({"errors": [entry]})
        assert error == ja.ErrorObject(
            id="e1",
            status="422",
            code="taken",
            title="Invalid",
            detail="is taken",
            pointer="/data/attributes/name",
            links={"about": ja.Link(href="https://docs")},
            meta={"m": 1},
        )
        assert str(error.for_caller) == "name: Invalid: is taken"

    @pytest.mark.parametrize(
        ("body", "text"),
        [
            ({"errors": [{"title": "Invalid token", "status": "401"}]}, "Invalid token"),
            ({"errors": [{"status": 404}]}, "no reason given"),
            ({"errors": ["plain words"]}, "plain words"),
            ({"error": "Rate limit exceeded. Try again later."}, "Rate limit exceeded. Try again later."),
            ({"error": {"message": "boom"}}, "boom"),
            ({"errors": None, "error": "boom"}, "boom"),
            ({"errors": {"title": "not in a list"}}, "not in a list"),
        ],
    )
    def test_both_shapes_of_body_give_the_same(self, body: object, text: str) -> None:
        assert [str(e.for_caller) for e in ja.parse_errors(body)] == [text]

    @pytest.mark.parametrize(
        "body", [None, [], "x", 3, {}, {"errors": None}, {"errors": []}, {"errors": [3, " ", None]}, {"error": ""}]
    )
    def test_nothing_usable_gives_no_errors(self, body: object) -> None:
        assert ja.parse_errors(body) == ()

    def test_members_of_a_wrong_type_count_as_missing(self) -> None:
        entry = {"title": ["x"], "source": "name", "meta": 3, "links": {"about": 3}, "detail": False}
        assert ja.parse_errors({"errors": [entry]}) == (ja.ErrorObject(),)

    @given(JSON)
    def test_reading_errors_never_fails(self, value: object) -> None:
        for error in ja.parse_errors(value):
            assert error.for_caller.detail

    @given(JSON)
    def test_a_document_is_read_or_refused_by_path(self, value: object) -> None:
        try:
            document = ja.parse_document(value)
        except ja.DocumentError as refused:
            known = ("document", "data", "included", "links", "meta")
            assert refused.path.startswith(known), refused  # noqa: PT017  # either outcome is right, and each has its fact
        else:
            assert isinstance(document, ja.Document)

    @pytest.mark.parametrize(
        ("source", "argument"),
        [
            ({"pointer": "/data/attributes/name"}, "name"),
            ({"pointer": "/data/attributes/conditions/3/operator"}, "conditions[3].operator"),
            ({"pointer": "/data/relationships/team"}, "team"),
            ({"pointer": "/data/attributes/a~1b~0c"}, "a/b~c"),
            ({"pointer": "/data/attributes/0"}, "0"),
            ({"parameter": "page[size]"}, "page[size]"),
            ({"header": "Content-Type"}, "Content-Type"),
            ({"pointer": "/data", "parameter": "sort"}, "sort"),
            ({"pointer": "/data/attributes"}, None),
            ({"pointer": ""}, None),
            ({}, None),
        ],
    )
    def test_the_source_is_mapped_to_the_argument(self, source: dict[str, str], argument: str | None) -> None:
        (error,) = ja.parse_errors({"errors": [{"source": source}]})
        assert error.argument == argument

    def test_a_document_carries_its_errors(self) -> None:
        assert ja.parse_document({"errors": [{"title": "no"}]}).errors == (ja.ErrorObject(title="no"),)


class TestLinks:
    BASE = "https://api.example.com/base"

    @pytest.mark.parametrize(
        ("href", "target"),
        [
            ("https://api.example.com/v1/slas?page%5Bnumber%5D=2", "/v1/slas?page%5Bnumber%5D=2"),
            ("https://API.example.com:443/v1/slas", "/v1/slas"),
            ("/v1/slas?page=2", "/v1/slas?page=2"),
            ("https://api.example.com", "/"),
        ],
    )
    def test_our_own_origin_is_followed_by_path_and_query(self, href: str, target: str) -> None:
        assert ja.link_target(href, self.BASE) == target

    @pytest.mark.parametrize(
        ("href", "problem"),
        [
            ("https://evil.example/v1/slas", "it leads to 'https://evil.example', not to 'https://api.example.com'"),
            ("http://api.example.com/v1/slas", "it leads to 'http://api.example.com', not to 'https://api.example.com'"),
            ("https://api.example.com:8443/", "it leads to 'https://api.example.com:8443', not to 'https://api.example.com'"),
            ("//evil.example/v1", "it leads to 'https://evil.example', not to 'https://api.example.com'"),
            ("https://api.example.com@evil.example/", "it carries a user name or a password"),
            ("https://u:p@api.example.com/", "it carries a user name or a password"),
            ("javascript:alert(1)", "it leads to 'javascript://:0', not to 'https://api.example.com'"),
            ("https://api.example.com:99999/", "it is no URL"),
            ("https://[::1/", "it is no URL"),
            ("", "it is empty or holds a character that no URL may have"),
            ("https:\\\\evil.example", "it is empty or holds a character that no URL may have"),
            ("/v1/\nslas", "it is empty or holds a character that no URL may have"),
            ("https://api.examplé.com/", "it is empty or holds a character that no URL may have"),
        ],
    )
    def test_another_origin_is_refused(self, href: str, problem: str) -> None:
        assert ja.link_problem(href, self.BASE) == problem
        with pytest.raises(ja.DocumentError, match="a link of the reply is not followed"):
            ja.link_target(href, self.BASE)


class TestWriting:
    def test_a_create(self) -> None:
        assert ja.resource_document("slas", {"name": "x", "description": None}) == {
            "data": {"type": "slas", "attributes": {"name": "x", "description": None}}
        }

    def test_an_update_with_relationships(self) -> None:
        one, none = ja.ResourceId(type="teams", id="1"), None
        assert ja.resource_document("slas", {}, resource_id="9", relationships={"a": one, "b": none, "c": [one]}) == {
            "data": {
                "type": "slas",
                "id": "9",
                "attributes": {},
                "relationships": {
                    "a": {"data": {"type": "teams", "id": "1"}},
                    "b": {"data": None},
                    "c": {"data": [{"type": "teams", "id": "1"}]},
                },
            }
        }

    def test_every_family_of_query_parameters(self) -> None:
        assert ja.query_parameters(
            page={"number": 2, "size": 100, "after": None},
            filters={"name": "a,b", "name[not_in]": "c"},
            sort=["-created_at", "name"],
            include="role",
            fields={"slas": ["name"], "teams": []},
        ) == (
            ("page[number]", "2"),
            ("page[size]", "100"),
            ("filter[name]", "a,b"),
            ("filter[name][not_in]", "c"),
            ("sort", "-created_at,name"),
            ("include", "role"),
            ("fields[slas]", "name"),
            ("fields[teams]", ""),
        )

    def test_blank_values_are_left_out(self) -> None:
        assert ja.query_parameters(filters={"name": "", "slug": None, "search": "  "}, sort="", include=[]) == ()
