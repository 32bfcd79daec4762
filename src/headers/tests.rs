//! The header edits for a request and a permit, and the names that a map must not contain.

mod of_issuers;
mod of_second_tokens;

use super::*;
use crate::issuer_index::IssuerIndex;
use crate::jose::claims::VerifiedClaims;
use crate::jose::pointer::Pointer;
use crate::policy::{
    ClaimSource, ClaimSources, Credential, EvaluationContext, Requirement, Requirements, Rule,
};

const LIMIT: usize = 16_384;

const CLAIMS: &str = r#"{
    "sub": "u1", "email": "ada@example.com", "org_id": 7, "jti": "j1", "iss": "https://issuer.example.com",
    "roles": ["admin", "ops, eu"], "groups": ["eu"], "scope": "read write",
    "name": null, "nickname": "", "preferred": "Ada"
}"#;

fn identity_of(claims: &str) -> Rc<Identity> {
    let source = |name| vec![ClaimSource::new(Pointer::parse(name).unwrap())];
    let sources = ClaimSources {
        roles: source("roles"),
        groups: source("groups"),
        scopes: source("scope"),
        ..ClaimSources::default()
    };
    Rc::new(Identity::new(VerifiedClaims::unchecked(IssuerIndex(0), claims, &[]), &sources))
}

fn permit_for(identity: &Rc<Identity>) -> Permit {
    Requirements::from(&Requirement::any_valid_token())
        .evaluate(Credential::Verified(identity), &EvaluationContext::EMPTY)
        .unwrap()
}

fn anonymous() -> Permit {
    Requirements::from(&Requirement::new(Rule::Anonymous))
        .evaluate(Credential::Absent, &EvaluationContext::EMPTY)
        .unwrap()
}

fn headers(rows: &[(&str, &str)]) -> HeaderMap {
    rows.iter().copied().collect()
}

/// The edits as text: comma-joined values in brackets, `-` for a removal.
fn shown(edits: &HeaderEdits) -> Vec<String> {
    let show = |values: &[&[u8]]| match values {
        [] => "-".to_owned(),
        values => values.iter().map(|value| format!("[{}]", String::from_utf8_lossy(value))).collect(),
    };
    edits.iter().map(|(name, values)| format!("{name} {}", show(&values))).collect()
}

fn claim(names: &[&str]) -> HeaderSource {
    HeaderSource::Pointers(names.iter().map(|name| Pointer::parse(name).unwrap()).collect())
}

fn map(entries: &[(&str, HeaderSource)]) -> Result<ClaimHeaders, HeaderMapError> {
    ClaimHeaders::new(entries.iter().map(|(name, source)| ((*name).to_owned(), source.clone())).collect())
}

#[test]
fn the_default_map_tells_who_asks() {
    let request = headers(&[(":method", "GET"), (":path", "/"), ("accept", "*/*")]);
    let edits = ClaimHeaders::default().plan(&request, &permit_for(&identity_of(CLAIMS)), LIMIT).unwrap();
    let expected = [
        "x-auth-email [ada@example.com]",
        "x-auth-groups [eu]",
        "x-auth-issuer [https://issuer.example.com]",
        "x-auth-jti [j1]",
        "x-auth-org-id [7]",
        "x-auth-roles [admin,ops%2C%20eu]",
        "x-auth-scopes [read,write]",
        "x-auth-sub [u1]",
    ];
    assert_eq!(shown(&edits), expected);
}

#[test]
fn a_header_is_set_or_the_clients_copy_removed() {
    let forged = headers(&[
        (":path", "/"),
        ("x-auth-sub", "root"),
        ("x-auth-sub", "root2"),
        ("X_Auth_Sub", "root3"),
        ("x-auth-email", "root@example.com"),
        ("x.auth.roles", "admin"),
        ("Grpc-Metadata-X-Auth-Sub", "root4"),
        ("x-auth-other", "kept"),
        ("x-original-url", "/admin"),
        ("X_Rewrite_URL", "/admin"),
    ]);
    let removed = [
        "grpc-metadata-x-auth-sub -",
        "x-auth-email -",
        "x-auth-sub -",
        "x-original-url -",
        "x.auth.roles -",
        "x_auth_sub -",
        "x_rewrite_url -",
    ];
    let map = ClaimHeaders::default();
    assert_eq!(shown(&map.strip(&forged)), removed);
    assert_eq!(shown(&map.strip_trailers(&forged, |_| false)), removed);
    assert_eq!(shown(&map.plan(&forged, &anonymous(), LIMIT).unwrap()), removed, "anonymous");

    let edits = map.plan(&forged, &permit_for(&identity_of(r#"{"sub":"u1"}"#)), LIMIT).unwrap();
    let mut expected = removed;
    expected[2] = "x-auth-sub [u1]";
    assert_eq!(shown(&edits), expected, "absent claims leave removals");

    let after = edits.apply(&forged);
    let expected: [(&str, &[u8]); 3] = [(":path", b"/"), ("x-auth-other", b"kept"), ("x-auth-sub", b"u1")];
    assert_eq!(after, expected);
}

#[test]
fn a_plain_request_loses_nothing() {
    let request = headers(&[
        (":method", "GET"),
        (":path", "/"),
        (":authority", "a"),
        ("authorization", "Bearer t"),
        ("cookie", "a=b"),
        ("x-request-id", "1"),
        ("x-auth", "1"),
        ("x-auth-subject", "1"),
    ]);
    assert!(ClaimHeaders::default().strip(&request).is_empty());
    assert!(ClaimHeaders::default().plan(&request, &anonymous(), LIMIT).unwrap().is_empty());
}

#[test]
fn connection_nominates_nothing() {
    type Row<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [&'a str]);
    let rows: &[Row<'_>] = &[
        ("an upgrade", &[("connection", "upgrade"), ("upgrade", "websocket")], &[]),
        ("an upgrade, as browsers write it", &[("connection", "Upgrade"), ("upgrade", "websocket")], &[]),
        (
            "an upgrade that names an identity header",
            &[("connection", "Upgrade, X-Auth-Sub"), ("upgrade", "websocket")],
            &["connection [upgrade]"],
        ),
        (
            "an upgrade with keep-alive",
            &[("connection", "keep-alive,upgrade"), ("upgrade", "websocket")],
            &["connection [upgrade]"],
        ),
        (
            "an upgrade in two headers",
            &[("connection", "upgrade"), ("Connection", "x-auth-sub"), ("upgrade", "websocket")],
            &["connection [upgrade]"],
        ),
        ("no upgrade", &[("connection", "x-auth-sub")], &["connection -"]),
        ("no upgrade named", &[("connection", "x-auth-sub"), ("upgrade", "websocket")], &["connection -"]),
        ("no Upgrade header", &[("connection", "upgrade")], &["connection -"]),
    ];
    for (label, request, expected) in rows {
        assert_eq!(shown(&ClaimHeaders::default().strip(&headers(request))), *expected, "{label}");
    }
    let trailers = headers(&[("connection", "close")]);
    assert!(ClaimHeaders::default().strip_trailers(&trailers, |_| false).is_empty());
}

#[test]
fn a_map_of_ones_own_replaces_the_default_map_and_strips_both() {
    let map = map(&[
        ("X-User", claim(&["name", "absent", "preferred", "sub"])),
        ("x-nick", claim(&["nickname", "sub"])),
        ("x-jwt-payload", HeaderSource::Payload),
        ("x-internal", HeaderSource::Nothing),
        ("x_auth_sub", HeaderSource::Groups),
    ])
    .unwrap();
    assert_eq!(
        map.names().collect::<Vec<_>>(),
        ["x-user", "x-nick", "x-jwt-payload", "x-internal", "x_auth_sub"]
    );
    let identity = identity_of(CLAIMS);
    let request =
        headers(&[("x_user", "root"), ("x-internal", "1"), ("x-nick", "n"), ("x-auth-roles", "admin")]);
    let edits = map.plan(&request, &permit_for(&identity), LIMIT).unwrap();
    let payload = format!("x-jwt-payload [{}]", identity.claims().payload());
    let expected = [
        "x-auth-roles -",
        "x-internal -",
        &payload,
        // An empty string is present, so it is the first claim found; but it sets no header.
        "x-nick -",
        "x-user [Ada]",
        "x_auth_sub [eu]",
        "x_user -",
    ];
    assert_eq!(shown(&edits), expected);

    let empty = ClaimHeaders::new(vec![]).unwrap();
    assert_eq!(shown(&empty.strip(&headers(&[("x-auth-sub", "root")]))), ["x-auth-sub -"]);
}

#[test]
fn identity_headers_are_recognised_in_any_spelling() {
    let map = map(&[("x-user", HeaderSource::Roles), ("-path", HeaderSource::Groups)]).unwrap();
    for name in [
        "x-user",
        "X_USER",
        "x-auth-sub",
        "x_auth_org_id",
        "x~auth~jti",
        "_path",
        "x\u{e9}user",
        "grpc-metadata-x-user",
        "Grpc-Metadata-X_Auth_Sub",
        "grpc_metadata_x-auth-roles",
    ] {
        assert!(map.is_identity_header(name), "{name}");
    }
    for name in [
        "x-users",
        "x-use",
        "x-auth",
        ":path",
        ":-path",
        "authorization",
        "x-original-url",
        "",
        "grpc-metadata-",
        "grpc-metadata-x-users",
        "grpc-metadata-authorization",
        "grpc-metadata-grpc-metadata-x-user",
    ] {
        assert!(!map.is_identity_header(name), "{name}");
    }
}

#[test]
fn a_value_over_the_limit_is_refused() {
    let identity = identity_of(r#"{"sub":"12345","email":"1234"}"#);
    let permit = permit_for(&identity);
    let map = ClaimHeaders::default();
    assert!(map.plan(&HeaderMap::new(), &permit, 5).is_ok());
    let oversize = ClaimHeaderTooLong { header: "x-auth-sub".to_owned(), bytes: 5, limit: 4 };
    assert_eq!(map.plan(&HeaderMap::new(), &permit, 4).err(), Some(oversize.clone()));
    assert_eq!(
        map.plan_encoded(&HeaderMap::new(), &permit, &map.encode_for(TokenRole::First, &identity), 4).err(),
        Some(oversize)
    );
    let encoded = permit_for(&identity_of(r#"{"sub":"éé"}"#));
    assert_eq!(
        map.plan(&HeaderMap::new(), &encoded, 11).err().map(|oversize| oversize.bytes),
        Some(12),
        "the encoded length counts"
    );
    assert!(
        map.plan(&HeaderMap::new(), &anonymous(), 0).is_ok(),
        "a request without an identity gets no headers"
    );
}

#[test]
fn prepared_headers_count_what_they_take() {
    let map = ClaimHeaders::default();
    let taken = |claims: &str| {
        let identity = identity_of(claims);
        map.encode_for(TokenRole::First, &identity).bytes() - identity.bytes()
    };
    // Each value, with as many bytes in addition.
    let (sub, email) = ("s".repeat(1000), "e".repeat(500));
    assert!((1064..1200).contains(&taken(&format!(r#"{{"sub":"{sub}"}}"#))));
    assert!((1628..1900).contains(&taken(&format!(r#"{{"sub":"{sub}","email":"{email}"}}"#))));
    assert_eq!(taken("{}"), 0);
}

#[test]
fn prepared_headers_serve_their_own_identity_only() {
    let map = ClaimHeaders::default();
    let (ada, eve) = (identity_of(r#"{"sub":"ada"}"#), identity_of(r#"{"sub":"eve"}"#));
    let encoded_headers = map.encode_for(TokenRole::First, &ada);
    let request = headers(&[("x_auth_sub", "root"), ("x-auth-sub", "root")]);
    let sub = |permit: &Permit| shown(&map.plan_encoded(&request, permit, &encoded_headers, LIMIT).unwrap());
    assert_eq!(sub(&permit_for(&ada)), ["x-auth-sub [ada]", "x_auth_sub -"]);
    assert_eq!(sub(&permit_for(&eve)), ["x-auth-sub [eve]", "x_auth_sub -"]);
    assert_eq!(sub(&anonymous()), ["x-auth-sub -", "x_auth_sub -"]);
    assert_eq!(map.encode(&ada), [("x-auth-sub".to_owned(), b"ada".to_vec())]);
}

#[test]
fn names_that_a_map_may_not_have() {
    let name = |name: &str| name.to_owned();
    let reserved = |text: &str| HeaderMapError::Reserved { name: name(text) };
    let mut rows = vec![
        ("", HeaderMapError::NotAName { name: name("") }),
        ("x auth", HeaderMapError::NotAName { name: name("x auth") }),
        ("x-auth:", HeaderMapError::NotAName { name: name("x-auth:") }),
        ("x-\u{e9}", HeaderMapError::NotAName { name: name("x-\u{e9}") }),
        ("x\r\ny", HeaderMapError::NotAName { name: name("x\r\ny") }),
        (":path", HeaderMapError::Pseudo { name: name(":path") }),
        (":x-auth", HeaderMapError::Pseudo { name: name(":x-auth") }),
        ("X-Original-URL", HeaderMapError::Rerouting { name: name("X-Original-URL") }),
        ("x_http_method_override", HeaderMapError::Rerouting { name: name("x_http_method_override") }),
    ];
    let names = [
        "connection",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "proxy-authorization",
        "proxy-connection",
        "host",
        "content-length",
        "cookie",
        "authorization",
        "Authorization",
        "content_length",
        "HTTP2-Settings",
        "transfer.encoding",
    ];
    rows.extend(names.map(|name| (name, reserved(name))));
    for (text, expected) in rows {
        assert_eq!(map(&[(text, HeaderSource::Roles)]), Err(expected), "{text:?}");
    }
}

#[test]
fn names_that_are_one_header_to_some_upstream() {
    for second in ["x-user", "X-User", "x_user", "x.user"] {
        let same = HeaderMapError::Same { first: "x-user".to_owned(), second: second.to_owned() };
        assert_eq!(
            map(&[("x-user", HeaderSource::Roles), (second, HeaderSource::Groups)]),
            Err(same),
            "{second}"
        );
    }
    let none = HeaderMapError::NoPointer { name: "x-user".to_owned() };
    assert_eq!(map(&[("x-user", claim(&[]))]), Err(none));
}

#[test]
fn a_refused_map_says_what_would_be_right() {
    let sentence = |entries: &[(&str, HeaderSource)]| map(entries).unwrap_err().to_string();
    let roles = HeaderSource::Roles;
    assert_eq!(
        sentence(&[("x auth", roles.clone())]),
        r#""x auth" is not a header name; use letters, digits and hyphens, as in "x-auth-sub""#
    );
    assert_eq!(
        sentence(&[("cookie", roles.clone())]),
        r#""cookie" is needed by the connection or carries the credential; use a name of your own, as in "x-auth-sub""#
    );
    assert_eq!(
        sentence(&[("x-user", roles.clone()), ("x_user", roles)]),
        r#""x-user" and "x_user" are the same header to upstreams that treat "-" and "_" alike; keep one of them"#
    );
}
