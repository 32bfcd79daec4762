//! The token that each source yields, and the headers that remain after the token is removed.

use super::*;
use MalformedCredential::*;

fn sources() -> Vec<TokenSource> {
    vec![
        TokenSource::Authorization,
        TokenSource::Header { name: "x-token".into(), prefix: "Token ".into() },
        TokenSource::Header { name: "x-raw".into(), prefix: String::new() },
        TokenSource::Query { name: "access_token".into() },
        TokenSource::Cookie { name: "session".into() },
    ]
}

fn headers(list: &[(&str, &[u8])]) -> HeaderMap {
    list.iter().copied().collect()
}

fn check(list: &[(&str, &[u8])], expected: Result<Option<(&[u8], usize)>, MalformedCredential>) {
    let headers = headers(list);
    let extracted = match extract(&sources(), &headers) {
        ExtractedToken::Missing => Ok(None),
        ExtractedToken::Malformed(malformed) => Err(malformed),
        ExtractedToken::Token { token, source } => Ok(Some((token.into_owned(), source))),
    };
    let shown: Vec<_> = list.iter().map(|(name, value)| (name, value.escape_ascii().to_string())).collect();
    assert_eq!(
        extracted,
        expected.map(|token| token.map(|(token, source)| (token.to_vec(), source))),
        "{shown:?}"
    );
}

#[test]
fn authorization() {
    for (value, expected) in [
        (&b"Bearer abc"[..], Ok(Some(&b"abc"[..]))),
        (b"bearer abc", Ok(Some(b"abc"))),
        (b"BEARER   abc", Ok(Some(b"abc"))),
        (b" Bearer abc ", Ok(Some(b"abc"))),
        (b"Bearer a b", Ok(Some(b"a b"))),
        (b"Bearer \xff", Ok(Some(b"\xff"))),
        (b"", Ok(None)),
        (b"  ", Ok(None)),
        (b"Basic abc", Ok(None)),
        (b"Basic a,b", Ok(None)),
        (b"BearerX abc", Ok(None)),
        (b"Bearer: abc", Ok(None)),
        (b"Bear", Ok(None)),
        (b"xBearer abc", Ok(None)),
        (b"\xff", Ok(None)),
        (b"Digest username=\"bearer\", realm=\"a\"", Ok(None)),
        (b"Bearer", Err(NoToken)),
        (b"bearer ", Err(NoToken)),
        (b"Bearer\tabc", Err(Separator)),
        (b"Bearer \tabc", Err(Separator)),
        (b"Bearer\xa0abc", Err(Separator)),
        (b"Bearer\x85abc", Err(Separator)),
        (b"Bearer\x1fabc", Err(Separator)),
        (b"Bearer\xc2\xa0abc", Err(Separator)),
        (b"bearer\xe2\x80\x83abc", Err(Separator)),
        (b"\xa0Bearer abc", Err(Separator)),
        (b"\xa0 \x85Bearer abc", Err(Separator)),
        (b"\xc2\xa0bearer\xc2\xa0abc", Err(Separator)),
        (b"\xa0Bearer", Err(Separator)),
        (b"\xa0BearerX abc", Ok(None)),
        (b"\xa0Basic abc", Ok(None)),
        (b"\xa0", Ok(None)),
        (b"Basic\xa0abc", Ok(None)),
        (b"Basic x,Bearer\xa0y", Err(CommaJoined)),
        // The token contains a byte that no JWT has.
        (b"Bearer \xa0abc", Ok(Some(b"\xa0abc"))),
        (b"Bearer a,Bearer b", Err(CommaJoined)),
        (b"Bearer a, b", Err(CommaJoined)),
        (b"Bearer a,", Err(CommaJoined)),
        (b",Bearer a", Err(CommaJoined)),
        (b"Basic x,Bearer y", Err(CommaJoined)),
        (b"Basic x , bEARER y", Err(CommaJoined)),
        (b"Basic x,bearer", Err(CommaJoined)),
        (b"Bearer,Basic x", Err(CommaJoined)),
        (b"Digest a=\"x\", b=\" Bearer y\"", Err(CommaJoined)),
    ] {
        check(&[("authorization", value)], expected.map(|token| token.map(|token| (token, 0))));
    }
}

#[test]
fn other_headers() {
    for (name, value, expected) in [
        ("x-token", &b"Token abc"[..], Ok(Some((&b"abc"[..], 1)))),
        ("x-token", b"token  abc", Ok(Some((b"abc", 1)))),
        ("x-token", b"abc", Ok(None)),
        ("x-token", b"Bearer abc", Ok(None)),
        ("x-token", b"Token", Err(NoToken)),
        ("x-token", b"Token\tabc", Err(Separator)),
        ("x-token", b"Token\xa0abc", Err(Separator)),
        ("x-token", b"\xa0Token abc", Err(Separator)),
        ("x-token", b"Token a,Token b", Err(CommaJoined)),
        ("x-token", b"a,Token b", Err(CommaJoined)),
        ("x-token", b"a,b", Ok(None)),
        ("x-raw", b"abc", Ok(Some((b"abc", 2)))),
        ("x-raw", b"", Ok(None)),
        ("x-raw", b" ", Ok(None)),
        ("x-raw", b"a,b", Err(CommaJoined)),
        ("x-raw", b"\xa0abc", Ok(Some((b"\xa0abc", 2)))),
        ("x-other", b"Bearer abc", Ok(None)),
    ] {
        check(&[(name, value)], expected);
    }
}

#[test]
fn queries() {
    for (path, expected) in [
        (&b"/a?access_token=abc"[..], Ok(Some(&b"abc"[..]))),
        (b"/a?x=1&access_token=abc&y=2", Ok(Some(b"abc"))),
        (b"/a?access%5Ftoken=abc", Ok(Some(b"abc"))),
        (b"/a?%61ccess_token=a%2Eb%2ec", Ok(Some(b"a.b.c"))),
        (b"/a?access_token=a+b", Ok(Some(b"a b"))),
        (b"/a?access_token=a=b", Ok(Some(b"a=b"))),
        (b"/a?access_token=a%zz%", Ok(Some(b"a%zz%"))),
        (b"/a?access_token=%ff\xff", Ok(Some(b"\xff\xff"))),
        (b"/a?access_token=abc#d", Ok(Some(b"abc#d"))),
        (b"/a?x#&access_token=abc", Ok(Some(b"abc"))),
        (b"/a?b?access_token=abc", Ok(None)),
        (b"/a", Ok(None)),
        (b"/a?", Ok(None)),
        (b"/a?Access_Token=abc", Ok(None)),
        (b"/a?access_tokens=abc", Ok(None)),
        (b"/a?x=access_token=abc", Ok(None)),
        (b"/access_token=abc", Ok(None)),
        (b"/a?x=1;y=2", Ok(None)),
        (b"/a?access_token", Err(NoToken)),
        (b"/a?access_token=", Err(NoToken)),
        (b"/a?access_token=a&access_token=b", Err(TwoTokens)),
        (b"/a?access_token=&access_token=b", Err(TwoTokens)),
        (b"/a?access_token=a&access%5ftoken=a", Err(TwoTokens)),
        (b"/a?access_token=a;b=c", Err(Semicolon)),
        (b"/a?x=1;access_token=a", Err(Semicolon)),
        (b"/a?;access_token=a", Err(Semicolon)),
    ] {
        check(&[(":path", path)], expected.map(|token| token.map(|token| (token, 3))));
    }
}

#[test]
fn cookies() {
    for (lines, expected) in [
        (&[&b"session=abc"[..]][..], Ok(Some(&b"abc"[..]))),
        (&[b"a=1; session=abc; b=2"], Ok(Some(b"abc"))),
        (&[b"a=1;session=abc;b=2"], Ok(Some(b"abc"))),
        (&[b"session=\"abc\""], Ok(Some(b"abc"))),
        (&[b"session = abc "], Ok(Some(b"abc"))),
        (&[b"session=a=b"], Ok(Some(b"a=b"))),
        (&[b"session=\"abc"], Ok(Some(b"\"abc"))),
        (&[b"session=\""], Ok(Some(b"\""))),
        (&[b"a=1", b"session=abc"], Ok(Some(b"abc"))),
        (&[b"\xff=1; session=\xff"], Ok(Some(b"\xff"))),
        (&[b"Session=abc; sessions=d; xsession=e"], Ok(None)),
        (&[b"session="], Ok(None)),
        (&[b"session=\"\""], Ok(None)),
        (&[b"session"], Ok(None)),
        (&[b"", b";", b"=", b"; ;"], Ok(None)),
        (&[b"session=a; session=b"], Err(TwoTokens)),
        (&[b"session=a; session=a"], Err(TwoTokens)),
        (&[b"session=; session=a"], Err(TwoTokens)),
        (&[b"session=a", b"session=b"], Err(TwoTokens)),
        (&[b"\xa0session\x85=abc"], Ok(Some(b"abc"))),
        (&[b"session=a; \xa0session=b"], Err(TwoTokens)),
        (&[b"session=a;\x0c session=b"], Err(TwoTokens)),
        // A no-break space in UTF-8, which some upstreams strip.
        (&[b"\xc2\xa0session=a"], Err(NestedCookie)),
        (&[b"a=1 session=b"], Err(NestedCookie)),
        (&[b"a=1\tsession=b"], Err(NestedCookie)),
        (&[b"a=1 session = b"], Err(NestedCookie)),
        (&[b"a=1,session=b"], Err(NestedCookie)),
        (&[b"a=1, Session=b"], Err(NestedCookie)),
        (&[b"a=1 %73ession=b"], Err(NestedCookie)),
        (&[b"a=1,(session=b"], Err(NestedCookie)),
        (&[b"a=\"x\" session=b"], Err(NestedCookie)),
        (&[b"a=\"x; b=y\"session=b"], Err(NestedCookie)),
        (&[b"a=\"session=b\""], Err(NestedCookie)),
        (&[b"a=x\xffsession=b"], Err(NestedCookie)),
        (&[b"\\session=b"], Err(NestedCookie)),
        (&[b"\"session=b"], Err(NestedCookie)),
        (&[b"(session=b"], Err(NestedCookie)),
        (&[b"=session=b"], Err(NestedCookie)),
        (&[b"session=a; b=1 session=b"], Err(NestedCookie)),
        (&[b"b=1 session=b; session=a"], Err(NestedCookie)),
        (&[b"session=a", b"b=1 session=b"], Err(NestedCookie)),
        // The text after the first token becomes part of it and contains bytes that no JWT has.
        (&[b"session=a session=b"], Ok(Some(b"a session=b"))),
        // Harmless cookies.
        (&[b"session=a; b=\"x, y z=1\"; c=x y; d=session; e=my session"], Ok(Some(b"a"))),
        (&[b"session=a; b=1 xsession=c; d={\"session\":\"e\"}; f=/?session=g"], Ok(Some(b"a"))),
        (&[b"session=a; b=x|session=c; b:session=d; e=\"/a?session=f\""], Ok(Some(b"a"))),
    ] {
        let list: Vec<_> = lines.iter().map(|line| ("cookie", *line)).collect();
        check(&list, expected.map(|token| token.map(|token| (token, 4))));
    }
}

#[test]
fn a_header_goes_whatever_an_upstream_takes_for_a_space() {
    for value in [
        &b"Bearer\xa0abc"[..],
        b"Bearer\x85abc",
        b"Bearer\xc2\xa0abc",
        b"Bearer\xe2\x80\x83abc",
        b"\xa0Bearer abc",
        b"Basic x,Bearer\xa0y",
    ] {
        let edits = strip(&sources(), &headers(&[("authorization", value)]), false);
        assert_eq!(edits, [("authorization".to_owned(), vec![])], "{}", value.escape_ascii());
    }
    assert!(strip(&sources(), &headers(&[("authorization", b"Basic\xa0abc")]), false).is_empty());
}

#[test]
fn a_cookie_goes_and_brings_no_other_forth() {
    for (line, left) in [
        (&b"session=a; x=1"[..], &[&b"x=1"[..]][..]),
        (b"session=;\x0c session=a", &[]),
        (b"x=1; \xa0session=a", &[b"x=1"]),
        (b"session=a;\t\x0cx=1", &[b"\x0cx=1"]),
        (b"session=a; b=1 session=b; x=1", &[b"x=1"]),
        (b"Session=a; x=1; session[]=b; %73ession=c", &[b"x=1"]),
        // A cookie that some parsers read after they give up on the text before it.
        (b"x:session=a; x=1", &[b"x=1"]),
        (b"a=/?session=\"b\"; x=1", &[b"x=1"]),
        (b"session=a; x=/?session=b; y=\"1, 2\"; z=a b", &[b"x=/?session=b; y=\"1, 2\"; z=a b"]),
    ] {
        let left: Vec<_> = left.iter().map(|line| line.to_vec()).collect();
        let edits = strip(&sources(), &headers(&[("cookie", line)]), false);
        assert_eq!(edits, [("cookie".to_owned(), left)], "{}", line.escape_ascii());
    }
}

#[test]
fn a_cookie_of_two_places_names_is_the_one_that_it_is() {
    let sources = ["session", "Session", "a_b"].map(|name| TokenSource::Cookie { name: name.into() });
    let forwarded = |line: &[u8]| strip(&sources, &headers(&[("cookie", line)]), true);
    assert_eq!(forwarded(b"Session=a; session=b; a_b=c"), []);
    for other in ["a.b", "a b", "A[B", "a[b", "a%2Eb", "a_b[]", "sESSION"] {
        let line = format!("Session=a; {other}=c");
        assert_eq!(
            forwarded(line.as_bytes()),
            [("cookie".to_owned(), vec![b"Session=a".to_vec()])],
            "{other}"
        );
    }
}

#[test]
fn tokens_in_two_places_or_lines() {
    let bearer: (&str, &[u8]) = ("authorization", b"Bearer a");
    for (other, expected) in [
        (("authorization", &b"Bearer a"[..]), Err::<Option<(&[u8], _)>, _>(TwoTokens)),
        (("authorization", b"Basic a"), Err(TwoTokens)),
        (("authorization", b""), Err(TwoTokens)),
        (("x-token", b"Token b"), Err(TwoTokens)),
        (("x-raw", b"b"), Err(TwoTokens)),
        ((":path", b"/?access_token=b"), Err(TwoTokens)),
        (("cookie", b"session=b"), Err(TwoTokens)),
        (("cookie", b"session=A"), Err(TwoTokens)),
        (("x-token", b"Token a"), Ok(Some((b"a", 0)))),
        (("x-raw", b"a"), Ok(Some((b"a", 0)))),
        ((":path", b"/?access_token=%61"), Ok(Some((b"a", 0)))),
        (("cookie", b"session=a"), Ok(Some((b"a", 0)))),
        (("cookie", b"session=a; session=a"), Err(TwoTokens)),
        ((":path", b"/?access_token="), Err(NoToken)),
        (("x-token", b"Token"), Err(NoToken)),
        (("x-token", b"a"), Ok(Some((b"a", 0)))),
        (("cookie", b"a=b"), Ok(Some((b"a", 0)))),
    ] {
        check(&[bearer, other], expected);
        check(&[other, bearer], expected);
    }
    check(&[("authorization", b"Basic a"), ("authorization", b"Basic b")], Ok(None));
    let three = [bearer, ("x-raw", &b"a"[..]), ("cookie", b"session=b")];
    check(&three, Err(TwoTokens));
}
