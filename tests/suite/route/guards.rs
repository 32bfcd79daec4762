//! Guards: every guard that matches some variant of a request applies.

use jwt_guard::route::{
    Entry, Guards, HostPattern, Method, RequestLine, RequestVariants, SkippedVariants, Template, VariantClass,
};

use jwt_guard_testkit::oracle::table;
use proptest::prelude::*;

use super::properties::{config, nasty_path, routes, target};

/// A guard: its path, methods and hosts.
type Row<'a> = (&'a str, &'a [&'a str], &'a [&'a str]);

fn guards(rows: &[Row<'_>], skipped: SkippedVariants) -> Guards<usize> {
    let entry = |(index, (path, methods, hosts)): (usize, &Row<'_>)| Entry {
        route: index,
        path: 0,
        template: Template::parse(path).unwrap(),
        methods: methods.iter().map(|method| Method::parse(method).unwrap()).collect(),
        hosts: hosts.iter().map(|host| HostPattern::parse(host).unwrap()).collect(),
        compares_parameters: false,
        rule: index,
    };
    Guards::build(rows.iter().enumerate().map(entry).collect(), skipped).unwrap()
}

fn line<'a>(host: &'a str, method: &'a str, path: Option<&'a str>, overrides: &[&'a str]) -> RequestLine<'a> {
    RequestLine {
        host: host.as_bytes(),
        method: method.as_bytes(),
        path: path.map(str::as_bytes),
        method_overrides: overrides.iter().map(|method| method.as_bytes()).collect(),
    }
}

fn matching(guards: &Guards<usize>, line: &RequestLine<'_>, skipped: SkippedVariants) -> Vec<usize> {
    let variants = RequestVariants::of(line, skipped).unwrap();
    let mut found: Vec<usize> = guards.matches(&variants).iter().map(|guard| guard.index).collect();
    found.sort_unstable();
    found
}

#[test]
fn every_guard_that_matches_applies() {
    let none = SkippedVariants::default();
    let guards = guards(
        &[
            ("/**", &["DELETE"], &[]),
            ("/internal/**", &[], &[]),
            ("/internal/{id}", &["GET"], &[]),
            ("/internal/users", &[], &[]),
            ("/**", &[], &["admin.example"]),
            ("/**", &[], &["*.admin.example"]),
            ("/**", &[], &["{tenant}.admin.example"]),
            ("/*/users", &[], &[]),
            ("/Internal/USERS", &["POST"], &[]),
            ("/**", &["OPTIONS", "CONNECT"], &[]),
            ("/debug**", &[], &[]),
            ("/api/*-internal/**", &[], &[]),
        ],
        none,
    );
    for (host, method, path, overrides, expected) in [
        ("a", "GET", "/public", &[][..], &[][..]),
        ("a", "DELETE", "/public", &[], &[0]),
        ("a", "DELETE", "/", &[], &[0]),
        ("a", "DELETE", "/internal/users/", &[], &[0, 1, 3, 7]),
        ("a", "GET", "/internal/users", &[], &[1, 2, 3, 7]),
        ("a", "HEAD", "/internal/users", &[], &[1, 2, 3, 7]),
        ("a", "POST", "/internal/users", &[], &[1, 3, 7, 8]),
        ("a", "GET", "/internal", &[], &[1]),
        ("a", "GET", "/internal/", &[], &[1]),
        ("a", "GET", "/internals", &[], &[]),
        ("a", "GET", "/INTERNAL/x", &[], &[1, 2]),
        ("a", "GET", "/public/%2e%2e/internal/x", &[], &[1, 2]),
        ("a", "GET", "/public/..;/internal/x/y", &[], &[1]),
        ("a", "POST", "/public", &["DELETE"], &[0]),
        ("a", "GET", "/debug", &[], &[10]),
        ("a", "GET", "/Debug.html/x", &[], &[10]),
        ("a", "GET", "/debu", &[], &[]),
        ("a", "GET", "/x/debug", &[], &[]),
        ("a", "GET", "/api/orders-INTERNAL", &[], &[11]),
        ("a", "GET", "/api/-internal/x", &[], &[11]),
        ("a", "GET", "/api/-internals/x", &[], &[]),
        ("admin.example:8443", "GET", "/public", &[], &[4]),
        ("ADMIN.example.", "GET", "/public", &[], &[4]),
        ("x.admin.example", "GET", "/public", &[], &[5, 6]),
        ("y.x.admin.example", "GET", "/public", &[], &[5]),
        ("badadmin.example", "GET", "/public", &[], &[]),
    ] {
        let line = line(host, method, Some(path), overrides);
        assert_eq!(matching(&guards, &line, none), expected, "{host} {method} {path} {overrides:?}");
    }
    for (method, path) in [("OPTIONS", Some("*")), ("CONNECT", None)] {
        assert_eq!(matching(&guards, &line("a", method, path, &[]), none), [9], "{method} has no path");
    }
}

#[test]
fn letter_case_counts_unless_it_is_skipped() {
    let skipped = SkippedVariants::default().with(VariantClass::LetterCase);
    for (skipped, expected) in [(SkippedVariants::default(), &[0][..]), (skipped, &[])] {
        let guards = guards(&[("/admin/**", &[], &[])], skipped);
        assert_eq!(matching(&guards, &line("a", "GET", Some("/ADMIN/x"), &[]), skipped), expected);
        assert_eq!(matching(&guards, &line("a", "GET", Some("/admin/x"), &[]), skipped), [0]);
    }
}

#[test]
fn the_variant_that_selects_a_guard_is_reported() {
    let none = SkippedVariants::default();
    let guards = guards(&[("/admin", &[], &[])], none);
    for (path, classes) in [
        ("/admin", &[][..]),
        ("/ADMIN", &[VariantClass::LetterCase]),
        ("/x/../admin", &[VariantClass::DotSegments]),
        ("/x/../ADMIN", &[VariantClass::DotSegments, VariantClass::LetterCase]),
    ] {
        let line = line("a", "GET", Some(path), &[]);
        let variants = RequestVariants::of(&line, none).unwrap();
        let found = guards.matches(&variants);
        assert_eq!(found.len(), 1, "{path}");
        assert_eq!(found[0].variant.classes, classes, "{path}");
        assert_eq!(found[0].variant.compared_path(), "/admin", "{path}");
    }
}

#[test]
fn ten_thousand_guards_cost_what_ten_do() {
    let paths: Vec<String> = (0..10_000).map(|at| format!("/guarded/{at}/**")).collect();
    let none = SkippedVariants::default();
    let visits = |count: usize| {
        let rows: Vec<Row<'_>> =
            paths[..count].iter().map(|path| (path.as_str(), &[][..], &[][..])).collect();
        let guards = guards(&rows, none);
        assert_eq!(matching(&guards, &line("a", "GET", Some("/guarded/7/x"), &[]), none), [7]);
        guards.visits(b"a", "GET", "/guarded/7/x")
    };
    assert_eq!((visits(10), visits(10_000)), (3, 3));
}

#[test]
fn ten_thousand_guards_with_a_part_cost_what_ten_do() {
    let paths: Vec<String> = (0..10_000).map(|at| format!("/s{}/part{}-*", at / 60, at % 60)).collect();
    let none = SkippedVariants::default();
    let visits = |count: usize| {
        let rows: Vec<Row<'_>> =
            paths[..count].iter().map(|path| (path.as_str(), &[][..], &[][..])).collect();
        let guards = guards(&rows, none);
        assert_eq!(matching(&guards, &line("a", "GET", Some("/s0/part7-x"), &[]), none), [7]);
        guards.visits(b"a", "GET", "/s0/part7-x")
    };
    assert_eq!((visits(10), visits(10_000)), (3, 3));
}

#[test]
fn a_place_has_at_most_64_partial_segments() {
    let rows = |count: usize| (0..count).map(|at| format!("/a/x{at}*")).collect::<Vec<_>>();
    let build = |paths: &[String]| {
        let entry = |(index, path): (usize, &String)| Entry {
            route: index,
            path: 0,
            template: Template::parse(path).unwrap(),
            methods: vec![],
            hosts: vec![],
            compares_parameters: false,
            rule: (),
        };
        Guards::build(paths.iter().enumerate().map(entry).collect(), SkippedVariants::default())
    };
    assert!(build(&rows(64)).is_ok());
    assert_eq!(build(&rows(65)).unwrap_err().0, 64);
    let elsewhere =
        [rows(64), vec!["/b/x*".to_owned(), "/a/x0*/b".to_owned(), "/a/x0**".to_owned()]].concat();
    assert!(build(&elsewhere).is_ok(), "other places, and the same partial segment again");
}

proptest! {
    #![proptest_config(config())]

    /// A guard applies to the requests that it would match if it were the only route.
    #[test]
    fn a_guard_applies_where_it_would_match_alone(rows in routes(), path in nasty_path(), target in target()) {
        let (host, method, overrides) = target;
        let none = SkippedVariants::default();
        fn texts(list: &[String]) -> Vec<&str> {
            list.iter().map(String::as_str).collect()
        }
        let lists: Vec<_> = rows.iter().map(|row| (row.path.as_str(), texts(&row.methods), texts(&row.hosts))).collect();
        let all: Vec<Row<'_>> =
            lists.iter().map(|(path, methods, hosts)| (*path, methods.as_slice(), hosts.as_slice())).collect();
        let guards = guards(&all, none);
        let line = line(host, method, Some(&path), &overrides);
        let Ok(variants) = RequestVariants::of(&line, none) else { return Ok(()) };
        let mut found: Vec<usize> = guards.matches(&variants).iter().map(|guard| guard.index).collect();
        found.sort_unstable();
        let matches_alone = |index: &usize| {
            let alone = table(&rows[*index..=*index]).unwrap();
            alone.matches(&line).unwrap().iter().any(|matching| matching.index().is_some())
        };
        let expected: Vec<usize> = (0..rows.len()).filter(matches_alone).collect();
        prop_assert_eq!(found, expected, "{} {} on {} of {:?}", method, path, host, rows);
    }
}
