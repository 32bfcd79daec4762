//! The path variants include the path that each upstream sees, and all variants of the variants.
//!
//! The first three bytes of the input select three normalizations, the other bytes are the path.

use std::collections::BTreeSet;

use jwt_guard::route::{Ambiguity, AmbiguousPath, RequestLine, RequestVariants, SkippedVariants, Table};

use jwt_guard_testkit::oracle::{Route, fold, matching_route, route, table};
use jwt_guard_testkit::upstreams::{LOWER_CASE, STEPS, UPSTREAMS, as_written};

const HOST: &str = "a.test";
const MAX_VARIANTS: usize = 32;
const MAX_BYTES: usize = 32 * 1024;

/// Whether the path is accepted and has path variants.
pub fn holds(data: &[u8]) -> bool {
    let Some((chain, path)) = data.split_first_chunk::<3>() else { return false };
    let path = [b"/", path].concat();
    let read = match readings(&path) {
        Ok(read) => read,
        Err(error) => {
            assert!(!is_plain(&path), "{error:?}");
            return false;
        }
    };
    let as_sent = path.split(|byte| *byte == b'?').next().unwrap();
    let written = as_written(std::str::from_utf8(as_sent).unwrap()).unwrap();
    assert_eq!(read[0], written);
    assert!(read.len() <= MAX_VARIANTS);
    assert!(read.len() == 1 || read.iter().map(String::len).sum::<usize>() <= MAX_BYTES);
    assert!(!is_plain(as_sent) || read.len() == 1);
    let distinct: BTreeSet<&str> = read.iter().map(String::as_str).collect();
    assert_eq!(distinct.len(), read.len(), "a path variant occurs twice");

    let (routes, table) = (routes(), table(&routes()).unwrap());
    let rules = matches(&table, &path).unwrap();
    for reading in &read {
        assert!(reading.starts_with('/') && !reading.contains(char::is_control), "{reading:?}");
        check_again(&table, reading, &distinct, &rules);
    }
    for (name, upstream, ignores_case) in UPSTREAMS {
        if let Some(seen) = upstream(&written) {
            check_upstream(&routes, name, &seen, *ignores_case, &rules);
        }
    }
    let steps = chain.map(|byte| STEPS[usize::from(byte) % STEPS.len()]);
    let names = steps.map(|(name, _)| name).join(", ");
    if let Some(seen) = steps.iter().try_fold(written, |path, (_, step)| step(&path)) {
        check_upstream(&routes, &names, &seen, false, &rules);
    }
    true
}

fn readings(path: &[u8]) -> Result<Vec<String>, AmbiguousPath> {
    let readings = jwt_guard::route::path_variants(path, SkippedVariants::default())?;
    Ok(readings.into_iter().map(|(reading, _)| reading).collect())
}

/// Overlapping routes built from few names.
fn routes() -> Vec<Route> {
    vec![
        route("/a", &[], &[]),
        route("/a/**", &[], &[]),
        route("/a/{id}/b", &["GET"], &[]),
        route("/a/b/c", &[], &[HOST]),
        route("/b/*", &[], &[]),
        route("/B/a/**", &[], &[]),
        route("/{x}/k/**", &["GET"], &[]),
        route("/é/s", &[], &[]),
        route("/c@d", &[], &["*.test"]),
        route("/a b", &[], &[]),
    ]
}

fn matches(table: &Table<usize>, path: &[u8]) -> Result<BTreeSet<Option<usize>>, AmbiguousPath> {
    let target =
        RequestLine { host: HOST.as_bytes(), method: b"GET", path: Some(path), method_overrides: vec![] };
    let variants = RequestVariants::of(&target, table.skipped())?;
    let matches = table.matches_of(&variants);
    let rules: BTreeSet<_> = matches.iter().map(|demand| demand.index()).collect();
    assert_eq!(rules.len(), matches.iter().count(), "a rule occurs twice");
    assert!(variants.ambiguity() != Ambiguity::Unambiguous || readings(path).unwrap().len() == 1);
    Ok(rules)
}

/// A path variant, sent as a path, has no variant and no rule that the original path does not have.
fn check_again(table: &Table<usize>, reading: &str, of: &BTreeSet<&str>, rules: &BTreeSet<Option<usize>>) {
    let again = match readings(reading.as_bytes()) {
        Ok(again) => again,
        // Decoding can produce a literal `%`. In a sent path, that `%` would be a broken escape.
        Err(error) => return assert_eq!(error, AmbiguousPath::BrokenEscape, "{reading:?}"),
    };
    for other in &again {
        let known = of.iter().any(|of| of == other || as_written(of).as_ref() == Some(other));
        assert!(known, "{other:?} is a variant of {reading:?}, but not of the path");
    }
    let added = matches(table, reading.as_bytes()).unwrap();
    assert!(added.is_subset(rules), "{reading:?}");
}

/// Checks the rules for an upstream that sees that path. The upstream may compare without regard to case, exactly or,
/// if the results differ, in lower case.
fn check_upstream(
    routes: &[Route],
    name: &str,
    seen: &str,
    ignores_case: bool,
    rules: &BTreeSet<Option<usize>>,
) {
    let exact = matching_route(routes, HOST, "GET", seen, false);
    let ignoring_case = matching_route(routes, HOST, "GET", &fold(seen), true);
    if exact.is_some_and(|rule| !routes[rule].path.contains(['{', '*'])) {
        // A template without wildcards: only its own route applies.
        return assert!(rules.contains(&exact) || ignores_case, "{name} sees {seen:?}: {exact:?}, {rules:?}");
    }
    let mut seen_rules = vec![ignoring_case];
    if !ignores_case {
        seen_rules.push(exact);
    }
    if !ignores_case && exact != ignoring_case {
        let lower = LOWER_CASE.iter().filter_map(|(_, lower)| lower(seen));
        seen_rules.extend(lower.map(|seen| matching_route(routes, HOST, "GET", &seen, false)));
    }
    for rule in seen_rules {
        assert!(
            rules.contains(&rule),
            "{name} sees {seen:?} and chooses route {rule:?}; evaluated: {rules:?}"
        );
    }
}

/// Whether every upstream sees the path unchanged.
fn is_plain(path: &[u8]) -> bool {
    let plain = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_~".contains(byte);
    path.split(|byte| *byte == b'/').skip(1).all(|segment| !segment.is_empty() && segment.iter().all(plain))
}
