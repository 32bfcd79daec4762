use super::*;

fn key() -> HashKey {
    HashKey::from_bits([1, 2])
}

fn list(document: &str) -> RevocationList {
    RevocationList::parse(document.as_bytes(), key()).unwrap()
}

fn revokes(document: &str, claims: &str) -> bool {
    list(document).revokes(&Json::parse(claims.as_bytes()).unwrap())
}

#[test]
fn an_item_revokes_the_tokens_that_have_all_its_members() {
    let claims = r#"{"jti":"a","sub":"alice","sid":"s1","iat":1700000000}"#;
    let rows = [
        (r#"[]"#, false),
        (r#"{"items":[]}"#, false),
        (r#"["a"]"#, true),
        (r#"["b"]"#, false),
        (r#"["b","a","c"]"#, true),
        (r#"["A"]"#, false),
        (r#"["alice","s1"]"#, false),
        (r#"{"items":[{"jti":"a"}]}"#, true),
        (r#"{"items":[{"sub":"alice"}]}"#, true),
        (r#"{"items":[{"sub":"bob"}]}"#, false),
        (r#"{"items":[{"sub":"a"}]}"#, false),
        (r#"{"items":[{"sid":"s1"}]}"#, true),
        (r#"{"items":[{"jti":"a","sub":"alice"}]}"#, true),
        (r#"{"items":[{"jti":"a","sub":"bob"}]}"#, false),
        (r#"{"items":[{"jti":"b","sub":"alice"}]}"#, false),
        (r#"{"items":[{"jti":"a","sub":"alice","sid":"s1"}]}"#, true),
        (r#"{"items":[{"jti":"a","sub":"alice","sid":"s2"}]}"#, false),
        (r#"{"items":[{"jti":"x"},{"sub":"x"},{"sid":"x"},{"sub":"alice","sid":"s1"}]}"#, true),
        (r#"{"items":[{"sub":"alice","issued_before":1700000000}]}"#, true),
        (r#"{"items":[{"sub":"alice","issued_before":1700000000.5}]}"#, true),
        (r#"{"items":[{"sub":"alice","issued_before":1699999999}]}"#, false),
        (r#"{"items":[{"sub":"alice","issued_before":-5}]}"#, false),
        (r#"{"items":[{"issued_before":1700000000}]}"#, true),
        (r#"{"items":[{"issued_before":1699999999.9}]}"#, false),
        (r#"{"items":[{"sub":"alice","issued_before":1},{"sub":"alice","issued_before":1800000000}]}"#, true),
        (r#"{"items":[{"sub":"alice","issued_before":1800000000},{"sub":"alice","issued_before":1}]}"#, true),
        (r#"{"items":[{"sub":"alice"},{"sub":"alice","issued_before":1}]}"#, true),
    ];
    for (document, revoked) in rows {
        assert_eq!(revokes(document, claims), revoked, "{document}");
    }
}

#[test]
fn a_token_without_the_member_or_of_unknown_age_is_judged_so() {
    let rows = [
        ("a token without jti", r#"["a"]"#, r#"{"sub":"alice"}"#, false),
        ("a token with a list as jti", r#"["a"]"#, r#"{"jti":["a"]}"#, false),
        ("a token without sid", r#"{"items":[{"sub":"alice","sid":"s"}]}"#, r#"{"sub":"alice"}"#, false),
        ("a number as sid", r#"{"items":[{"sid":"1"}]}"#, r#"{"sid":1}"#, false),
        (
            "a token without iat",
            r#"{"items":[{"sub":"alice","issued_before":5}]}"#,
            r#"{"sub":"alice"}"#,
            true,
        ),
        ("every token without iat", r#"{"items":[{"issued_before":5}]}"#, r#"{"sub":"alice"}"#, true),
        ("an empty jti", r#"[""]"#, r#"{"jti":""}"#, true),
        ("an empty jti is no absent one", r#"[""]"#, r#"{"sub":""}"#, false),
        (
            "values are not joined",
            r#"{"items":[{"jti":"ab","sub":"c"}]}"#,
            r#"{"jti":"a","sub":"bc"}"#,
            false,
        ),
        ("an escape", r#"["\u0061"]"#, r#"{"jti":"a"}"#, true),
    ];
    for (label, document, claims, revoked) in rows {
        assert_eq!(revokes(document, claims), revoked, "{label}");
    }
}

#[test]
fn another_worker_loads_what_one_has_stored() {
    let documents = ["[]", r#"["a","b","c"]"#, r#"{"items":[{"sub":"x","issued_before":-1.5},{"sid":"y"}]}"#];
    for document in documents {
        let list = list(document);
        let loaded = RevocationList::load(list.stored().to_vec()).unwrap();
        assert!(loaded == list && loaded.len() == list.len(), "{document}");
    }
}

#[test]
fn bytes_that_are_no_list_are_not_loaded() {
    let stored = list(r#"["a","b","c"]"#).stored().to_vec();
    for length in 0..stored.len() {
        let is_whole = length >= HEADER && (length - HEADER).is_multiple_of(ENTRY);
        assert_eq!(RevocationList::load(stored[..length].to_vec()).is_some(), is_whole, "{length} bytes");
    }
    let mut unsorted = stored.clone();
    unsorted[HEADER] = 0xFF;
    assert_eq!(RevocationList::load(unsorted), None);
    let mut other_version = stored;
    other_version[0] = 2;
    assert_eq!(RevocationList::load(other_version), None);
    let too_long = [list("[]").stored(), &vec![0; (MAX_ITEMS + 1) * ENTRY]].concat();
    assert_eq!(RevocationList::load(too_long), None);
}

#[test]
fn equal_items_have_equal_bytes_in_any_order_and_the_key_changes_them() {
    assert_eq!(list(r#"["a","b"]"#), list(r#"{"items":[{"jti":"b"},{"jti":"a","exp":5}]}"#));
    assert_ne!(list(r#"["a","b"]"#), list(r#"["a","c"]"#));
    let other = RevocationList::parse(br#"["a","b"]"#, HashKey::from_bits([3, 4])).unwrap();
    assert_ne!(list(r#"["a","b"]"#).stored()[HEADER..], other.stored()[HEADER..]);
}

#[test]
fn the_order_of_the_bits_is_the_order_of_the_numbers() {
    let numbers = [f64::MIN, -1.5, -1.0, 0.0, 1e-9, 1.0, 1.7e9, f64::MAX, f64::INFINITY];
    assert!(numbers.is_sorted_by(|one, other| order(*one) < order(*other)));
    for value in numbers {
        assert_eq!(number(order(value)).to_bits(), value.to_bits());
    }
}

proptest::proptest! {
    #[test]
    fn exactly_the_listed_tokens_are_revoked(listed in proptest::collection::vec("[a-d]{1,4}", 0..60), other in "[a-d]{1,4}") {
        let list = list(&serde_json::to_string(&listed).unwrap());
        let revokes = |jti: &str| list.revokes(&Json::parse(format!(r#"{{"jti":"{jti}"}}"#).as_bytes()).unwrap());
        proptest::prop_assert!(listed.iter().all(|jti| revokes(jti)));
        proptest::prop_assert_eq!(revokes(&other), listed.contains(&other));
    }
}
