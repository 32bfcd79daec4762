//! The variants of paths, and the paths that are denied.

use super::*;

fn of(path: &[u8]) -> Result<PathVariants<'_>, AmbiguousPath> {
    PathVariants::of(path, SkippedVariants::default())
}

#[test]
fn a_plain_path_has_one_reading() {
    for path in [
        "/",
        "/a",
        "/a/v1.2/index.html",
        "/a-b_c~d/1",
        "/.well-known/x",
        "/a/..b",
        "/a/b:c,d=e@f(g)*!$&'+",
        "/grpc.health.v1.Health/Check",
    ] {
        assert!(is_plain(path.as_bytes()), "{path}");
        let expected = PathVariants { as_sent: path, as_written: Cow::Borrowed(path), others: vec![] };
        assert_eq!(of(path.as_bytes()), Ok(expected), "{path}");
    }
}

#[test]
fn a_path_is_plain_only_if_no_step_changes_it() {
    // Every path of up to four characters from an alphabet with one character of each kind.
    let alphabet = "/.a1A%;\\ #é(:$";
    let mut paths = vec![String::from("/")];
    for _ in 0..4 {
        let longer = paths.iter().flat_map(|path| alphabet.chars().map(move |next| format!("{path}{next}")));
        paths = longer.collect();
        for path in &paths {
            let one_reading = NORMALIZATIONS.iter().all(|(_, step)| step(path).is_none())
                && decoded(path, Escapes::All) == Ok(None)
                && !path.contains(['%', 'é', ' '])
                && !path.contains("/(");
            assert_eq!(is_plain(path.as_bytes()), one_reading, "{path:?}");
        }
    }
}

#[test]
fn the_path_as_written_has_the_escapes_decoded_that_a_client_must_write() {
    for (sent, written) in [
        ("/caf%C3%A9/x", "/café/x"),
        ("/caf%c3%a9", "/café"),
        ("/my%20docs/a", "/my docs/a"),
        ("/%22%3C%3E%5E%60%7B%7C%7D%5B%5D", "/\"<>^`{|}[]"),
        ("/100%25", "/100%25"),
        ("/%2561dmin", "/%2561dmin"),
        ("/%61dmin", "/%61dmin"),
        ("/a%2Fb", "/a%2Fb"),
        ("/a%5Cb%3Bc%3Fd%23e%2E", "/a%5Cb%3Bc%3Fd%23e%2E"),
        ("/caf%25C3%25A9", "/caf%25C3%25A9"),
        ("/%C3%A9%2F%20", "/é%2F "),
    ] {
        assert_eq!(of(sent.as_bytes()).unwrap().as_written, written, "{sent}");
    }
}

#[test]
fn the_readings_of_a_path() {
    for (path, others) in [
        ("/a/b?c=/D%", &[][..]),
        ("/a/b/", &["/a/b"]),
        ("/A", &[]),
        ("/a.", &["/a"]),
        ("/a ", &["/a"]),
        ("/a%20", &["/a"]),
        ("/a%2Fb", &["/a/b"]),
        ("/%61%2Fb", &["/a/b", "/a%2Fb"]),
        ("/a//b", &["/a/b"]),
        ("/a/../b", &["/b"]),
        ("/a//../b", &["/a/b", "/a/../b", "/b"]),
        ("/a;x/b", &["/a/b", "/a"]),
        ("/a\\b", &["/a/b"]),
        ("/a%3Fb", &["/a?b", "/a"]),
        ("/a#b", &["/a"]),
        ("/a%252Fb", &["/a%2Fb", "/a/b"]),
        ("/100%25", &["/100%"]),
        ("/caf%c3%a9", &[]),
        ("/café", &[]),
        ("/..", &["/"]),
        ("/a/.%20/b", &["/a/./b", "/a/b"]),
        ("/a./b", &["/a/b"]),
        ("/a /b./c", &["/a/b./c", "/a/b/c"]),
        ("/a::$DATA", &["/a"]),
        ("/a:$i30:$index_allocation/b", &["/a/b"]),
        ("/(s(x))/a", &["/a"]),
        ("/a/(a(x)s(y))/b", &["/a/b"]),
        ("/a/(s(x))b", &["/ab"]),
        ("/(s(x))", &["/"]),
        ("/(s(x)", &[]),
        ("/(a)/b", &[]),
        ("/(x(x))/(s(x))/b", &["/(x(x))/b"]),
        ("/index.php/a", &["/a"]),
        ("/Index.PHP/a", &["/a"]),
        ("/a.php/b.php/c", &["/b.php/c", "/c"]),
        ("/É", &[]),
        ("/a¥b", &["/a\\b", "/a/b"]),
    ] {
        let path_variants = of(path.as_bytes()).unwrap_or_else(|error| panic!("{path}: {error}")).others;
        let mut path_variants: Vec<_> = path_variants.into_iter().map(|variant| variant.path).collect();
        let mut others: Vec<_> = others.iter().map(|variant| (*variant).to_owned()).collect();
        path_variants.sort();
        others.sort();
        assert_eq!(path_variants, others, "{path}");
    }
}

#[test]
fn a_reading_has_the_classes_of_the_shortest_way_to_it() {
    use VariantClass::*;
    for (path, variant, classes) in [
        ("/a%2Fb", "/a/b", &[EncodedSlash][..]),
        ("/%61", "/a", &[PercentDecoding]),
        ("/%2561", "/a", &[PercentDecoding]),
        ("/a%252Fb", "/a/b", &[PercentDecoding]),
        ("/x/..%2Fb", "/b", &[EncodedSlash, DotSegments]),
        ("/a\\b", "/a/b", &[Backslash]),
        ("/a%5cb", "/a/b", &[PercentDecoding, Backslash]),
        ("/a;x/b", "/a/b", &[PathParameters]),
        ("/a/b;x", "/a/b", &[PathParameters]),
        ("/a.", "/a", &[TrailingDotOrSpace]),
        ("/a%20", "/a", &[TrailingDotOrSpace]),
        ("/%20a", "/a", &[LeadingSpace]),
        ("/%EF%BD%81", "/a", &[CompatibilityCharacters]),
        ("/index.php/a", "/a", &[PhpPathInfo]),
        ("/a::$DATA", "/a", &[NtfsStreams]),
        ("/(S(x))/a", "/a", &[AspnetTickets]),
        ("//a", "/a", &[RepeatedSlashes]),
        ("//a/b", "/b", &[NetworkPath]),
        ("/a/", "/a", &[TrailingSlash]),
        ("/a#b", "/a", &[QueryOrFragment]),
    ] {
        let path_variants = of(path.as_bytes()).unwrap();
        let place = path_variants.others.iter().position(|other| other.path == variant);
        assert_eq!(path_variants.classes(place.unwrap()), classes, "{path}");
    }
}

#[test]
fn a_skipped_class_makes_no_readings() {
    for class in VariantClass::SKIPPABLE {
        let skipped = SkippedVariants::default().with(class);
        for path in [
            "/a%2Fb",
            "/a%252Fb",
            "/%61",
            "/x/..%2Fb",
            "/a\\b",
            "/a%5cb",
            "/a;x/b",
            "/a.",
            "/a%20",
            "/%EF%BD%81",
            "/index.php/a",
            "/a::$DATA",
            "/(S(x))/a",
            "//a/../b",
        ] {
            let all = of(path.as_bytes()).unwrap();
            let kept = PathVariants::of(path.as_bytes(), skipped).unwrap();
            let chains: Vec<_> =
                (0..all.others.len()).filter(|place| !all.classes(*place).contains(&class)).collect();
            let expected: Vec<_> = chains.iter().map(|place| &all.others[*place].path).collect();
            let found: Vec<_> = kept.others.iter().map(|variant| &variant.path).collect();
            assert_eq!(found, expected, "{path} without {class}");
        }
    }
}

#[test]
fn double_decoding_is_not_skipped_with_encoded_slashes() {
    let skipped = SkippedVariants::default().with(VariantClass::EncodedSlash);
    let has = |path: &str, variant: &str| {
        let path_variants = PathVariants::of(path.as_bytes(), skipped).unwrap().others;
        path_variants.iter().any(|other| other.path == variant)
    };
    for path in ["/files/a%2Fb", "/files/a%2fb", "/%66iles/a%2Fb"] {
        assert!(!has(path, "/files/a/b"), "{path}");
    }
    for path in ["/files/a%252Fb", "/files/a%25%32%46b", "/%2Ffiles/../files/a%252Fb"] {
        assert!(has(path, "/files/a/b"), "{path}");
    }
}

#[test]
fn what_cannot_be_read_with_certainty_is_refused() {
    use AmbiguousPath::*;
    let long = format!("/{}/", "a".repeat(8191));
    let of_six_readings = |length: usize| format!("/{}/%41%2FA;", "a".repeat(length));
    let over_the_bound = of_six_readings(6000);
    for (path, error) in [
        (&b""[..], NotAbsolute),
        (b"a", NotAbsolute),
        (b"?a", NotAbsolute),
        (b"*x", NotAbsolute),
        (b"http://example.com/a", NotAbsolute),
        (b"/a\nb", ControlCharacter),
        (b"/a\x7f", ControlCharacter),
        (b"/a%00", ControlCharacter),
        (b"/a%0d%0a", ControlCharacter),
        (b"/a%2500", ControlCharacter),
        (b"/a%c2%85", ControlCharacter),
        (b"/a%", BrokenEscape),
        (b"/a%2", BrokenEscape),
        (b"/a%g0", BrokenEscape),
        (b"/a%%20", BrokenEscape),
        (b"/a%u0061", BrokenEscape),
        (b"/a\xff", Encoding),
        (b"/a%ff", Encoding),
        (b"/a%c0%af", Encoding),
        (b"/a%e0%80%af", Encoding),
        (b"/a%25c0%25af", Encoding),
        (b"/a%25u0061", BrokenEscape),
        (b"/a%25U0061", BrokenEscape),
        (b"/a%ed%a0%80", Encoding),
        (b"/a%25252561", TooManyDecodings),
        (b"/A/%41;a/..%2f./b./;C/%3f%23/%5c", TooManyVariants),
        (long.as_bytes(), TooLong),
        (over_the_bound.as_bytes(), TooLong),
    ] {
        assert_eq!(of(path), Err(error), "{}", path.escape_ascii());
    }
    assert!(of(b"/a%252561").is_ok(), "three rounds");
    assert!(of(of_six_readings(1000).as_bytes()).is_ok(), "six of 1 KiB");
    assert!(of(format!("/{}%41", "a".repeat(8180)).as_bytes()).is_ok(), "two of 8 KiB");
}
