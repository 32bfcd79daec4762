//! A second implementation of route precedence. It compares all routes by the text of their templates.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: an unexpected result fails the test with its location"
)]

use jwt_guard::route::{Entry, HostPattern, Method, Table, Template};
use std::collections::BTreeMap;

/// A route as text.
#[derive(Debug, Clone, Default)]
pub struct Route {
    /// Its template.
    pub path: String,
    /// Its methods; empty means all methods.
    pub methods: Vec<String>,
    /// Its hosts; empty means all hosts.
    pub hosts: Vec<String>,
}

/// A route from texts.
pub fn route(path: &str, methods: &[&str], hosts: &[&str]) -> Route {
    let own = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
    Route { path: path.to_owned(), methods: own(methods), hosts: own(hosts) }
}

/// The route table of the filter; the rule of each route is the route's index.
pub fn table(routes: &[Route]) -> Result<Table<usize>, Vec<(usize, usize)>> {
    let entries = routes.iter().enumerate().map(|(rule, route)| Entry {
        template: Template::parse(&route.path).unwrap(),
        methods: route.methods.iter().map(|method| Method::parse(method).unwrap()).collect(),
        hosts: route.hosts.iter().map(|host| HostPattern::parse(host).unwrap()).collect(),
        route: rule,
        path: 0,
        compares_parameters: false,
        rule,
    });
    Table::build(entries.collect())
        .map_err(|conflicts| conflicts.iter().map(|conflict| (conflict.first, conflict.second)).collect())
}

/// The text for a comparison that ignores letter case by any of the usual methods.
pub fn fold(text: &str) -> String {
    let lower = text.to_lowercase().replace("i\u{307}", "i").replace('\u{131}', "i");
    lower.replace('\u{17f}', "s").replace('\u{df}', "ss").replace('\u{3c2}', "\u{3c3}")
}

/// The route that matches one path variant. With `ignore_case`, templates are compared by [`fold`]; the caller folds
/// the path.
pub fn matching_route(
    routes: &[Route],
    host: &str,
    method: &str,
    path: &str,
    ignore_case: bool,
) -> Option<usize> {
    // Matching templates of equal rank are the same template. Its best entry for the method applies.
    let mut templates: BTreeMap<Vec<u8>, Vec<usize>> = BTreeMap::new();
    for (index, route) in routes.iter().enumerate() {
        let text = if ignore_case { fold(&route.path) } else { route.path.clone() };
        let Some(path_rank) = path_rank(&text, path) else { continue };
        let hosts: Vec<_> = route.hosts.iter().filter_map(|pattern| host_rank(pattern, host)).collect();
        let host_ranks = if route.hosts.is_empty() { vec![0] } else { hosts };
        for host_rank in host_ranks {
            let mut rank = host_rank.to_be_bytes().to_vec();
            rank.extend(&path_rank);
            templates.entry(rank).or_default().push(index);
        }
    }
    templates.into_values().rev().find_map(|entries| {
        let lists = |name: &str| {
            entries.iter().copied().find(|index| routes[*index].methods.iter().any(|listed| listed == name))
        };
        let unlisted = || entries.iter().copied().find(|index| routes[*index].methods.is_empty());
        let following = || if method == "HEAD" { lists("GET") } else { None };
        lists(method).or_else(following).or_else(unlisted)
    })
}

/// How specific a matching template is: greater means more specific.
fn path_rank(template: &str, path: &str) -> Option<Vec<u8>> {
    const REST_BEFORE_END: u8 = 0;
    const SLASH: u8 = 1;
    const REST_AT_SLASH: u8 = 2;
    const END: u8 = 3;
    const WILDCARD: u8 = 4;
    const PARTIAL: u8 = 5;
    const LITERAL: u8 = 6;
    let segments = |text: &str| -> Vec<String> {
        text.trim_start_matches('/')
            .split('/')
            .map(str::to_owned)
            .filter(|segment| !segment.is_empty())
            .collect()
    };
    let template = segments(template);
    let mut rest: Vec<String> = path[1..].split('/').map(str::to_owned).collect();
    if path == "/" {
        rest.clear();
    }
    let mut rest = rest.into_iter().peekable();
    let mut rank = Vec::new();
    for segment in template {
        if segment == "**" {
            let remaining: Vec<_> = rest.collect();
            rank.push(if remaining == [""] { REST_AT_SLASH } else { REST_BEFORE_END });
            return Some(rank);
        }
        let next = rest.next()?;
        // `a**` is `a*` with everything below it.
        let (segment, covers_rest) = match segment.strip_suffix("**") {
            Some(text) => (format!("{text}*"), true),
            None => (segment, false),
        };
        if segment == "*" || segment.starts_with('{') {
            if next.is_empty() {
                return None;
            }
            rank.push(WILDCARD);
        } else if let Some((start, end)) = segment.split_once('*') {
            if next.len() < start.len() + end.len() || !next.starts_with(start) || !next.ends_with(end) {
                return None;
            }
            rank.push(PARTIAL);
            rank.extend([start.len() + end.len(), start.len()].map(|length| u8::try_from(length).unwrap()));
        } else if segment == next {
            rank.push(LITERAL);
        } else {
            return None;
        }
        if covers_rest {
            let remaining: Vec<_> = rest.collect();
            rank.push(if remaining == [""] { REST_AT_SLASH } else { REST_BEFORE_END });
            return Some(rank);
        }
    }
    match rest.collect::<Vec<_>>().as_slice() {
        [] => rank.push(END),
        [last] if last.is_empty() => rank.push(SLASH),
        _ => return None,
    }
    Some(rank)
}

fn host_rank(pattern: &str, host: &str) -> Option<u32> {
    let plain = |host: &str| {
        let name = host.split(':').next().unwrap().to_ascii_lowercase();
        name.strip_suffix('.').map(str::to_owned).unwrap_or(name)
    };
    let host = plain(host);
    let is_under = |suffix: &str| host.strip_suffix(suffix).is_some_and(|label| !label.is_empty());
    match pattern.split_once('.') {
        Some(("*", suffix)) => {
            let suffix = format!(".{}", plain(suffix));
            is_under(&suffix).then_some(2 * suffix.len() as u32)
        }
        Some((label, suffix)) if label.starts_with('{') => {
            let suffix = format!(".{}", plain(suffix));
            let is_one_label = host.strip_suffix(&suffix).is_some_and(|label| !label.contains('.'));
            (is_under(&suffix) && is_one_label).then_some(2 * suffix.len() as u32 + 1)
        }
        _ => (plain(pattern) == host).then_some(1000),
    }
}
