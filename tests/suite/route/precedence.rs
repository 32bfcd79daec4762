//! Precedence of routes for one path variant, and conflicts between routes.

use jwt_guard_testkit::oracle::{Route, matching_route, route, table};

/// Looks up the route with the routes in both orders, because the order must not matter, and compares with the oracle.
fn found(routes: &[Route], host: &str, method: &str, path: &str) -> Option<usize> {
    let look_up = |routes: &[Route]| {
        let table = table(routes).unwrap();
        let found = table.lookup(host.as_bytes(), method, path)?;
        assert_eq!(found.index, *found.rule);
        Some(found.index)
    };
    let index = look_up(routes);
    let reversed: Vec<_> = routes.iter().rev().cloned().collect();
    assert_eq!(
        look_up(&reversed).map(|index| routes.len() - 1 - index),
        index,
        "the order of the routes changes the result for {path}"
    );
    assert_eq!(matching_route(routes, host, method, path, false), index, "the oracle's route for {path}");
    index
}

#[test]
fn segment_by_segment_literal_then_wildcard_then_rest() {
    let routes = [
        "/a/b",
        "/a/{id}",
        "/a/**",
        "/a/{id}/c",
        "/a/b/{id}",
        "/*/b/c",
        "/",
        "/e/**",
        "/e/f/{x}/h",
        "/g/{x}/**",
    ]
    .map(|path| route(path, &[], &[]));
    for (path, expected) in [
        ("/a/b", Some(0)),
        ("/a/x", Some(1)),
        ("/a", Some(2)),
        ("/a/x/y/z", Some(2)),
        ("/a/x/c", Some(3)),
        // The second segment takes precedence over the third: literal `b`, then `{id}`.
        ("/a/b/c", Some(4)),
        ("/a/b/x", Some(4)),
        ("/x/b/c", Some(5)),
        ("/", Some(6)),
        ("/e/f/g/h", Some(8)),
        // The literal branch has no match, so the search backtracks.
        ("/e/f/g/x", Some(7)),
        ("/g/1", Some(9)),
        ("/g/1/2", Some(9)),
        ("/g", None),
        ("/ab", None),
        ("/a/bb", Some(1)),
        ("/A/b", None),
        ("/x", None),
        ("", None),
        ("a/b", None),
        ("*", None),
    ] {
        if path.starts_with('/') {
            assert_eq!(found(&routes, "", "GET", path), expected, "{path}");
        } else {
            assert!(table(&routes).unwrap().lookup(b"", "GET", path).is_none(), "{path}");
        }
    }
}

#[test]
fn among_parts_the_longest_fixed_text_then_the_longest_start() {
    let routes =
        ["/a*", "/*bcd", "/ab*", "/*cd", "/x/a*a", "/y/a*", "/y/a**", "/y/ab", "/z/ab*/x", "/z/{id}/**"]
            .map(|path| route(path, &[], &[]));
    for (path, expected) in [
        ("/a", Some(0)),
        ("/abc", Some(2)),
        // The fixed text of `*bcd` is longer than that of `ab*`.
        ("/abcd", Some(1)),
        // `ab*` and `*cd` have fixed texts of the same length: the longer start comes first.
        ("/abxcd", Some(2)),
        ("/axcd", Some(3)),
        // The start and the end do not overlap.
        ("/x/a", None),
        ("/x/aa", Some(4)),
        ("/x/aba", Some(4)),
        ("/x/ab", None),
        ("/y/ab", Some(7)),
        ("/y/abc", Some(5)),
        ("/y/abc/d", Some(6)),
        ("/y/abc/", Some(6)),
        ("/z/abc/x", Some(8)),
        // The part has no match below it, so the search backtracks.
        ("/z/abc/y", Some(9)),
    ] {
        assert_eq!(found(&routes, "", "GET", path), expected, "{path}");
    }
}

#[test]
fn a_trailing_slash_is_dropped_but_belongs_to_the_rest_where_there_is_one() {
    let routes = ["/a/", "/b/{id}", "/c", "/c/**", "/d/{id}", "/d/{id}/**"].map(|path| route(path, &[], &[]));
    for (path, expected) in [
        ("/a", Some(0)),
        ("/a/", Some(0)),
        ("/a//", None),
        ("/b/x/", Some(1)),
        // `{id}` does not match an empty segment.
        ("/b/", None),
        ("/b//", None),
        ("/c", Some(2)),
        ("/c/", Some(3)),
        ("/c//", Some(3)),
        ("/d/x", Some(4)),
        ("/d/x/", Some(5)),
        ("//", None),
    ] {
        assert_eq!(found(&routes, "", "GET", path), expected, "{path}");
    }
}

#[test]
fn hosts_exact_then_longest_suffix_then_none() {
    let routes = [
        route("/a", &[], &["api.example.com"]),
        route("/a", &[], &["*.example.com"]),
        route("/a", &[], &["*.com", "example.org"]),
        route("/a", &[], &[]),
        route("/b", &[], &["*.example.com"]),
        route("/**", &[], &[]),
    ];
    for (host, path, expected) in [
        ("api.example.com", "/a", Some(0)),
        ("API.Example.COM:8443", "/a", Some(0)),
        ("api.example.com.", "/a", Some(0)),
        ("api.example.com.:443", "/a", Some(0)),
        ("www.example.com", "/a", Some(1)),
        ("x.y.example.com", "/a", Some(1)),
        ("x.api.example.com", "/a", Some(1)),
        // A suffix matches neither a part of a label nor the suffix itself.
        ("badexample.com", "/a", Some(2)),
        ("example.com", "/a", Some(2)),
        ("example.org", "/a", Some(2)),
        ("x.example.org", "/a", Some(3)),
        (".com", "/a", Some(3)),
        ("com", "/a", Some(3)),
        ("", "/a", Some(3)),
        // The exact host has no route for this path, but the next level has.
        ("api.example.com", "/b", Some(4)),
        // A wildcard of a more specific host takes precedence over a literal of a less specific host.
        ("api.example.com", "/c", Some(5)),
        ("example.org", "/b", Some(5)),
    ] {
        assert_eq!(found(&routes, host, "GET", path), expected, "{host} {path}");
    }
    let routes = [route("/**", &[], &["a.test"]), route("/x", &[], &["*.test"]), route("/x", &[], &[])];
    assert_eq!(found(&routes, "a.test", "GET", "/x"), Some(0), "hosts are compared before paths");
    let long = format!("{}.test", "a.".repeat(30_000));
    assert_eq!(found(&routes, &long, "GET", "/x"), Some(1));
    assert!(table(&routes).unwrap().lookup(b"\xff.test", "GET", "/x").is_some());
}

#[test]
fn methods_listed_then_unlisted_then_the_next_template() {
    let routes = [
        route("/a/b", &["GET", "PUT"], &[]),
        route("/a/b", &[], &[]),
        route("/c/d", &["GET"], &[]),
        route("/c/{id}", &["POST"], &[]),
        route("/c/**", &[], &[]),
        route("/e", &["GET"], &[]),
        route("/e", &["HEAD"], &[]),
        route("/f", &["POST"], &["f.test"]),
        route("/f", &[], &[]),
    ];
    for (method, path, expected) in [
        ("GET", "/a/b", Some(0)),
        ("PUT", "/a/b", Some(0)),
        ("HEAD", "/a/b", Some(0)),
        ("POST", "/a/b", Some(1)),
        ("get", "/a/b", Some(1)),
        ("GET", "/c/d", Some(2)),
        ("HEAD", "/c/d", Some(2)),
        ("POST", "/c/d", Some(3)),
        ("DELETE", "/c/d", Some(4)),
        ("GET", "/e", Some(5)),
        ("HEAD", "/e", Some(6)),
        ("POST", "/e", None),
    ] {
        assert_eq!(found(&routes, "", method, path), expected, "{method} {path}");
    }
    assert_eq!(found(&routes, "f.test", "POST", "/f"), Some(7));
    assert_eq!(found(&routes, "f.test", "GET", "/f"), Some(8), "the host's route does not list GET");
}

#[test]
fn conflicts_name_both_routes() {
    for (what, one, other) in [
        ("equal", route("/a", &[], &[]), route("/a", &[], &[])),
        ("a trailing slash", route("/a", &[], &[]), route("/a/", &[], &[])),
        ("names", route("/a/{id}/x", &[], &[]), route("/a/{name}/x", &[], &[])),
        ("a name and a star", route("/a/{id}", &[], &[]), route("/a/*", &[], &[])),
        ("the rest", route("/**", &[], &[]), route("/**/", &[], &[])),
        ("a method", route("/a", &["GET", "PUT"], &[]), route("/a", &["POST", "PUT"], &[])),
        ("a host", route("/a", &[], &["a.test", "b.test"]), route("/a", &[], &["A.TEST.:80"])),
        ("a suffix", route("/a", &[], &["*.test"]), route("/a", &[], &["*.TEST"])),
        ("case", route("/a/b", &[], &[]), route("/A/b", &[], &[])),
        ("case, other methods and hosts", route("/a/b", &["GET"], &[]), route("/a/B", &[], &["a.test"])),
        ("case beside a name", route("/a/{id}", &[], &[]), route("/A/*", &["GET"], &[])),
    ] {
        let other_route = route("/other", &[], &[]);
        assert_eq!(table(&[one, other_route, other]).unwrap_err(), [(0, 2)], "{what}");
    }
}

#[test]
fn different_routes_do_not_conflict() {
    for (what, one, other) in [
        ("methods", route("/a", &["GET"], &[]), route("/a", &["POST"], &[])),
        ("a method and the others", route("/a", &["GET"], &[]), route("/a", &[], &[])),
        ("hosts", route("/a", &[], &["a.test"]), route("/a", &[], &["b.test"])),
        ("a host and its suffix", route("/a", &[], &["test"]), route("/a", &[], &["*.test"])),
        ("a literal and a name", route("/a/b", &[], &[]), route("/a/{b}", &[], &[])),
        ("itself and the rest", route("/a", &[], &[]), route("/a/**", &[], &[])),
        ("the case of a part", route("/a/b", &[], &[]), route("/A/c", &[], &[])),
        ("the same twice within", route("/a", &["GET", "GET"], &["a.test", "A.test"]), route("/b", &[], &[])),
    ] {
        assert!(table(&[one, other]).is_ok(), "{what}");
    }
}

#[test]
fn every_conflict_is_reported_once() {
    let routes =
        ["/a", "/b", "/a", "/B", "/a"].map(|path| route(path, &["GET", "POST"], &["x.test", "y.test"]));
    assert_eq!(table(&routes).unwrap_err(), [(0, 2), (0, 4), (1, 3)]);
}

#[test]
fn a_conflict_message_names_both_routes() {
    let entry = |(route, path): (usize, &str)| jwt_guard::route::Entry {
        template: jwt_guard::route::Template::parse(path).unwrap(),
        methods: Vec::new(),
        hosts: Vec::new(),
        route,
        path: 0,
        compares_parameters: false,
        rule: (),
    };
    let message = |one, other| {
        let conflicts = jwt_guard::route::Table::build(vec![entry((0, one)), entry((1, other))]).unwrap_err();
        conflicts.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(
        message("/a/{id}", "/a/*"),
        "routes[0] (`/a/{id}`) and routes[1] (`/a/*`) cover the same path, method and host, so one would never \
         apply: remove one, or give them different methods or hosts"
    );
    assert!(message("/a", "/A").contains("differ only in case"));
}
