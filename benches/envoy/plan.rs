//! What is measured, and which scenarios are put beside each other.

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
    /// The scenario that sends the same to the listener without filters.
    pub base: &'static str,
}

/// In which order the tokens of a token_set are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The same hundred.
    Repeated,
    /// Each once, until the token_set is through.
    New,
    /// One in ten unseen.
    Mixed,
}

/// A line of the table: ours beside what it is compared with.
pub struct Row {
    pub title: &'static str,
    pub ours: &'static str,
    pub reference: &'static str,
    /// What the design asks the ratio to be.
    pub target: Option<f64>,
}

pub struct Plan {
    pub scenarios: Vec<Scenario>,
    pub rows: Vec<Row>,
    /// What is compared with what.
    pub sides: [&'static str; 2],
}

/// name, listener, tokens, order, status, requests a round, base
type ScenarioRow = (&'static str, &'static str, TokenSet, Order, u16, usize, &'static str);

const SCENARIOS: &[ScenarioRow] = &[
    ("base", "none", TokenSet::Small(RS256), Order::Repeated, 200, 6000, "base"),
    ("base large", "none", TokenSet::Large(RS256), Order::Repeated, 200, 4000, "base large"),
    ("base no token", "none", TokenSet::None, Order::Repeated, 200, 4000, "base no token"),
    ("unseen RS256: native", "native", TokenSet::Small(RS256), Order::New, 200, 2000, "base"),
    ("unseen RS256: native, RBAC", "native_rbac", TokenSet::Small(RS256), Order::New, 200, 2000, "base"),
    (
        "unseen RS256: native, cache, RBAC",
        "native_cache_rbac",
        TokenSet::Small(RS256),
        Order::New,
        200,
        2000,
        "base",
    ),
    ("unseen RS256: ours, cache off", "ours_off", TokenSet::Small(RS256), Order::New, 200, 2000, "base"),
    ("unseen RS256: ours", "ours", TokenSet::Small(RS256), Order::New, 200, 2000, "base"),
    ("unseen ES256: native, RBAC", "native_rbac", TokenSet::Small(ES256), Order::New, 200, 2000, "base"),
    ("unseen ES256: ours", "ours", TokenSet::Small(ES256), Order::New, 200, 2000, "base"),
    ("unseen PS256: native, RBAC", "native_rbac", TokenSet::Small(PS256), Order::New, 200, 1500, "base"),
    ("unseen PS256: ours", "ours", TokenSet::Small(PS256), Order::New, 200, 500, "base"),
    ("unseen EdDSA: native, RBAC", "native_rbac", TokenSet::Small(EDDSA), Order::New, 200, 1500, "base"),
    ("unseen EdDSA: ours", "ours", TokenSet::Small(EDDSA), Order::New, 200, 500, "base"),
    (
        "unseen large RS256: native, RBAC",
        "native_rbac",
        TokenSet::Large(RS256),
        Order::New,
        200,
        1000,
        "base large",
    ),
    ("unseen large RS256: ours", "ours", TokenSet::Large(RS256), Order::New, 200, 1000, "base large"),
    ("seen RS256: native, cache", "native_cache", TokenSet::Small(RS256), Order::Repeated, 200, 5000, "base"),
    (
        "seen RS256: native, cache, RBAC",
        "native_cache_rbac",
        TokenSet::Small(RS256),
        Order::Repeated,
        200,
        5000,
        "base",
    ),
    ("seen RS256: ours", "ours", TokenSet::Small(RS256), Order::Repeated, 200, 5000, "base"),
    (
        "seen ES256: native, cache, RBAC",
        "native_cache_rbac",
        TokenSet::Small(ES256),
        Order::Repeated,
        200,
        3000,
        "base",
    ),
    ("seen ES256: ours", "ours", TokenSet::Small(ES256), Order::Repeated, 200, 3000, "base"),
    (
        "seen PS256: native, cache, RBAC",
        "native_cache_rbac",
        TokenSet::Small(PS256),
        Order::Repeated,
        200,
        3000,
        "base",
    ),
    ("seen PS256: ours", "ours", TokenSet::Small(PS256), Order::Repeated, 200, 3000, "base"),
    (
        "seen EdDSA: native, cache, RBAC",
        "native_cache_rbac",
        TokenSet::Small(EDDSA),
        Order::Repeated,
        200,
        3000,
        "base",
    ),
    ("seen EdDSA: ours", "ours", TokenSet::Small(EDDSA), Order::Repeated, 200, 3000, "base"),
    (
        "seen large: native, cache, RBAC",
        "native_cache_rbac",
        TokenSet::Large(RS256),
        Order::Repeated,
        200,
        3000,
        "base large",
    ),
    ("seen large: ours", "ours", TokenSet::Large(RS256), Order::Repeated, 200, 3000, "base large"),
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
    ("no token: ours", "ours", TokenSet::None, Order::Repeated, 401, 3000, "base no token"),
    ("few routes: native", "native_few", TokenSet::Small(RS256), Order::Repeated, 200, 4000, "base"),
    ("many routes: native", "native_many", TokenSet::Small(RS256), Order::Repeated, 200, 4000, "base"),
    ("few routes: ours", "ours_few", TokenSet::Small(RS256), Order::Repeated, 200, 5000, "base"),
    ("many routes: ours", "ours_many", TokenSet::Small(RS256), Order::Repeated, 200, 5000, "base"),
];

const ROWS: &[(&str, &str, &str, Option<f64>)] = &[
    ("RS256, never seen", "unseen RS256: ours", "unseen RS256: native, RBAC", Some(0.9)),
    (
        "RS256, never seen, our cache off",
        "unseen RS256: ours, cache off",
        "unseen RS256: native, RBAC",
        Some(0.9),
    ),
    ("RS256, never seen, native without RBAC", "unseen RS256: ours", "unseen RS256: native", None),
    ("RS256, never seen, both caches on", "unseen RS256: ours", "unseen RS256: native, cache, RBAC", None),
    ("ES256, never seen", "unseen ES256: ours", "unseen ES256: native, RBAC", Some(0.9)),
    (
        "RS256 with 100 groups (4 KB), never seen",
        "unseen large RS256: ours",
        "unseen large RS256: native, RBAC",
        None,
    ),
    ("PS256, never seen", "unseen PS256: ours", "unseen PS256: native, RBAC", None),
    ("EdDSA, never seen", "unseen EdDSA: ours", "unseen EdDSA: native, RBAC", None),
    ("RS256, seen before", "seen RS256: ours", "seen RS256: native, cache, RBAC", Some(0.8)),
    ("RS256, seen before, native without RBAC", "seen RS256: ours", "seen RS256: native, cache", None),
    ("ES256, seen before", "seen ES256: ours", "seen ES256: native, cache, RBAC", Some(0.8)),
    ("PS256, seen before", "seen PS256: ours", "seen PS256: native, cache, RBAC", None),
    ("EdDSA, seen before", "seen EdDSA: ours", "seen EdDSA: native, cache, RBAC", None),
    (
        "RS256 with 100 groups (4 KB), seen before",
        "seen large: ours",
        "seen large: native, cache, RBAC",
        None,
    ),
    ("RS256, nine in ten seen before", "mixed: ours", "mixed: native, cache, RBAC", None),
    ("refused: expired", "expired: ours", "expired: native", Some(0.9)),
    ("refused: bad signature", "forged: ours", "forged: native", Some(0.9)),
    ("refused: missing role, seen before", "roleless: ours", "roleless: native", Some(0.9)),
    ("refused: no token", "no token: ours", "no token: native", None),
    ("10 routes", "few routes: ours", "few routes: native", None),
    ("10,000 routes, native with 1,000", "many routes: ours", "many routes: native", None),
    ("10,000 routes, against our own 10", "many routes: ours", "few routes: ours", Some(1.05)),
];

/// Of two modules of ours.
const AGAINST: &[(&str, &str, &str)] = &[
    ("RS256, never seen", "unseen RS256: ours", "unseen RS256: other"),
    ("RS256, seen before", "seen RS256: ours", "seen RS256: other"),
    ("RS256 with 100 groups (4 KB), seen before", "seen large: ours", "seen large: other"),
    ("RS256 with 100 groups (4 KB), never seen", "unseen large RS256: ours", "unseen large RS256: other"),
    ("ES256, never seen", "unseen ES256: ours", "unseen ES256: other"),
    ("EdDSA, never seen", "unseen EdDSA: ours", "unseen EdDSA: other"),
    ("PS256, never seen", "unseen PS256: ours", "unseen PS256: other"),
    ("refused: expired", "expired: ours", "expired: other"),
    ("refused: bad signature", "forged: ours", "forged: other"),
    ("refused: missing role, seen before", "roleless: ours", "roleless: other"),
    ("refused: no token", "no token: ours", "no token: other"),
];

impl Plan {
    /// The scenarios of our listener, sent to `ours` and `other`.
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

    /// Everything, or only the rows whose title contains the words and the scenarios that they need.
    pub fn new(only: &str) -> Self {
        let rows = ROWS.iter().map(|(title, ours, reference, target)| Row {
            title,
            ours,
            reference,
            target: *target,
        });
        let rows: Vec<Row> = rows.filter(|row| row.title.contains(only)).collect();
        assert!(!rows.is_empty(), "no row's title contains {only:?}");
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

    pub fn base(&self, scenario: &str) -> &'static str {
        self.scenarios.iter().find(|other| other.name == scenario).expect("rows name scenarios").base
    }
}

fn scenario(row: &ScenarioRow) -> Scenario {
    let (name, listener, token_set, order, status, requests, base) = *row;
    let item = |number: usize| format!("{}42", prefix(number));
    // The last of the list, which a search from the front reaches last.
    let path = match listener {
        "native_few" | "ours_few" => item(FEW_ROUTES - 1),
        "native_many" => item(NATIVE_RULES - 1),
        "ours_many" => item(OUR_ROUTES - 1),
        _ => item(0),
    };
    Scenario { name, listener, token_set, order, path, status, requests, base }
}
