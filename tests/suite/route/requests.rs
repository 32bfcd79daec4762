//! The rules that apply to a whole request.

use jwt_guard::route::{Ambiguity, AmbiguousPath, RequestLine, RequestVariants};
use jwt_guard_testkit::oracle::{route, table};

/// The rules that apply, sorted, "no route" first.
fn matches(method: &str, path: &str, overrides: &[&str]) -> Result<Vec<Option<usize>>, AmbiguousPath> {
    let routes = [
        route("/**", &[], &[]),
        route("/admin/**", &[], &[]),
        route("/Files/{id}", &[], &[]),
        route("/orders", &["GET"], &[]),
        route("/orders", &["DELETE"], &[]),
        route("/{team}/settings", &[], &[]),
    ];
    let table = table(&routes).unwrap();
    let target = RequestLine {
        host: b"example.com",
        method: method.as_bytes(),
        path: Some(path.as_bytes()),
        method_overrides: overrides.iter().map(|value| value.as_bytes()).collect(),
    };
    let mut rules: Vec<_> = table.matches(&target)?.iter().map(|demand| demand.index()).collect();
    rules.sort();
    Ok(rules)
}

#[test]
fn a_plain_request_has_one_rule() {
    for (path, rule) in [("/", 0), ("/x/y.html?/admin", 0), ("/admin", 1), ("/admin/x?y", 1), ("/orders", 3)]
    {
        assert_eq!(matches("GET", path, &[]), Ok(vec![Some(rule)]), "{path}");
    }
}

#[test]
fn a_protected_path_is_protected_in_every_spelling() {
    for path in [
        "/admin/",
        "//admin",
        "/./admin",
        "/x/../admin",
        "/x/..//admin",
        "/x//../../admin",
        "/%61dmin",
        "/%2561dmin",
        "/%252561dmin",
        "/x%2f..%2fadmin",
        "/x%252f%252e%252e%252fadmin",
        "/x/%2e%2e/admin",
        "/x\\..\\admin",
        "/x/..%5cadmin",
        "/\\admin",
        "/admin;x",
        "/;x/admin",
        "/x/..;/admin",
        "/x/..;y/admin",
        "/x/.%3b/../../admin",
        "/admin%3bx",
        "/admin%3fx",
        "/admin%23x",
        "/admin#x",
        "/x#/../admin",
        "/admin.",
        "/admin%20",
        "/admin./x",
        "/admin /x",
        "/x/..%20/admin",
        "/x/.../../../admin",
        "/ADMIN",
        "/Admin/X",
        "/%41DMIN",
        "/x%2F..%2F..%2F/ADMIN",
        "/x/%EF%B8%B0/admin",
        "/x/%E2%80%A5/admin",
        "/admin%CD%BEx",
        "/admin%EF%B9%94x/y",
        "/x/..%EF%B8%94/admin",
        "/admin%EF%B9%96x",
        "/admin%E2%81%87",
        "/admin%EF%B9%9Fx",
        "/%EF%B9%AA61dmin",
        "/admin/%E2%84%80",
        "/admin%EF%B8%99",
        "/admin%EF%B9%95:$DATA",
    ] {
        let rules = matches("GET", path, &[]).unwrap();
        assert!(rules.contains(&Some(1)), "{path}: {rules:?}");
    }
}

#[test]
fn segments_decoded_each_for_itself_are_a_reading() {
    for path in ["/x%2Fy/%73ettings", "/x%2Fy/settings", "/%2F/settings", "/a/%2e%2e/x%2Fy/settings"] {
        let rules = matches("GET", path, &[]).unwrap();
        assert!(rules.contains(&Some(5)), "{path}: {rules:?}");
    }
}

/// Each path needs one normalization that no other replaces: only that path variant finds the rule.
#[test]
fn every_step_is_needed() {
    let routes = [
        route("/**", &[], &[]),
        route("/{id}", &[], &[]),
        route("/a", &[], &[]),
        route("/v1", &[], &[]),
        route("/v1/**", &[], &[]),
        route("/{id}/**", &[], &[]),
        route("/b@/a", &[], &[]),
        route("/{id}/a", &[], &[]),
        route("/{id}/b@", &[], &[]),
        route("/unused", &[], &[]),
        route("/k/{id}/b", &[], &[]),
        route("/b@/ak", &[], &[]),
    ];
    let table = table(&routes).unwrap();
    for (step, path, rule) in [
        ("only dots decoded", "/x/%2e%2e/%61", 1),
        ("only unreserved characters decoded", "/b%40/%61", 7),
        ("all but slashes decoded", "/x%2Fy/b%40", 8),
        ("only a slash dropped", "/v1./", 1),
        ("dots at the end dropped", "/v1/..", 3),
        ("spaces before a segment dropped", "/%20v1", 3),
        ("spaces before a segment dropped, and no dot behind it", "/%20a./%20a", 7),
        ("letters beside ASCII compared as their ASCII letter", "/b@/\u{ff41}\u{212a}", 11),
        ("the Kelvin sign as k, other forms kept", "/\u{212a}/\u{ff0f}/b", 10),
        ("a fullwidth slash", "/x\u{ff0f}a", 7),
        ("a division slash, encoded", "/x%E2%88%95a", 7),
        ("a fraction slash and fullwidth dots", "/x\u{2044}\u{ff0e}\u{ff0e}/v1", 3),
        ("a two dot leader", "/x/%E2%80%A5/v1", 3),
        ("a set minus", "/x\u{2216}a", 7),
    ] {
        let target = RequestLine {
            host: b"",
            method: b"GET",
            path: Some(path.as_bytes()),
            method_overrides: Vec::new(),
        };
        let matches = table.matches(&target).unwrap();
        let rules: Vec<_> = matches.iter().map(|demand| demand.index()).collect();
        assert!(rules.contains(&Some(rule)), "{step}: {path}: {rules:?}");
    }
}

#[test]
fn a_template_in_upper_case_protects_every_case() {
    for (path, rules) in [
        ("/Files/1", vec![Some(2)]),
        ("/files/1", vec![Some(0), Some(2)]),
        ("/FILES/1", vec![Some(0), Some(2)]),
        ("/files", vec![Some(0)]),
    ] {
        let matches = matches("GET", path, &[]).unwrap();
        // For an upstream that keeps case, `/files/1` does not match `/Files/{id}`, so it matches `/**`.
        assert!(rules.iter().all(|rule| matches.contains(rule)), "{path}: {matches:?}");
    }
}

#[test]
fn every_variant_of_the_method_is_matched() {
    for (method, overrides, rules) in [
        ("GET", &[][..], vec![Some(3)]),
        ("HEAD", &[], vec![Some(3)]),
        ("POST", &[], vec![Some(0)]),
        ("POST", &["DELETE"], vec![Some(0), Some(4)]),
        ("POST", &["delete"], vec![Some(0), Some(4)]),
        ("POST", &["PUT, DELETE"], vec![Some(0), Some(4)]),
        ("GET", &["", "DELETE"], vec![Some(3), Some(4)]),
        ("delete", &[], vec![Some(0), Some(4)]),
    ] {
        assert_eq!(matches(method, "/orders", overrides), Ok(rules), "{method} {overrides:?}");
    }
    assert_eq!(matches("POST", "/orders", &["DEL ETE"]), Err(AmbiguousPath::Method));
    assert_eq!(matches("", "/orders", &[]), Err(AmbiguousPath::Method));
}

#[test]
fn a_missing_path_and_the_asterisk_match_no_route() {
    let table = table(&[route("/**", &[], &[])]).unwrap();
    for (method, path) in [("CONNECT", None), ("OPTIONS", Some(&b"*"[..]))] {
        let target = RequestLine { host: b"", method: method.as_bytes(), path, method_overrides: Vec::new() };
        let variants = RequestVariants::of(&target, table.skipped()).unwrap();
        assert!(table.matches_of(&variants).iter().map(|demand| demand.index()).eq([None]), "{method}");
        assert_eq!(variants.ambiguity(), Ambiguity::Unambiguous);
    }
}

#[test]
fn invalid_paths_are_rejected() {
    for path in ["", "x", "*x", "*?", "http://example.com/x", "?x", "\\admin"] {
        assert_eq!(matches("GET", path, &[]), Err(AmbiguousPath::NotAbsolute), "{path}");
    }
    for (path, error) in [
        ("/a%", AmbiguousPath::BrokenEscape),
        ("/a%00", AmbiguousPath::ControlCharacter),
        ("/a\n", AmbiguousPath::ControlCharacter),
        ("/%c0%ae%c0%ae/admin", AmbiguousPath::Encoding),
        ("/%25252561dmin", AmbiguousPath::TooManyDecodings),
    ] {
        assert_eq!(matches("GET", path, &[]), Err(error), "{path}");
    }
}

#[test]
fn ordinary_paths_are_accepted() {
    for path in [
        "/search/100%25",
        "/caf%C3%A9/Men%C3%BC/",
        "/Docs/C%23/Getting%20Started.html",
        "/api/v4/projects/Group%2FSub%2FName/repository/files/src%2FMain%2Ejava/raw",
        "/map/Color=Red;shade=2/Size=10;unit=cm/",
        "/users/Some.One%40Example.COM/Avatar.PNG",
        "/o/2024-01-01T00%3A00%3A00Z/Report%20(Final)%20v1.2.pdf",
        "/redirect/https%3A%2F%2Fexample.com%2Fa%3Fb%3Dc%23d",
        "/redirect/https://example.com/A/",
        "/q/SGVsbG8%2BV29ybGQ%2FPz8%3D/",
        "/jsf/page.xhtml;jsessionid=A1B2C3",
    ] {
        let rules = matches("GET", path, &[]);
        assert!(rules.is_ok(), "{path}: {rules:?}");
    }
}

#[test]
fn the_spread_of_the_readings() {
    let table = table(&[]).unwrap();
    for (path, ambiguity) in [
        ("/a/b.c?d", Ambiguity::Unambiguous),
        ("/a/", Ambiguity::TrailingSlash),
        ("/a//", Ambiguity::Segments),
        ("/A/", Ambiguity::LetterCase),
        ("/a%2Fb", Ambiguity::Segments),
        ("/a;b", Ambiguity::Segments),
        ("/%61", Ambiguity::Segments),
    ] {
        let target = RequestLine {
            host: b"",
            method: b"GET",
            path: Some(path.as_bytes()),
            method_overrides: Vec::new(),
        };
        let variants = RequestVariants::of(&target, table.skipped()).unwrap();
        assert_eq!(variants.ambiguity(), ambiguity, "{path}");
    }
}

#[test]
fn the_path_variant_that_matched_a_rule_is_reported() {
    let table = table(&[route("/**", &[], &[]), route("/admin", &["DELETE"], &[])]).unwrap();
    let target = RequestLine {
        host: b"",
        method: b"POST",
        path: Some(b"/%61dmin?x"),
        method_overrides: vec![b"delete"],
    };
    let matches = table.matches(&target).unwrap();
    let matched: Vec<_> = matches
        .iter()
        .map(|demand| (demand.index(), demand.variant.method.to_string(), demand.variant.path.to_string()))
        .collect();
    let own = |rule, method: &str, path: &str| (Some(rule), method.to_owned(), path.to_owned());
    assert_eq!(matched, [own(0, "POST", "/%61dmin"), own(1, "DELETE", "/admin")]);
    assert_eq!(matches.as_written().index(), Some(0));
}

/// The rules that apply to a GET, sorted.
fn governing_get(routes: &[jwt_guard_testkit::oracle::Route], host: &str, path: &str) -> Vec<Option<usize>> {
    let table = table(routes).unwrap();
    let target = RequestLine {
        host: host.as_bytes(),
        method: b"GET",
        path: Some(path.as_bytes()),
        method_overrides: vec![],
    };
    let mut rules: Vec<_> = table.matches(&target).unwrap().iter().map(|demand| demand.index()).collect();
    rules.sort();
    rules
}

/// `/a/**` matches `/a/`, and for an upstream that ignores case also with `A`.
#[test]
fn a_trailing_slash_of_a_literal_template_matches_the_rest_template_in_another_case() {
    let routes = [route("/api/pub/**", &[], &[]), route("/api/Pub", &[], &[])];
    for (path, rules) in [
        ("/api/Pub", vec![Some(1)]),
        ("/api/Pub/", vec![Some(0), Some(1)]),
        ("/api/pub/", vec![Some(0), Some(1)]),
        ("/api/Pub/x", vec![None, Some(0)]),
    ] {
        assert_eq!(governing_get(&routes, "example.com", path), rules, "{path}");
    }
    // Without such a route the slash has no effect.
    let alone = [route("/api/**", &[], &[]), route("/api/Pub", &[], &[])];
    assert_eq!(governing_get(&alone, "example.com", "/api/Pub/"), [Some(1)]);
}

/// Routes with a host take precedence over routes without one, for an upstream that ignores case in every spelling.
#[test]
fn a_host_with_its_own_routes_takes_precedence_over_a_literal_template_in_another_case() {
    let routes = [route("/{tenant}/Users", &[], &["admin.test"]), route("/acme/users", &[], &[])];
    for (host, path, rules) in [
        ("admin.test", "/acme/users", vec![Some(0), Some(1)]),
        ("admin.test", "/acme/Users", vec![Some(0)]),
        ("other.test", "/acme/users", vec![Some(1)]),
    ] {
        assert_eq!(governing_get(&routes, host, path), rules, "{host}{path}");
    }
    let alike = [route("/{tenant}/Users", &[], &["admin.test"]), route("/acme/Users", &[], &[])];
    assert_eq!(governing_get(&alike, "admin.test", "/acme/Users"), [Some(0)]);
    assert_eq!(governing_get(&alike, "other.test", "/acme/Users"), [Some(1)]);
}
