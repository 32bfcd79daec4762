//! Token sources: accepted tokens, requests with two tokens, and the rest of the source that the upstream receives.

use serde_json::{Value, json};

use crate::harness::{Seen, Stack, plugin_with};
use crate::outcome::{Tries, assert_no_crash, expose_reasons};

fn configuration() -> Value {
    plugin_with(json!({
        "token_from": [
            { "header": "authorization" },
            { "header": "X-Token", "prefix": "Token " },
            { "header": "x-raw" },
            { "query": "access_token" },
            { "cookie": "session" },
        ],
        "routes": [
            { "path": "/public", "allow_anonymous": true },
            { "path": "/cookie-only", "allow_authenticated": true, "token_from": { "cookie": "session" } },
            { "path": "/dpop", "allow_authenticated": true, "token_from": { "header": "authorization", "prefix": "DPoP " } },
            { "path": "/kept", "allow_authenticated": true, "forward_token": true },
            { "path": "/maybe", "allow_missing": true },
            { "path": "/maybe/kept", "allow_missing": true, "forward_token": true },
        ],
    }))
}

async fn start() -> (Stack, Tries) {
    let stack = Stack::builder().plugin(configuration()).envoy(expose_reasons).start().await;
    let tries = Tries::new(&stack).await;
    (stack, tries)
}

type Lines<'a> = &'a [(&'a str, &'a str)];

/// A request; `{t}` is replaced by the token.
struct Sent<'a> {
    path: &'a str,
    headers: Lines<'a>,
}

const fn sent<'a>(path: &'a str, headers: Lines<'a>) -> Sent<'a> {
    Sent { path, headers }
}

async fn outcome(stack: &Stack, tries: &mut Tries, sent: &Sent<'_>, token: &str) -> String {
    let filled = |text: &str| text.replace("{t}", token);
    let request = stack.request("GET", &filled(sent.path));
    let request =
        sent.headers.iter().fold(request, |request, (name, value)| request.header(name, filled(value)));
    tries.request(request).await
}

/// Everything at the upstream that could contain a token, including trailers.
fn everything(seen: &Seen) -> String {
    let fields = seen.headers.iter().chain(&seen.trailers);
    let fields = fields.map(|(name, value)| format!("\n{name}: {}", value.escape_ascii()));
    format!("{}{}", seen.path, fields.collect::<String>())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_token_in_one_source_passes_and_is_removed() {
    let (stack, mut tries) = start().await;
    let token = stack.good_token();
    // The sent request; the path and the remaining headers at the upstream.
    let rows: [(Sent, &str, Lines); 32] = [
        (sent("/a", &[("authorization", "Bearer {t}")]), "/a", &[]),
        (sent("/a", &[("authorization", "bearer {t}")]), "/a", &[]),
        (sent("/a", &[("authorization", "bEARER {t}")]), "/a", &[]),
        (sent("/a", &[("authorization", "Bearer     {t}")]), "/a", &[]),
        (sent("/a", &[("authorization", "  Bearer {t}  ")]), "/a", &[]),
        (sent("/a", &[("Authorization", "Bearer {t}")]), "/a", &[]),
        (sent("/a", &[("x-token", "Token {t}")]), "/a", &[]),
        (sent("/a", &[("X-TOKEN", "token   {t}")]), "/a", &[]),
        (sent("/a", &[("x-raw", "{t}")]), "/a", &[]),
        // Credentials with another scheme stay.
        (
            sent("/a", &[("authorization", "Basic eDp5"), ("x-raw", "{t}")]),
            "/a",
            &[("authorization", "Basic eDp5")],
        ),
        (sent("/a", &[("x-token", "another"), ("x-raw", "{t}")]), "/a", &[("x-token", "another")]),
        (sent("/a", &[("x-other", "Bearer x"), ("x-raw", "{t}")]), "/a", &[("x-other", "Bearer x")]),
        // The query keeps its other parameters, with their order and spelling.
        (sent("/a?access_token={t}", &[]), "/a", &[]),
        (sent("/a?access_token={t}&x=1", &[]), "/a?x=1", &[]),
        (sent("/a?x=1&access_token={t}", &[]), "/a?x=1", &[]),
        (sent("/a?z=1&access_token={t}&a=%20+b&z=2", &[]), "/a?z=1&a=%20+b&z=2", &[]),
        (sent("/a?x&access%5Ftoken={t}&y=", &[]), "/a?x&y=", &[]),
        (sent("/a?x=1;y=2&access_token={t}", &[]), "/a?x=1;y=2", &[]),
        (sent("/a?my_access_token=1&access_token={t}", &[]), "/a?my_access_token=1", &[]),
        (sent("/a?u=https://b.example/?c&access_token={t}", &[]), "/a?u=https://b.example/?c", &[]),
        (sent("/a?x=%26access_token%3D1&access_token={t}", &[]), "/a?x=%26access_token%3D1", &[]),
        // Only the cookie with the token is removed.
        (sent("/a", &[("cookie", "session={t}")]), "/a", &[]),
        (sent("/a", &[("cookie", "a=1; session={t}; b=\"2, 3\"")]), "/a", &[("cookie", "a=1; b=\"2, 3\"")]),
        (sent("/a", &[("cookie", "session={t}; b=2")]), "/a", &[("cookie", "b=2")]),
        (sent("/a", &[("cookie", "a=1;session=\"{t}\"")]), "/a", &[("cookie", "a=1")]),
        (
            sent("/a", &[("cookie", "xsession=1; b=\"x, y\"; session={t}")]),
            "/a",
            &[("cookie", "xsession=1; b=\"x, y\"")],
        ),
        (sent("/cookie-only", &[("cookie", "session={t}")]), "/cookie-only", &[]),
        // A token source that the route does not read is unchanged.
        (
            sent("/cookie-only", &[("cookie", "session={t}"), ("x-raw", "mine")]),
            "/cookie-only",
            &[("x-raw", "mine")],
        ),
        (sent("/dpop", &[("authorization", "dpop {t}")]), "/dpop", &[]),
        (sent("/a", &[("x_raw", "another"), ("x-raw", "{t}")]), "/a", &[]),
        // grpc-gateway would convert these headers to metadata with the name of a token source.
        (sent("/a", &[("Grpc-Metadata-Authorization", "Bearer x"), ("x-raw", "{t}")]), "/a", &[]),
        (sent("/a", &[("grpc-metadata-x_raw", "x"), ("authorization", "Bearer {t}")]), "/a", &[]),
    ];
    for (sent, path, stays) in &rows {
        let label = format!("{} {:?}", sent.path, sent.headers);
        assert_eq!(outcome(&stack, &mut tries, sent, &token).await, "passed", "{label}");
        let seen = stack.upstream.last();
        assert_eq!(seen.path, *path, "{label}");
        let gateway = ["grpc-metadata-authorization", "grpc-metadata-x_raw"];
        for name in
            ["authorization", "x-token", "x-raw", "x_raw", "x-other", "cookie"].into_iter().chain(gateway)
        {
            let stays = stays.iter().find(|(stays, _)| *stays == name).map(|(_, value)| *value);
            assert_eq!(seen.header(name), stays, "{label}: {name}");
        }
        let everything = everything(&seen);
        assert!(!everything.contains(&token), "{label}: {everything}");
        assert_eq!(seen.header("x-auth-sub"), Some("user-1"), "{label}");
    }
    assert_eq!(stack.upstream.count(), rows.len());
    assert_no_crash(&stack);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tokens_are_denied_and_other_values_are_ignored() {
    let (stack, mut tries) = start().await;
    let token = stack.good_token();
    let two = "400 bad_request";
    let rows = [
        // In two token sources.
        (sent("/a", &[("authorization", "Bearer {t}"), ("x-raw", "other")]), two),
        (sent("/a", &[("authorization", "Bearer {t}"), ("x-token", "Token other")]), two),
        (sent("/a", &[("authorization", "Bearer {t}"), ("cookie", "session=other")]), two),
        (sent("/a?access_token=other", &[("cookie", "session={t}")]), two),
        (sent("/a?access_token=other", &[("authorization", "Bearer {t}")]), two),
        // Twice in one token source.
        (sent("/a", &[("authorization", "Bearer {t}"), ("authorization", "Bearer {t}")]), two),
        (sent("/a", &[("authorization", "Basic eDp5"), ("authorization", "Bearer {t}")]), two),
        (sent("/a", &[("authorization", "Bearer {t}"), ("authorization", "Basic eDp5")]), two),
        (sent("/a", &[("authorization", "Bearer {t},Bearer {t}")]), two),
        (sent("/a", &[("authorization", "Bearer {t}, Bearer other")]), two),
        (sent("/a", &[("authorization", "Bearer {t},")]), two),
        (sent("/a", &[("authorization", ",Bearer {t}")]), two),
        (sent("/a", &[("authorization", "Basic eDp5, bearer {t}")]), two),
        (sent("/a", &[("x-token", "Token {t}"), ("x-token", "Token {t}")]), two),
        (sent("/a", &[("x-token", "Token {t},Token {t}")]), two),
        (sent("/a", &[("x-raw", "{t}"), ("x-raw", "{t}")]), two),
        (sent("/a", &[("x-raw", "{t},{t}")]), two),
        (sent("/a?access_token={t}&access_token={t}", &[]), two),
        (sent("/a?access_token={t}&access%5ftoken=x", &[]), two),
        (sent("/a?access_token={t}&access_token=", &[]), two),
        (sent("/a", &[("cookie", "session={t}; session={t}")]), two),
        (sent("/a", &[("cookie", "session={t}; a=1; session=")]), two),
        (sent("/a", &[("cookie", "session={t}"), ("cookie", "session=other")]), two),
        // A token source without a token, and tokens that some parsers split differently.
        (sent("/a", &[("authorization", "Bearer")]), two),
        (sent("/a", &[("authorization", "Bearer  ")]), two),
        (sent("/a", &[("authorization", "Bearer\t{t}")]), two),
        (sent("/a", &[("authorization", "Bearer \t {t}")]), two),
        (sent("/a", &[("x-token", "Token")]), two),
        (sent("/a?access_token", &[]), two),
        (sent("/a?access_token=", &[]), two),
        (sent("/a?access_token={t};x=1", &[]), two),
        (sent("/a?x=1;access_token={t}", &[]), two),
        // Not a token for the filter.
        (sent("/a", &[]), "missing_token"),
        (sent("/a", &[("authorization", "{t}")]), "missing_token"),
        (sent("/a", &[("authorization", "Bearer{t}")]), "missing_token"),
        (sent("/a", &[("authorization", "Bearer:{t}")]), "missing_token"),
        (sent("/a", &[("authorization", "Basic {t}")]), "missing_token"),
        (sent("/a", &[("x-token", "{t}")]), "missing_token"),
        (sent("/a", &[("x-token", "Bearer {t}")]), "missing_token"),
        (sent("/a", &[("x-raw", "")]), "missing_token"),
        (sent("/a?ACCESS_TOKEN={t}", &[]), "missing_token"),
        (sent("/a?x=access_token={t}", &[]), "missing_token"),
        (sent("/a", &[("cookie", "Session={t}")]), "missing_token"),
        (sent("/a", &[("cookie", "session=")]), "missing_token"),
        (sent("/a", &[("cookie", "a=session={t}")]), "missing_token"),
        (sent("/cookie-only", &[("authorization", "Bearer {t}")]), "missing_token"),
        (sent("/cookie-only?access_token={t}", &[]), "missing_token"),
        (sent("/dpop", &[("authorization", "Bearer {t}")]), "missing_token"),
        // In a token source, but not one valid token.
        (sent("/a", &[("authorization", "Bearer {t} {t}")]), "malformed"),
        (sent("/a", &[("x-raw", "Bearer {t}")]), "malformed"),
        (sent("/a?access_token={t}%00", &[]), "malformed"),
        (sent("/a?access_token={t}+", &[]), "malformed"),
    ];
    assert_eq!(outcome(&stack, &mut tries, &sent("/a", &[("x-raw", "{t}")]), &token).await, "passed");
    let mut surprises = Vec::new();
    for (sent, expected) in &rows {
        let outcome = outcome(&stack, &mut tries, sent, &token).await;
        if outcome != *expected {
            surprises.push(format!("{} {:?}: {outcome}, expected {expected}", sent.path, sent.headers));
        }
    }
    assert!(surprises.is_empty(), "{surprises:#?}");
    assert_eq!(stack.upstream.count(), 1, "no denied request reached the upstream");
    assert!(!stack.envoy.log_contains(&token[token.len() - 40..]), "no token is logged");
    assert_no_crash(&stack);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forwarded_token_is_kept_except_in_the_query() {
    let (stack, mut tries) = start().await;
    let token = stack.good_token();
    let rows: [(Sent, &str); 8] = [
        (sent("/kept", &[("authorization", "bEARER  {t}")]), "/kept"),
        (sent("/kept", &[("x-token", "Token {t}")]), "/kept"),
        (sent("/kept", &[("x-raw", "{t}")]), "/kept"),
        (sent("/kept", &[("cookie", "a=1; session={t}; b=2")]), "/kept"),
        (sent("/kept?x=1&access_token={t}&y=2", &[]), "/kept?x=1&y=2"),
        // The token is not read, so it stays, also an invalid one.
        (sent("/public", &[("authorization", "Bearer {t}"), ("cookie", "session=x")]), "/public"),
        (sent("/public?access_token=x", &[("authorization", "Bearer a,Bearer b")]), "/public?access_token=x"),
        (sent("/public", &[("x-raw", "{t}"), ("x-token", "Token")]), "/public"),
    ];
    for (sent, path) in &rows {
        let label = format!("{} {:?}", sent.path, sent.headers);
        assert_eq!(outcome(&stack, &mut tries, sent, &token).await, "passed", "{label}");
        let seen = stack.upstream.last();
        assert_eq!(seen.path, *path, "{label}");
        for (name, value) in sent.headers {
            assert_eq!(seen.header(name), Some(value.replace("{t}", &token).as_str()), "{label}");
        }
    }
    let twice = sent("/kept", &[("authorization", "Bearer {t}"), ("x-raw", "other")]);
    assert_eq!(
        outcome(&stack, &mut tries, &twice, &token).await,
        "400 bad_request",
        "with forward_token too"
    );
    assert_no_crash(&stack);
}

/// Cloudflare sends its token in a header and in a cookie: the filter accepts it and removes it from every token
/// source.
#[tokio::test(flavor = "multi_thread")]
async fn the_same_token_in_several_sources_is_one() {
    let (stack, mut tries) = start().await;
    let token = stack.good_token();
    let expired = stack.token().expired_for(std::time::Duration::from_secs(600)).sign(&stack.key).unwrap();
    for (sent, path) in [
        (sent("/a", &[("authorization", "Bearer {t}"), ("x-raw", "{t}")]), "/a"),
        (sent("/a", &[("authorization", "Bearer {t}"), ("x-token", "Token {t}")]), "/a"),
        (sent("/a", &[("x-raw", "{t}"), ("cookie", "session={t}")]), "/a"),
        (sent("/a?access_token={t}", &[("authorization", "Bearer {t}"), ("cookie", "session={t}")]), "/a"),
    ] {
        let label = format!("{} {:?}", sent.path, sent.headers);
        assert_eq!(outcome(&stack, &mut tries, &sent, &token).await, "passed", "{label}");
        let seen = stack.upstream.last();
        assert_eq!(seen.path, path, "{label}");
        assert!(!everything(&seen).contains(&token), "{label}: {}", everything(&seen));
        assert_eq!(seen.header("x-auth-sub"), Some("user-1"), "{label}");
        assert_eq!(outcome(&stack, &mut tries, &sent, &expired).await, "expired", "{label}");
    }
    let kept = sent("/kept", &[("authorization", "Bearer {t}"), ("x-raw", "{t}")]);
    assert_eq!(outcome(&stack, &mut tries, &kept, &token).await, "passed");
    assert_eq!(stack.upstream.last().header("x-raw"), Some(token.as_str()));
    assert_no_crash(&stack);
}

/// A value that only some upstream reads as a token, after or instead of a valid token: the request is denied, or the
/// value is removed, with and without forward_token.
#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_an_upstream_reads_as_a_token_is_denied_or_removed() {
    let (stack, mut tries) = start().await;
    let token = stack.good_token();
    let (refused, passes) = ("400 bad_request", "passed");
    let headers: [(&[u8], &str); 7] = [
        (b"Bearer\xa0EVIL", refused),
        (b"Bearer\x85EVIL", refused),
        (b"Bearer\xc2\xa0EVIL", refused),
        (b"bearer\xe2\x80\x83EVIL", refused),
        (b"\xa0Bearer EVIL", refused),
        (b"Bearer EVIL", "malformed"),
        (b"Basic eDp5", passes),
    ];
    let cookies = [
        ("a=1 session=EVIL", refused),
        ("a=1\tsession=EVIL", refused),
        ("a=1,session=EVIL", refused),
        ("a=\"x\" session=EVIL", refused),
        ("\\session=EVIL", refused),
        ("\"session=EVIL", refused),
        ("(session=EVIL", refused),
        ("Session=EVIL", passes),
        ("session[]=EVIL", passes),
        ("a:session=EVIL", passes),
    ];
    let parameters = [
        "access.token",
        "access+token",
        "access%20token",
        "access[token",
        "+access_token",
        "%20access_token",
        "access_token%00x",
        "access_token[]",
        "access_token[a]",
        "[access_token]",
        "access_token]",
        "Access_Token",
    ];
    for path in ["/maybe", "/maybe/kept"] {
        let ask = |path: &str| stack.request("GET", path);
        let mut rows = Vec::new();
        for (value, expected) in headers {
            let alone = ask(path).header("authorization", value);
            let label = format!("authorization: {}", value.escape_ascii());
            rows.push((label.clone(), alone, expected));
            let beside =
                ask(path).header("authorization", value).header("cookie", format!("session={token}"));
            let expected = if value == b"Bearer EVIL" { refused } else { expected };
            rows.push((format!("{label}, session"), beside, expected));
        }
        for (cookie, expected) in cookies {
            rows.push((cookie.to_owned(), ask(path).header("cookie", cookie), expected));
            let beside = format!("session={token}; {cookie}");
            rows.push((format!("session; {cookie}"), ask(path).header("cookie", beside), expected));
        }
        for name in parameters {
            rows.push((name.to_owned(), ask(&format!("{path}?{name}=EVIL")), passes));
            let beside = format!("{path}?access_token={token}&{name}=EVIL");
            rows.push((format!("access_token&{name}"), ask(&beside), passes));
        }
        for (label, request, expected) in rows {
            let before = stack.upstream.count();
            assert_eq!(tries.request(request).await, expected, "{path}, {label}");
            assert_eq!(stack.upstream.count() - before, usize::from(expected == passes), "{path}, {label}");
            if expected == passes {
                let seen = stack.upstream.last();
                let everything = everything(&seen);
                assert!(!everything.contains("EVIL"), "{path}, {label}: {everything}");
                assert_eq!(seen.path, path, "{label}");
            }
        }
    }
    assert_no_crash(&stack);
}
