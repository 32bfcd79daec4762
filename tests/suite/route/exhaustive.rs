//! All paths up to a length, made of characters that upstreams treat differently, for every upstream and every pair of
//! upstreams.

use jwt_guard::route::RequestLine;
use jwt_guard_testkit::oracle::{Route, matching_route, route, table};
use jwt_guard_testkit::upstreams::UPSTREAMS;
use std::collections::BTreeMap;

/// Characters of attacks, and a few characters for names.
const CHARACTERS: [&str; 11] = ["/", ".", ";", "\\", "%", "2", "5", "e", "f", "c", "a"];

/// Pieces of several characters, for attacks that need longer paths.
const PIECES: [&str; 18] = [
    "/", "..", ".", ";x", "\\", "%2f", "%2e", "%2e%2e", "%5c", "%3b", "%25", "%61", "%20", "%23", "a", "A",
    "c", "b@",
];

/// Pieces that some platforms do not treat as part of a name.
const PECULIARITIES: [&str; 13] = [
    "/",
    ";",
    "%3b",
    "%3f",
    "::$DATA",
    ":$i30:$index_allocation",
    "(S(x))",
    "(a(x)s(y))",
    "index.php",
    "..",
    "a",
    "A",
    "c",
];

/// The maximum number of pieces in a path: `JWT_GUARD_PATH_LENGTH`, or a default that takes seconds.
fn length(usual: usize) -> usize {
    std::env::var("JWT_GUARD_PATH_LENGTH").ok().and_then(|length| length.parse().ok()).unwrap_or(usual)
}

/// `/a` and everything below it is protected, with an exception below it and a similar route in upper case. All other
/// paths are anonymous.
fn routes() -> Vec<Route> {
    ["/**", "/a/**", "/a/c", "/{id}/A/**", "/b@/c", "/*/c", "/{id}"]
        .map(|path| route(path, &[], &[]))
        .to_vec()
}

#[test]
fn no_short_path_bypasses_a_protected_route() {
    let mut paths = Paths::default();
    for prefix in ["/", "/a", "/c/"] {
        paths.all(prefix, &CHARACTERS, length(4));
    }
    println!("{paths:?}");
    assert!(paths.protected > 1000, "{paths:?}: too few paths reach a protected route");
}

#[test]
fn no_path_of_encoded_pieces_bypasses_a_protected_route() {
    let mut paths = Paths::default();
    for prefix in ["/", "/a", "/c/"] {
        paths.all(prefix, &PIECES, length(3));
    }
    println!("{paths:?}");
    assert!(paths.protected > 1000, "{paths:?}: too few paths reach a protected route");
}

#[test]
fn no_path_of_platform_peculiarities_bypasses_a_protected_route() {
    let mut paths = Paths::default();
    for prefix in ["/", "/a", "/index.php/", "/(S(x))/"] {
        paths.all(prefix, &PECULIARITIES, length(3));
    }
    println!("{paths:?}");
    assert!(paths.protected > 1000, "{paths:?}: too few paths reach a protected route");
}

#[derive(Debug, Default)]
struct Paths {
    checked: usize,
    refused: usize,
    protected: usize,
}

impl Paths {
    fn all(&mut self, prefix: &str, alphabet: &[&str], length: usize) {
        let routes = routes();
        let table = table(&routes).unwrap();
        let mut path = prefix.to_owned();
        self.extend(&mut path, alphabet, length, &mut |paths, path| {
            paths.checked += 1;
            let request = RequestLine {
                host: b"",
                method: b"GET",
                path: Some(path.as_bytes()),
                method_overrides: Vec::new(),
            };
            let Ok(matches) = table.matches(&request) else {
                paths.refused += 1;
                return;
            };
            let rules: Vec<_> = matches.iter().map(|demand| demand.index()).collect();
            for ((seen, ignores_case), names) in seen_behind_a_hop(path) {
                let rule = matching_route(&routes, "", "GET", &seen, ignores_case);
                paths.protected += usize::from(rule == Some(1));
                assert!(
                    rules.contains(&rule),
                    "{path}: {names:?} see {seen} and choose route {rule:?}; evaluated: {rules:?}"
                );
            }
        });
    }

    fn extend(
        &mut self,
        path: &mut String,
        alphabet: &[&str],
        length: usize,
        check: &mut impl FnMut(&mut Self, &str),
    ) {
        check(self, path);
        if length == 0 {
            return;
        }
        for piece in alphabet {
            path.push_str(piece);
            self.extend(path, alphabet, length - 1, check);
            path.truncate(path.len() - piece.len());
        }
    }
}

/// The paths that each upstream sees after each other upstream as a hop before it, with the first pair that produces
/// the path. The first upstream changes nothing, so each upstream without a hop is included.
fn seen_behind_a_hop(path: &str) -> BTreeMap<(String, bool), (&'static str, &'static str)> {
    let mut hops: BTreeMap<String, &str> = BTreeMap::new();
    for (name, hop, _) in UPSTREAMS {
        hops.extend(hop(path).filter(|seen| !hops.contains_key(seen)).map(|seen| (seen, *name)));
    }
    let mut all = BTreeMap::new();
    for (hop, first) in hops {
        for (second, upstream, ignores_case) in UPSTREAMS {
            let Some(seen) = upstream(&hop) else { continue };
            let seen = if *ignores_case { seen.to_ascii_lowercase() } else { seen };
            all.entry((seen, *ignores_case)).or_insert((first, *second));
        }
    }
    all
}
