//! For generated routes and all upstreams: no path that an upstream maps to a protected route bypasses that route.

use jwt_guard::route::RequestLine;
use jwt_guard_testkit::oracle::{Route, fold, matching_route, route, table};
use jwt_guard_testkit::upstreams::{LOWER_CASE, STEPS, as_written};
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};

/// `JWT_GUARD_CASES` sets the number of cases.
pub fn config() -> ProptestConfig {
    let cases = std::env::var("JWT_GUARD_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(20_000);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// Routes built from few names, so that several routes match the same path.
pub fn routes() -> impl Strategy<Value = Vec<Route>> {
    let segment = select(vec![
        "a", "a", "b", "b", "k", "A", "B", "c@d", "é", "{id}", "*", "a*", "*b", "a*b", "A*", "é*", "a*a",
        "*ab",
    ]);
    let path = (prop::collection::vec(segment, 0..4), select(vec!["", "", "/", "/**", "/**", "**"]))
        .prop_map(|(segments, end)| {
            // A template must not repeat a name, so each name gets its position.
            let named = segments
                .iter()
                .enumerate()
                .map(|(position, segment)| segment.replace("id", &format!("id{position}")));
            let is_text = segments.last().is_some_and(|last| !last.contains(['*', '{']));
            let end = if end == "**" && !is_text { "/**" } else { end };
            let path = named.map(|segment| format!("/{segment}")).collect::<String>() + end;
            if path.is_empty() { "/".to_owned() } else { path }
        });
    let methods = subsequence(vec!["GET", "HEAD", "POST", "DELETE"], 0..3);
    let hosts = subsequence(vec!["a.test", "b.a.test", "*.a.test", "*.test", "{t}.a.test", "{t}.test"], 0..2);
    let any = prop_oneof![3 => Just(true), 1 => Just(false)];
    let one = (path, methods, hosts, any.clone(), any).prop_map(
        |(path, methods, hosts, all_methods, all_hosts)| {
            route(&path, if all_methods { &[] } else { &methods }, if all_hosts { &[] } else { &hosts })
        },
    );
    prop::collection::vec(one, 0..8).prop_map(|routes| {
        // Other tests cover conflicts. Here the later of two conflicting routes is dropped.
        let mut kept: Vec<Route> = Vec::new();
        for route in routes {
            kept.push(route);
            if table(&kept).is_err() {
                kept.pop();
            }
        }
        kept
    })
}

/// Paths made of pieces that upstreams treat differently.
pub fn nasty_path() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => select(vec!["/", "/a", "/b", "/A", "a", "b", "/c@d", "/é"]),
        3 => select(vec!["/..", "/.", "..", ".", "//", "\\", ";", ";x", "/;", " ", "#"]),
        3 => select(vec!["%2f", "%2F", "%2e", "%2E", "/%2e%2e/", "%2f/", "%5c", "%3b", "%3f", "%23", "%20", "%61", "%41", "%40", "%c3%a9"]),
        1 => select(vec!["%c4%b1", "\u{212a}", "%ef%bc%8f", "%ef%bc%8e%ef%bc%8e", "\u{2025}", "%e2%88%95", "\u{ff41}", "%252f", "%252e", "%255c", "%2561", "%253b", "%25", "2f", "2e", "%", "%c0%af", "%00", "!", "é"]),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| format!("/{}", pieces.concat()))
}

pub fn target() -> impl Strategy<Value = (&'static str, &'static str, Vec<&'static str>)> {
    (
        select(vec!["a.test", "b.a.test", "c.b.a.test", "A.TEST.:443", "x.test:1", "other", ""]),
        select(vec!["GET", "GET", "HEAD", "POST", "DELETE", "PUT", "delete"]),
        subsequence(vec!["DELETE", "get", "PUT,POST"], 0..2),
    )
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_look_up_follows_the_precedence(routes in routes(), path in nasty_path(), target in target()) {
        let (host, method, _) = target;
        let found = table(&routes).unwrap().lookup(host.as_bytes(), method, &path).map(|found| *found.rule);
        prop_assert_eq!(found, matching_route(&routes, host, method, &path, false), "{} of {:?}", path, routes);
    }

    #[test]
    fn every_upstream_is_among_the_readings(
        routes in routes(),
        path in nasty_path(),
        target in target(),
        chain in prop::collection::vec(any::<Index>(), 0..6),
        method_choice in any::<Index>(),
    ) {
        let (host, method, overrides) = target;
        let table = table(&routes).unwrap();
        let request = RequestLine {
            host: host.as_bytes(),
            method: method.as_bytes(),
            path: Some(path.as_bytes()),
            method_overrides: overrides.iter().map(|value| value.as_bytes()).collect(),
        };
        let Ok(matches) = table.matches(&request) else { return Ok(()) };

        let mut seen = as_written(path.split('?').next().unwrap());
        let mut names = Vec::new();
        for step in chain {
            let (name, step) = step.get(STEPS);
            names.push(name);
            seen = seen.and_then(|path| step(&path));
        }
        let Some(seen) = seen else { return Ok(()) };
        let mut methods = vec![method.to_owned(), method.to_ascii_uppercase()];
        methods.extend(overrides.iter().flat_map(|value| value.split(',')).map(str::to_ascii_uppercase));
        let method = method_choice.get(&methods);

        // Upstreams may compare exactly or ignore letter case. If both give the same route, no other case matters.
        let exact = matching_route(&routes, host, method, &seen, false);
        let ignoring_case = matching_route(&routes, host, method, &fold(&seen), true);
        let mut rules = vec![exact];
        if exact != ignoring_case {
            rules.push(ignoring_case);
            let lower = LOWER_CASE.iter().filter_map(|(_, lower)| lower(&seen));
            rules.extend(lower.map(|seen| matching_route(&routes, host, method, &seen, false)));
        }
        for rule in rules {
            prop_assert!(
                matches.iter().any(|demand| demand.index() == rule),
                "{} is {} after {:?}, so {} route {:?} applies; evaluated: {:?} of {:?}",
                path, seen, names, method, rule, matches.iter().map(|demand| demand.index()).collect::<Vec<_>>(), routes
            );
        }
    }

    #[test]
    fn no_bytes_panic(
        path in prop::collection::vec(any::<u8>(), 0..40),
        method in prop::collection::vec(any::<u8>(), 0..4),
        host in prop::collection::vec(any::<u8>(), 0..20),
        value in prop::collection::vec(any::<u8>(), 0..8),
    ) {
        let table = table(&[route("/a/**", &["GET"], &["*.a.test"]), route("/{id}/B", &[], &[])]).unwrap();
        let absolute = [b"/", path.as_slice()].concat();
        for path in [Some(path.as_slice()), Some(absolute.as_slice()), None] {
            for method in [method.as_slice(), b"GET"] {
                let request = RequestLine { host: &host, method, path, method_overrides: vec![&value] };
                let _ = table.matches(&request).map(|matches| matches.iter().count());
            }
        }
    }
}
