//! Requests as Envoy passes them: which token is extracted, and what the upstream receives.

use jwt_guard::http::HeaderMap;
use jwt_guard::token_source::{ExtractedToken, MalformedCredential, TokenSource, extract, strip};

fn authorization() -> Vec<TokenSource> {
    vec![TokenSource::Authorization]
}

fn every_place() -> Vec<TokenSource> {
    vec![
        TokenSource::Authorization,
        TokenSource::Header { name: "authorization".into(), prefix: "Token ".into() },
        TokenSource::Header { name: "x-token".into(), prefix: String::new() },
        TokenSource::Query { name: "access_token".into() },
        TokenSource::Query { name: "jwt".into() },
        TokenSource::Cookie { name: "session".into() },
        TokenSource::Cookie { name: "jwt".into() },
    ]
}

fn request(headers: &[(&str, &str)]) -> HeaderMap {
    let pseudo = [(":method", "GET"), (":path", "/a?b=c")];
    let pseudo = pseudo.iter().filter(|(name, _)| !headers.iter().any(|(header, _)| header == name));
    pseudo.chain(headers).copied().collect()
}

fn edits(
    places: &[TokenSource],
    headers: &[(&str, &str)],
    forward_token: bool,
) -> Vec<(String, Vec<String>)> {
    let text =
        |values: Vec<Vec<u8>>| values.into_iter().map(|value| String::from_utf8(value).unwrap()).collect();
    strip(places, &request(headers), forward_token)
        .into_iter()
        .map(|(name, values)| (name, text(values)))
        .collect()
}

fn edit(name: &str, values: &[&str]) -> (String, Vec<String>) {
    (name.to_owned(), values.iter().map(|value| (*value).to_owned()).collect())
}

#[test]
fn the_token_source_is_reported() {
    for (place, header) in [
        (0, ("authorization", "Bearer abc")),
        (1, ("authorization", "token abc")),
        (2, ("x-token", "abc")),
        (3, (":path", "/a?access_token=abc")),
        (4, (":path", "/a?jwt=abc")),
        (5, ("cookie", "session=abc")),
        (6, ("cookie", "jwt=abc")),
    ] {
        let headers = request(&[header]);
        let ExtractedToken::Token { token, source: held } = extract(&every_place(), &headers) else {
            panic!("{header:?}: {:?}", extract(&every_place(), &headers));
        };
        assert_eq!((token.as_ref(), held), (&b"abc"[..], place), "{header:?}");
    }
}

#[test]
fn a_token_source_that_is_not_configured_is_not_read() {
    for header in [("x-token", "abc"), (":path", "/a?access_token=abc"), ("cookie", "session=abc")] {
        let headers = request(&[header]);
        assert_eq!(extract(&authorization(), &headers), ExtractedToken::Missing, "{header:?}");
        assert!(edits(&authorization(), &[header], false).is_empty(), "{header:?}");
    }
}

#[test]
fn two_schemes_of_one_header_are_two_tokens() {
    for value in ["Bearer a,Token b", "Token a, bearer b", "Basic x,token b"] {
        let headers = request(&[("authorization", value)]);
        let presented = extract(&every_place(), &headers);
        assert_eq!(presented, ExtractedToken::Malformed(MalformedCredential::CommaJoined), "{value}");
    }
}

#[test]
fn headers_are_removed_unless_forwarded() {
    for (headers, expected) in [
        (&[("authorization", "Bearer a")][..], vec![edit("authorization", &[])]),
        (&[("authorization", "bearer")], vec![edit("authorization", &[])]),
        (&[("authorization", "Basic a,Bearer b")], vec![edit("authorization", &[])]),
        (&[("authorization", "Basic a"), ("authorization", "Bearer b")], vec![edit("authorization", &[])]),
        (&[("authorization", "Token a")], vec![edit("authorization", &[])]),
        (&[("x-token", "a")], vec![edit("x-token", &[])]),
        (
            &[("authorization", "Bearer a"), ("x-token", "b")],
            vec![edit("authorization", &[]), edit("x-token", &[])],
        ),
        // Credentials with another scheme stay for the upstream.
        (&[("authorization", "Basic a")], vec![]),
        (&[("x-other", "Bearer a")], vec![]),
        (&[], vec![]),
    ] {
        assert_eq!(edits(&every_place(), headers, false), expected, "{headers:?}");
        assert_eq!(edits(&every_place(), headers, true), [], "{headers:?}");
    }
}

#[test]
fn only_the_cookie_is_removed() {
    for (lines, expected) in [
        (&["session=x"][..], Some(&[][..])),
        (&["session=x; a=1"], Some(&["a=1"])),
        (&["a=1; session=x"], Some(&["a=1"])),
        (&["a=1; session=x; b=2"], Some(&["a=1; b=2"])),
        (&["a=1;session=x;b=2"], Some(&["a=1;b=2"])),
        (&["a=1; session=x; jwt=y; b=2; session=z"], Some(&["a=1; b=2"])),
        (&["a=\"q r\";  b; ; c=; session=x"], Some(&["a=\"q r\";  b; ; c="])),
        (&["a=1", "session=x", "b=2"], Some(&["a=1", "b=2"])),
        (&["a=1", "b=2; session=x", "c=3; d=4"], Some(&["a=1", "b=2", "c=3; d=4"])),
        (&["session=; a=1"], Some(&["a=1"])),
        (&["session; a=1"], Some(&["a=1"])),
        (&["a=session=x; xsession=1; b:c=d"], None),
        (&["a=1", "b=2"], None),
    ] {
        let headers: Vec<_> = lines.iter().map(|line| ("cookie", *line)).collect();
        let expected: Vec<_> = expected.into_iter().map(|lines| edit("cookie", lines)).collect();
        assert_eq!(edits(&every_place(), &headers, false), expected, "{lines:?}");
        assert_eq!(edits(&every_place(), &headers, true), [], "{lines:?}");
    }
}

/// ASP.NET, PHP or Python reads each of these as the cookie `session`; the filter does not read it as the token.
#[test]
fn a_cookie_that_an_upstream_reads_as_the_token_never_arrives() {
    let hidden = [
        "a=1 session=EVIL",
        "a=1\tsession=EVIL",
        "a=1,session=EVIL",
        "a=\"x\" session=EVIL",
        "\\session=EVIL",
        "\"session=EVIL",
        "(session=EVIL",
    ];
    for cookie in hidden {
        for line in [cookie.to_owned(), format!("session=good; {cookie}"), format!("{cookie}; session=good")]
        {
            let headers = request(&[("cookie", &line)]);
            let presented = extract(&every_place(), &headers);
            assert_eq!(presented, ExtractedToken::Malformed(MalformedCredential::NestedCookie), "{line}");
        }
    }
    for cookie in ["Session=EVIL", "SESSION=EVIL", "%73ession=EVIL", "session[]=EVIL", "x:session=EVIL"] {
        let (alone, beside) = (format!("{cookie}; a=1"), format!("session=good; {cookie}; a=1"));
        let headers = request(&[("cookie", &beside)]);
        let token = std::borrow::Cow::Borrowed(&b"good"[..]);
        assert_eq!(extract(&every_place(), &headers), ExtractedToken::Token { token, source: 5 }, "{cookie}");
        for (line, forward_token, left) in [
            (&alone, false, "a=1"),
            (&alone, true, "a=1"),
            (&beside, false, "a=1"),
            (&beside, true, "session=good; a=1"),
        ] {
            let found = edits(&every_place(), &[("cookie", line)], forward_token);
            assert_eq!(found, [edit("cookie", &[left])], "{line}, {forward_token}");
        }
    }
}

/// PHP, ASP.NET, Rack or Express reads each of these as `access_token`; the filter does not, so the value is
/// unverified.
#[test]
fn a_parameter_that_an_upstream_reads_as_the_token_is_removed() {
    for name in [
        "access.token",
        "access+token",
        "access%20token",
        "access[token",
        "access%5Btoken",
        "+access_token",
        "%20access_token",
        "access_token%00x",
        "access_token[]",
        "access_token%5B%5D",
        "access_token[a]",
        "[access_token]",
        "access_token]",
        "Access_Token",
    ] {
        for forward_token in [false, true] {
            for (path, left) in [
                (format!("/a?{name}=EVIL"), "/a"),
                (format!("/a?access_token=good&{name}=EVIL"), "/a"),
                (format!("/a?{name}=EVIL&access_token=good&b=1"), "/a?b=1"),
                (format!("/a?b=1;{name}=EVIL&c=2"), "/a?b=1&c=2"),
                (format!("/a?b=1&{name}"), "/a?b=1"),
            ] {
                let found = edits(&every_place(), &[(":path", &path)], forward_token);
                assert_eq!(found, [edit(":path", &[left])], "{path}");
            }
        }
        let (alone, beside) = (format!("/a?{name}=EVIL"), format!("/a?access_token=good&{name}=EVIL"));
        assert_eq!(
            extract(&every_place(), &request(&[(":path", &alone)])),
            ExtractedToken::Missing,
            "{name}"
        );
        let beside = request(&[(":path", &beside)]);
        let token = std::borrow::Cow::Borrowed(&b"good"[..]);
        assert_eq!(extract(&every_place(), &beside), ExtractedToken::Token { token, source: 3 }, "{name}");
    }
    let innocent = "/a?ids[]=1&ids[]=2&x[access_token]=3&access-token=4&access_tokens=5&a.b=6&+c=7";
    assert!(edits(&every_place(), &[(":path", innocent)], false).is_empty());
}

#[test]
fn a_query_token_is_always_removed() {
    for (path, expected) in [
        ("/a?access_token=x", Some("/a")),
        ("/a?access_token=x&b=1", Some("/a?b=1")),
        ("/a?b=1&access_token=x", Some("/a?b=1")),
        ("/a?b=%31&access_token=x&c=+%2f&&d", Some("/a?b=%31&c=+%2f&d")),
        ("/a?access_token=x&", Some("/a")),
        ("/a?&access_token=x", Some("/a")),
        ("/a?access_token=x&jwt=y&access_token=z&b=1", Some("/a?b=1")),
        ("/a?access%5Ftoken=x&b=1", Some("/a?b=1")),
        ("/a?access_token", Some("/a")),
        ("/a?b=1;access_token=x;c=2&d=3", Some("/a?b=1;c=2&d=3")),
        ("/a?b?access_token=x&access_token=y", Some("/a?b?access_token=x")),
        ("/access_token=x?b=1", None),
        ("/a?b=1&&c=2&", None),
        ("/a?", None),
        ("/a", None),
    ] {
        for forward_token in [false, true] {
            let expected: Vec<_> = expected.into_iter().map(|path| edit(":path", &[path])).collect();
            assert_eq!(edits(&every_place(), &[(":path", path)], forward_token), expected, "{path}");
        }
    }
}
