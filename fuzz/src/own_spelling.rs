//! For a path as an ordinary client sends it, only the requirement of the matching route applies. For every other
//! spelling, the requirements of all path variants that an upstream may see apply too.
//!
//! The input selects the routes, one of the routes, a path that matches it, and the changes of an attacker.

use std::collections::BTreeSet;

use jwt_guard::route::{RequestLine, SkippedVariants, Table, VariantClass};

use jwt_guard_testkit::oracle::{Route, fold, matching_route, route, table};
use jwt_guard_testkit::upstreams::{LOWER_CASE, STEPS, UPSTREAMS, as_written};

/// Typical segments, some of which differ only in letter case, and wildcards.
const SEGMENTS: [&str; 36] = [
    "a",
    "A",
    "b",
    "admin",
    "ADMIN",
    "orders",
    "Orders",
    "myOrders",
    "myorders",
    "grpc.health.v1.Health",
    "Check",
    "check",
    "v1.2",
    "c@d",
    "things:cancel",
    "my docs",
    "My Docs",
    "caf\u{e9}",
    "CAF\u{c9}",
    "\u{dc}ber",
    "stra\u{df}e",
    "STRASSE",
    "adm\u{131}n",
    "\u{3bf}\u{3b4}\u{3cc}\u{3c2}",
    "\u{65e5}\u{672c}",
    "a<b>^`|\"",
    "[x]",
    "index.php",
    "{}",
    "*",
    "{}",
    "*",
    "my*",
    "*s",
    "A*n",
    "caf*",
];

/// Values for wildcards; some, such as `Pub`, occur in no template.
const VALUES: [&str; 12] = [
    "1",
    "Pub",
    "pub",
    "admin",
    "Admin",
    "myorders",
    "MYORDERS",
    "a b",
    "caf\u{e9}",
    "Check",
    "x{y}",
    "v1.2",
];

const METHODS: [&str; 4] = ["GET", "HEAD", "POST", "DELETE"];
const HOSTS: [&str; 4] = ["a.test", "b.a.test", "*.a.test", "*.test"];
const REQUEST_HOSTS: [&str; 5] = ["a.test", "b.a.test:8443", "c.b.a.test", "x.test", "other"];

/// Whether the template of the chosen path has no wildcards and the path has one variant only.
pub fn holds(data: &[u8]) -> bool {
    let mut bytes = Bytes(data);
    let routes = routes(&mut bytes);
    let table = table(&routes).unwrap();
    let Some(chosen) = bytes.choose_of(&routes) else { return false };
    let method = chosen.methods.first().map_or("GET", String::as_str);
    let host = bytes.choose(&REQUEST_HOSTS);
    let path = path_under(&chosen.path, &mut bytes);
    let request =
        |path: &str| TestCase { table: &table, routes: &routes, host, method, path: path.to_owned() };

    let own = request(&percent_encoded(&path, &mut bytes)).check_own_spelling(&path, &mut bytes);
    let attack = mutated(&percent_encoded(&path, &mut bytes), &mut bytes);
    request(&attack).check_upstreams(&mut bytes);
    own
}

/// Routes built from few names, so that they nest and overlap.
fn routes(bytes: &mut Bytes<'_>) -> Vec<Route> {
    let mut kept: Vec<Route> = Vec::new();
    for _ in 0..=bytes.below(8) {
        let mut path = String::new();
        for position in 0..bytes.below(5) {
            let segment = bytes.choose(&SEGMENTS).replace("{}", &format!("{{id{position}}}"));
            path.push('/');
            path.push_str(&segment);
        }
        if path.is_empty() || bytes.below(4) == 0 {
            path.push_str("/**");
        }
        let some = |list: &[&'static str], bytes: &mut Bytes<'_>| {
            let count = [0, 0, 1, 2][bytes.below(4)];
            let chosen: BTreeSet<_> = (0..count).map(|_| bytes.choose(list)).collect();
            chosen.into_iter().collect::<Vec<_>>()
        };
        let methods = some(&METHODS, bytes);
        kept.push(route(&path, &methods, &some(&HOSTS, bytes)));
        // Other tests cover conflicts. Here the later of two conflicting routes is dropped.
        if table(&kept).is_err() {
            kept.pop();
        }
    }
    kept
}

/// A decoded path that matches the template.
fn path_under(template: &str, bytes: &mut Bytes<'_>) -> String {
    let mut path = String::new();
    for segment in template.trim_start_matches('/').split('/') {
        match segment {
            "**" => (0..bytes.below(3)).for_each(|_| path.push_str(&format!("/{}", bytes.choose(&VALUES)))),
            segment if segment == "*" || segment.starts_with("{id") => {
                path.push_str(&format!("/{}", bytes.choose(&VALUES)));
            }
            partial if partial.contains('*') => {
                path.push_str(&format!("/{}", partial.replacen('*', bytes.choose(&VALUES), 1)));
            }
            literal => path.push_str(&format!("/{literal}")),
        }
    }
    if path.is_empty() { "/".to_owned() } else { path }
}

/// The path as a client sends it: only characters that RFC 3986 does not allow in a path are percent-encoded.
fn percent_encoded(path: &str, bytes: &mut Bytes<'_>) -> String {
    let upper = bytes.below(4) > 0;
    let mut sent = String::new();
    for byte in path.bytes() {
        match byte {
            b' ' | b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'|' | b'}' | b'[' | b']' | 0x80.. if upper => {
                sent.push_str(&format!("%{byte:02X}"));
            }
            b' ' | b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'|' | b'}' | b'[' | b']' | 0x80.. => {
                sent.push_str(&format!("%{byte:02x}"));
            }
            byte => sent.push(char::from(byte)),
        }
    }
    sent
}

/// The path with up to four changes that an attacker may make.
fn mutated(sent: &str, bytes: &mut Bytes<'_>) -> String {
    const INSERTED: [&str; 14] = [
        "/",
        "/./",
        "/x/../",
        ";x",
        "%2f",
        "%2F..%2f",
        "\\",
        "%20",
        ".",
        "%5c",
        "%3b",
        "%252f",
        "%23",
        "%EF%BD%81",
    ];
    let mut path: Vec<String> = sent.chars().map(String::from).collect();
    for _ in 0..=bytes.below(3) {
        let Some(at) = bytes.below(path.len()).checked_sub(1).map(|at| at + 1) else { continue };
        let character = path[at].clone();
        // A change to the digits of an escape would break the escape.
        let is_escape = path[at.saturating_sub(2)..=at].iter().any(|part| part == "%");
        match (bytes.below(5), character.as_bytes()) {
            (0, [letter]) if !is_escape && letter.is_ascii_lowercase() => path[at] = character.to_uppercase(),
            (0, [letter]) if !is_escape && letter.is_ascii_uppercase() => path[at] = character.to_lowercase(),
            (1, [byte]) if !is_escape => path[at] = format!("%{byte:02x}"),
            (2, [byte]) if !is_escape => path[at] = format!("%25{byte:02X}"),
            _ if !is_escape => path[at].insert_str(0, bytes.choose(&INSERTED)),
            _ => {}
        }
    }
    path.concat()
}

struct TestCase<'a> {
    table: &'a Table<usize>,
    routes: &'a [Route],
    host: &'a str,
    method: &'a str,
    path: String,
}

impl TestCase<'_> {
    fn rules(&self, table: &Table<usize>) -> Option<Vec<Option<usize>>> {
        let target = RequestLine {
            host: self.host.as_bytes(),
            method: self.method.as_bytes(),
            path: Some(self.path.as_bytes()),
            method_overrides: vec![],
        };
        let matches = table.matches(&target).ok()?;
        Some(matches.iter().map(|demand| demand.index()).collect())
    }

    fn matching_route(&self, path: &str) -> Option<usize> {
        matching_route(self.routes, self.host, self.method, path, false)
    }

    fn is_literal(&self, rule: Option<usize>) -> bool {
        rule.is_some_and(|rule| !self.routes[rule].path.contains(['{', '*']))
    }

    /// The routes that upstreams may choose for this path. The requirements of all of them must apply.
    fn choices(&self, seen: &str) -> Vec<Option<usize>> {
        let exact = self.matching_route(seen);
        let ignoring_case = matching_route(self.routes, self.host, self.method, &fold(seen), true);
        let mut choices = vec![exact, ignoring_case];
        if exact != ignoring_case {
            choices.extend(
                LOWER_CASE.iter().filter_map(|(_, lower)| lower(seen)).map(|seen| self.matching_route(&seen)),
            );
        }
        choices
    }

    fn check_own_spelling(&self, written: &str, bytes: &mut Bytes<'_>) -> bool {
        let rules = self.rules(self.table).unwrap_or_else(|| panic!("the path {} is denied", self.path));
        let own = self.matching_route(written);
        let describe =
            || format!("{} of {:?}, {} {}: {rules:?}", self.path, self.routes, self.method, self.host);
        assert_eq!(rules.first(), Some(&own), "{}", describe());
        let expected: BTreeSet<_> = self.choices(written).into_iter().collect();
        assert!(expected.iter().all(|rule| rules.contains(rule)), "{}", describe());
        let is_literal = self.is_literal(own);
        // A path that a normalization other than letter case changes has more path variants: `jwtguard check` warns.
        let is_unchanged = STEPS.iter().all(|(_, step)| step(written).is_some_and(|seen| seen == written));
        let has_one_reading = is_unchanged && !fold(written).contains(".php/");
        if has_one_reading {
            // Routes with a more specific host take precedence, also for upstreams that ignore case.
            let has_hosts = self.routes.iter().any(|route| !route.hosts.is_empty());
            assert!(!is_literal || has_hosts || rules.len() == 1, "{}", describe());
            assert!(expected.len() > 1 || rules.len() == 1, "{}", describe());
        }
        self.check_skipped(&rules, bytes);
        is_literal && has_one_reading
    }

    /// A skipped class only removes rules, and never the rule of the path as written.
    fn check_skipped(&self, rules: &[Option<usize>], bytes: &mut Bytes<'_>) {
        let class = VariantClass::SKIPPABLE[bytes.below(VariantClass::SKIPPABLE.len())];
        let skipping = self.table.clone().skipping(SkippedVariants::default().with(class));
        let Some(fewer) = self.rules(&skipping) else {
            panic!("the path {} is denied without {class}", self.path)
        };
        assert_eq!(fewer.first(), rules.first());
        assert!(fewer.iter().all(|rule| rules.contains(rule)), "{} without {class}", self.path);
    }

    fn check_upstreams(&self, bytes: &mut Bytes<'_>) {
        let Some(rules) = self.rules(self.table) else { return };
        self.check_skipped(&rules, bytes);
        let Some(written) = as_written(&self.path) else { return };
        let mut seen = vec![("as written", Some(written.clone()), false)];
        for _ in 0..4 {
            let (name, upstream, ignores_case) = UPSTREAMS[bytes.below(UPSTREAMS.len())];
            seen.push((name, upstream(&written), ignores_case));
        }
        let steps = [(); 3].map(|()| STEPS[bytes.below(STEPS.len())]);
        seen.push(("steps", steps.iter().try_fold(written, |path, (_, step)| step(&path)), false));
        for (name, seen, ignores_case) in seen {
            let choices = seen.iter().flat_map(|seen| match ignores_case {
                true => vec![matching_route(self.routes, self.host, self.method, &fold(seen), true)],
                false => self.choices(seen),
            });
            for choice in choices {
                assert!(
                    rules.contains(&choice),
                    "{}: {name} sees {seen:?} and chooses route {choice:?}; evaluated: {rules:?} of {:?}",
                    self.path,
                    self.routes
                );
            }
        }
    }
}

/// Choices taken from the input; after its end, the first option.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn below(&mut self, bound: usize) -> usize {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        usize::from(*first) % bound.max(1)
    }

    fn choose<'t>(&mut self, list: &[&'t str]) -> &'t str {
        list[self.below(list.len())]
    }

    fn choose_of<'t, T>(&mut self, list: &'t [T]) -> Option<&'t T> {
        list.get(self.below(list.len()))
    }
}
