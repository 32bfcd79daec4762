use super::*;

fn parse(document: &str) -> Result<RevocationList, ListError> {
    RevocationList::parse(document.as_bytes(), HashKey::from_bits([1, 2]))
}

#[test]
fn unknown_members_and_documents_of_other_services_are_read() {
    let rows = [
        ("no item", r#"{"items":[]}"#, 0),
        ("unknown members of the document", r#"{"v":{"items":3},"items":[{"jti":"a"}],"next":null}"#, 1),
        ("unknown members of an item", r#"{"items":[{"exp":1,"jti":"a","x":{"jti":5},"x":[]}]}"#, 1),
        ("pico-server-auth", r#"{"items": [{"jti": "a", "expires_at": "2030-01-01"}, {"jti": "b"}]}"#, 2),
        ("an array of strings", r#" ["a", "b", "b"] "#, 3),
        ("an escaped name", r#"{"it\u0065ms":[{"jt\u0069":"a"}]}"#, 1),
        ("a byte order mark", "\u{feff}[\"a\"]", 1),
    ];
    for (label, document, items) in rows {
        assert_eq!(parse(document).map(|list| list.len()), Ok(items), "{label}");
    }
}

#[test]
fn a_document_with_one_mistake_is_refused() {
    let member = |member, expected| ListError::MemberType { index: 1, member, expected };
    let seconds = "a number of seconds since 1970";
    let rows = [
        ("nothing", "", ListError::Json),
        ("a page", "<html>", ListError::Json),
        ("a document that is cut off", r#"{"items":[{"jti":"a"}"#, ListError::Json),
        ("text after it", r#"["a"]x"#, ListError::Json),
        ("a trailing comma", r#"["a",]"#, ListError::Json),
        ("null", "null", ListError::NotAList),
        ("a string", r#""a""#, ListError::NotAList),
        ("an object without items", r#"{"jti":"a"}"#, ListError::NotAList),
        ("an object as items", r#"{"items":{"jti":"a"}}"#, ListError::NotAList),
        ("null as items", r#"{"items":null}"#, ListError::NotAList),
        ("items twice", r#"{"items":[],"items":[]}"#, ListError::RepeatedItems),
        ("a number in the array", r#"["a",5]"#, ListError::EntryType { index: 1 }),
        ("an object in the array", r#"[{"jti":"a"}]"#, ListError::EntryType { index: 0 }),
        ("a string in items", r#"{"items":[{"jti":"a"},"b"]}"#, ListError::ItemType { index: 1 }),
        ("null in items", r#"{"items":[{"jti":"a"},null]}"#, ListError::ItemType { index: 1 }),
        ("an empty item", r#"{"items":[{"jti":"a"},{}]}"#, ListError::NamesNothing { index: 1 }),
        (
            "an unknown member alone",
            r#"{"items":[{"jti":"a"},{"kid":"b"}]}"#,
            ListError::NamesNothing { index: 1 },
        ),
        ("a number as jti", r#"{"items":[{"jti":"a"},{"jti":5}]}"#, member("jti", "a string")),
        ("null as sub", r#"{"items":[{"jti":"a"},{"jti":"b","sub":null}]}"#, member("sub", "a string")),
        ("a list as sid", r#"{"items":[{"jti":"a"},{"sid":["b"]}]}"#, member("sid", "a string")),
        (
            "a text as time",
            r#"{"items":[{"jti":"a"},{"issued_before":"5"}]}"#,
            member("issued_before", seconds),
        ),
        (
            "null as time",
            r#"{"items":[{"jti":"a"},{"jti":"b","issued_before":null}]}"#,
            member("issued_before", seconds),
        ),
        (
            "an infinite time",
            r#"{"items":[{"jti":"a"},{"issued_before":1e999}]}"#,
            member("issued_before", seconds),
        ),
        (
            "jti twice",
            r#"{"items":[{"jti":"a"},{"jti":"b","jti":"b"}]}"#,
            ListError::RepeatedMember { index: 1, member: "jti" },
        ),
        (
            "issued_before twice",
            r#"{"items":[{"jti":"a"},{"issued_before":1,"issued_before":1}]}"#,
            ListError::RepeatedMember { index: 1, member: "issued_before" },
        ),
    ];
    for (label, document, error) in rows {
        assert_eq!(parse(document), Err(error), "{label}");
        assert!(!error.to_string().contains("\"b\""), "{label}: no value is shown");
    }
}

#[test]
fn the_largest_document_is_read_and_a_larger_one_is_refused() {
    let of = |items: usize| format!("[{}]", vec![r#""a""#; items].join(","));
    assert_eq!(parse(&of(MAX_ITEMS)).map(|list| list.len()), Ok(MAX_ITEMS));
    assert_eq!(parse(&of(MAX_ITEMS + 1)), Err(ListError::TooManyItems));
    let items = |items: usize| format!(r#"{{"items":[{}]}}"#, vec![r#"{"jti":"a"}"#; items].join(","));
    assert_eq!(parse(&items(MAX_ITEMS)).map(|list| list.len()), Ok(MAX_ITEMS));
    assert_eq!(parse(&items(MAX_ITEMS + 1)), Err(ListError::TooManyItems));
    let padded = |bytes: usize| format!("[\"a\"{}]", " ".repeat(bytes - 5));
    assert_eq!(parse(&padded(MAX_LIST_BYTES)).map(|list| list.len()), Ok(1));
    assert_eq!(parse(&padded(MAX_LIST_BYTES + 1)), Err(ListError::TooLarge));
}

proptest::proptest! {
    #[test]
    fn only_json_is_read(text in r#"[\[\]{}:,"a-e0-9jtisubd. ]{0,60}"#) {
        proptest::prop_assert!(parse(&text).is_err() || serde_json::from_str::<IgnoredAny>(&text).is_ok());
    }
}
