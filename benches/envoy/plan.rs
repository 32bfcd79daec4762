//! The scenarios, and the pairs of scenarios that the table compares.

use super::listeners::{FEW_ROUTES, NATIVE_RULES, OUR_ROUTES, prefix};
use super::tokens::{EDDSA, ES256, PS256, RS256, TokenSet};

/// Requests of one kind to one listener.
#[derive(Debug, Clone)]
pub struct Scenario {
    pub name: &'static str,
    pub listener: &'static str,
    pub token_set: TokenSet,
    pub order: Order,
    pub path: String,
    pub status: u16,
    pub requests: usize,
    /// The scenario that sends the same requests to the listener without filters.
    pub base: &'static str,
}

/// The order in which the tokens of a token set are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The same hundred tokens again and again: cache hits.
    Repeated,
    /// Every token once, then again from the start of the set, which is larger than any cache: cache misses.
    New,
    /// One new token in ten requests, the others repeated.
    Mixed,
}

/// A row of the table: our scenario and the reference scenario.
pub struct Row {
    pub title: &'static str,
    pub ours: &'static str,
    pub reference: &'static str,
    /// The highest ratio, ours divided by the reference, that the design of the project allows.
    pub target: Option<f64>,
}

pub struct Plan {
    pub scenarios: Vec<Scenario>,
    pub rows: Vec<Row>,
    /// The column titles of ours and the reference.
    pub sides: [&'static str; 2],
}

/// name, listener, token set, order, status, requests per round, base
type ScenarioRow = (&'static str, &'static str, TokenSet, Order, u16, usize, &'static str);

const SCENARIOS: &[ScenarioRow] = &[
    ("base", "none", TokenSet::Small(RS256), Order::Repeated, 200, 12_000, "base"),
    ("new RS256: native", "native", TokenSet::Small(RS256), Order::New, 200, 2000, "base"),
    ("new RS256: native, RBAC", "native_rbac", TokenSet::Small(RS256), Order::New, 200, 2000, "base"),
    (
        "new RS256: native, cache, RBAC",
        "native_cache_rbac",
        TokenSet::Small(RS256),
        Order::New,
        200,
        2000,
        "base",
    ),
    ("new RS256: ours, cache off", "ours_off", TokenSet::Small(RS256), Order::New, 200, 2000, "base"),
    ("new RS256: ours", "ours", TokenSet::Small(RS256), Order::New, 200, 2000, "base"),
    ("new ES256: native, RBAC", "native_rbac", TokenSet::Small(ES256), Order::New, 200, 2000, "base"),
    ("new ES256: ours", "ours", TokenSet::Small(ES256), Order::New, 200, 2000, "base"),
    ("new PS256: native, RBAC", "native_rbac", TokenSet::Small(PS256), Order::New, 200, 1500, "base"),
    ("new PS256: ours", "ours", TokenSet::Small(PS256), Order::New, 200, 500, "base"),
    ("new EdDSA: native, RBAC", "native_rbac", TokenSet::Small(EDDSA), Order::New, 200, 1500, "base"),
    ("new EdDSA: ours", "ours", TokenSet::Small(EDDSA), Order::New, 200, 500, "base"),
    (
        "new large RS256: native, RBAC",
        "native_rbac",
        TokenSet::Large(RS256),
        Order::New,
        200,
        1000,
        "base large",
    ),
    ("new large RS256: ours", "ours", TokenSet::Large(RS256), Order::New, 200, 1000, "base large"),
    ("base large", "none", TokenSet::Large(RS256), Order::Repeated, 200, 8000, "base large"),
    (
        "repeated large: native, cache, RBAC",
        "native_cache_rbac",
        TokenSet::Large(RS256),
        Order::Repeated,
        200,
        3000,
        "base large",
    ),
    ("repeated large: ours", "ours", TokenSet::Large(RS256), Order::Repeated, 200, 3000, "base large"),
    (
        "repeated RS256: native, cache",
        "native_cache",
        TokenSet::Small(RS256),
        Order::Repeated,
        200,
        5000,
        "base",
    ),
    (
        "repeated RS256: native, cache, RBAC",
        "native_cache_rbac",
        TokenSet::Small(RS256),
        Order::Repeated,
        200,
        5000,
        "base",
    ),
    ("repeated RS256: ours", "ours", TokenSet::Small(RS256), Order::Repeated, 200, 5000, "base"),
    (
        "repeated ES256: native, cache, RBAC",
        "native_cache_rbac",
        TokenSet::Small(ES256),
        Order::Repeated,
        200,
        3000,
        "base",
    ),
    ("repeated ES256: ours", "ours", TokenSet::Small(ES256), Order::Repeated, 200, 3000, "base"),
    (
        "repeated PS256: native, cache, RBAC",
        "native_cache_rbac",
        TokenSet::Small(PS256),
        Order::Repeated,
        200,
        3000,
        "base",
    ),
    ("repeated PS256: ours", "ours", TokenSet::Small(PS256), Order::Repeated, 200, 3000, "base"),
    (
        "repeated EdDSA: native, cache, RBAC",
        "native_cache_rbac",
        TokenSet::Small(EDDSA),
        Order::Repeated,
        200,
        3000,
        "base",
    ),
    ("repeated EdDSA: ours", "ours", TokenSet::Small(EDDSA), Order::Repeated, 200, 3000, "base"),
    (
        "mixed: native, cache, RBAC",
        "native_cache_rbac",
        TokenSet::Small(RS256),
        Order::Mixed,
        200,
        3000,
        "base",
    ),
    ("mixed: ours", "ours", TokenSet::Small(RS256), Order::Mixed, 200, 3000, "base"),
    ("expired: native", "native_cache_rbac", TokenSet::Expired, Order::New, 401, 2000, "base"),
    ("expired: ours", "ours", TokenSet::Expired, Order::New, 401, 2000, "base"),
    ("forged: native", "native_cache_rbac", TokenSet::Forged, Order::New, 401, 2000, "base"),
    ("forged: ours", "ours", TokenSet::Forged, Order::New, 401, 2000, "base"),
    ("roleless: native", "native_cache_rbac", TokenSet::Roleless, Order::Repeated, 403, 3000, "base"),
    ("roleless: ours", "ours", TokenSet::Roleless, Order::Repeated, 403, 3000, "base"),
    ("no token: native", "native_cache_rbac", TokenSet::None, Order::Repeated, 401, 3000, "base no token"),
    ("base no token", "none", TokenSet::None, Order::Repeated, 200, 8000, "base no token"),
    ("no token: ours", "ours", TokenSet::None, Order::Repeated, 401, 3000, "base no token"),
    ("few routes: native", "native_few", TokenSet::Small(RS256), Order::Repeated, 200, 4000, "base"),
    ("many routes: native", "native_many", TokenSet::Small(RS256), Order::Repeated, 200, 4000, "base"),
    ("few routes: ours", "ours_few", TokenSet::Small(RS256), Order::Repeated, 200, 5000, "base"),
    ("many routes: ours", "ours_many", TokenSet::Small(RS256), Order::Repeated, 200, 5000, "base"),
];

const ROWS: &[(&str, &str, &str, Option<f64>)] = &[
    ("RS256, new token", "new RS256: ours", "new RS256: native, RBAC", Some(1.0)),
    ("RS256, new token, our cache off", "new RS256: ours, cache off", "new RS256: native, RBAC", None),
    ("RS256, new token, native without RBAC", "new RS256: ours", "new RS256: native", None),
    ("RS256, new token, both caches on", "new RS256: ours", "new RS256: native, cache, RBAC", None),
    ("ES256, new token", "new ES256: ours", "new ES256: native, RBAC", Some(1.0)),
    (
        "RS256 with 100 groups (4 KB), new token",
        "new large RS256: ours",
        "new large RS256: native, RBAC",
        None,
    ),
    ("PS256, new token", "new PS256: ours", "new PS256: native, RBAC", None),
    ("EdDSA, new token", "new EdDSA: ours", "new EdDSA: native, RBAC", None),
    ("RS256, cached token", "repeated RS256: ours", "repeated RS256: native, cache, RBAC", Some(0.9)),
    (
        "RS256, cached token, native without RBAC",
        "repeated RS256: ours",
        "repeated RS256: native, cache",
        None,
    ),
    ("ES256, cached token", "repeated ES256: ours", "repeated ES256: native, cache, RBAC", Some(0.9)),
    ("PS256, cached token", "repeated PS256: ours", "repeated PS256: native, cache, RBAC", None),
    ("EdDSA, cached token", "repeated EdDSA: ours", "repeated EdDSA: native, cache, RBAC", None),
    (
        "RS256 with 100 groups (4 KB), cached token",
        "repeated large: ours",
        "repeated large: native, cache, RBAC",
        None,
    ),
    ("RS256, nine of ten tokens cached", "mixed: ours", "mixed: native, cache, RBAC", None),
    ("denied: expired", "expired: ours", "expired: native", Some(1.0)),
    ("denied: bad signature", "forged: ours", "forged: native", Some(1.1)),
    ("denied: missing role, cached token", "roleless: ours", "roleless: native", Some(1.0)),
    ("denied: no token", "no token: ours", "no token: native", Some(1.5)),
    ("10 routes", "few routes: ours", "few routes: native", None),
    ("10,000 routes, native with 1,000", "many routes: ours", "many routes: native", None),
    ("10,000 routes, against our own 10", "many routes: ours", "few routes: ours", Some(1.05)),
];

/// The rows for two builds of our module.
const AGAINST: &[(&str, &str, &str)] = &[
    ("RS256, new token", "new RS256: ours", "new RS256: other"),
    ("RS256, cached token", "repeated RS256: ours", "repeated RS256: other"),
    ("RS256 with 100 groups (4 KB), cached token", "repeated large: ours", "repeated large: other"),
    ("RS256 with 100 groups (4 KB), new token", "new large RS256: ours", "new large RS256: other"),
    ("ES256, new token", "new ES256: ours", "new ES256: other"),
    ("EdDSA, new token", "new EdDSA: ours", "new EdDSA: other"),
    ("PS256, new token", "new PS256: ours", "new PS256: other"),
    ("denied: expired", "expired: ours", "expired: other"),
    ("denied: bad signature", "forged: ours", "forged: other"),
    ("denied: missing role, cached token", "roleless: ours", "roleless: other"),
    ("denied: no token", "no token: ours", "no token: other"),
];

impl Plan {
    /// The scenarios of our listener, for the listeners `ours` and `other`.
    pub fn against(only: &str) -> Self {
        let rows =
            AGAINST.iter().map(|(title, ours, reference)| Row { title, ours, reference, target: None });
        let rows: Vec<Row> = rows.filter(|row| row.title.contains(only)).collect();
        let of_ours = |name| SCENARIOS.iter().map(scenario).find(|scenario| scenario.name == name);
        let mut scenarios: Vec<Scenario> = Vec::new();
        for row in &rows {
            let ours = of_ours(row.ours).expect("a row names a scenario");
            let base = of_ours(ours.base).expect("a scenario names its base");
            if !scenarios.iter().any(|scenario| scenario.name == base.name) {
                scenarios.push(base);
            }
            scenarios.push(Scenario { name: row.reference, listener: "other", ..ours.clone() });
            scenarios.push(ours);
        }
        Self { scenarios, rows, sides: ["this module", "the other"] }
    }

    /// The rows whose title contains the text, and the scenarios that these rows need.
    pub fn new(only: &str) -> Self {
        let rows = ROWS.iter().map(|(title, ours, reference, target)| Row {
            title,
            ours,
            reference,
            target: *target,
        });
        let rows: Vec<Row> = rows.filter(|row| row.title.contains(only)).collect();
        assert!(!rows.is_empty(), "no title of a row contains {only:?}; see ROWS in benches/envoy/plan.rs");
        let mut scenarios: Vec<Scenario> = SCENARIOS.iter().map(scenario).collect();
        let compared = |name| rows.iter().any(|row| row.ours == name || row.reference == name);
        let bases: Vec<_> = scenarios
            .iter()
            .filter(|scenario| compared(scenario.name))
            .map(|scenario| scenario.base)
            .collect();
        scenarios.retain(|scenario| compared(scenario.name) || bases.contains(&scenario.name));
        Self { scenarios, rows, sides: ["ours", "native"] }
    }

    /// Our scenario of the row, the reference, and the scenario without a filter, which is the same for both.
    pub fn scenarios_of(&self, row: &Row) -> [&Scenario; 3] {
        let find = |name| {
            self.scenarios.iter().find(|scenario| scenario.name == name).expect("a row names scenarios")
        };
        let (ours, reference) = (find(row.ours), find(row.reference));
        assert_eq!(ours.base, reference.base, "both sides of {:?} send the same requests", row.title);
        [ours, reference, find(ours.base)]
    }
}

fn scenario(row: &ScenarioRow) -> Scenario {
    let (name, listener, token_set, order, status, requests, base) = *row;
    let item = |number: usize| format!("{}42", prefix(number));
    // The last entry of the list: the worst case for a linear search.
    let path = match listener {
        "native_few" | "ours_few" => item(FEW_ROUTES - 1),
        "native_many" => item(NATIVE_RULES - 1),
        "ours_many" => item(OUR_ROUTES - 1),
        _ => item(0),
    };
    Scenario { name, listener, token_set, order, path, status, requests, base }
}
