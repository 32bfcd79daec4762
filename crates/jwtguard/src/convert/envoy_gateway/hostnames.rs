//! Host names of routes and listeners.

/// The host names of a route on a listener: those that both have. A name `*.SUFFIX` stands for every name below it.
pub fn intersection<'t>(route: &[&'t str], listener: Option<&'t str>) -> Vec<&'t str> {
    match (route, listener) {
        ([], None) => vec!["*"],
        ([], Some(listener)) => vec![listener],
        (route, None) => route.to_vec(),
        (route, Some(listener)) => {
            let both = |name: &&'t str| {
                let name: &'t str = name;
                if covers(listener, name) { Some(name) } else { covers(name, listener).then_some(listener) }
            };
            route.iter().filter_map(both).collect()
        }
    }
}

/// Whether every name of `other` is one of `pattern`.
fn covers(pattern: &str, other: &str) -> bool {
    pattern == other
        || pattern.strip_prefix('*').is_some_and(|suffix| {
            // A name below the suffix is longer than the suffix.
            other.trim_start_matches('*').ends_with(suffix) && other.len() > suffix.len()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_both() {
        for (route, listener, expected) in [
            (vec![], None, vec!["*"]),
            (vec![], Some("*.a.example"), vec!["*.a.example"]),
            (vec!["x.a.example"], None, vec!["x.a.example"]),
            (vec!["x.a.example", "b.example"], Some("*.a.example"), vec!["x.a.example"]),
            (vec!["*.example"], Some("*.a.example"), vec!["*.a.example"]),
            (vec!["*.example"], Some("a.example"), vec!["a.example"]),
            (vec!["*.x.a.example"], Some("*.a.example"), vec!["*.x.a.example"]),
            (vec!["a.example"], Some("*.a.example"), vec![]),
            (vec!["xa.example"], Some("*.a.example"), vec![]),
        ] {
            assert_eq!(intersection(&route, listener), expected, "{route:?} {listener:?}");
        }
    }
}
