//! What is measured, and which cells are put beside each other.

use super::listeners::{FEW, NATIVE_RULES, OUR_ROUTES, prefix};
use super::tokens::{EDDSA, ES256, PS256, Pool, RS256};

/// Requests of one kind to one listener.
#[derive(Debug, Clone)]
pub struct Cell {
    pub name: &'static str,
    pub listener: &'static str,
    pub pool: Pool,
    pub mix: Mix,
    pub path: String,
    pub status: u16,
    pub requests: usize,
    /// The cell that sends the same to the listener without filters.
    pub base: &'static str,
}

/// In which order the tokens of a pool are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mix {
    /// The same hundred.
    Seen,
    /// Each once, until the pool is through.
    Unseen,
    /// One in ten unseen.
    Some,
}

/// A line of the table: ours beside what it is compared with.
pub struct Row {
    pub title: &'static str,
    pub ours: &'static str,
    pub reference: &'static str,
    /// The greatest median of the ratio with which the report counts the row as met.
    pub target: Option<f64>,
}

pub struct Plan {
    pub cells: Vec<Cell>,
    pub rows: Vec<Row>,
    /// What is compared with what.
    pub sides: [&'static str; 2],
}

/// name, listener, tokens, order, status, requests a round, base
type CellRow = (&'static str, &'static str, Pool, Mix, u16, usize, &'static str);

const CELLS: &[CellRow] = &[
    ("base", "none", Pool::Small(RS256), Mix::Seen, 200, 6000, "base"),
    ("base large", "none", Pool::Large(RS256), Mix::Seen, 200, 4000, "base large"),
    ("base no token", "none", Pool::None, Mix::Seen, 200, 4000, "base no token"),
    ("unseen RS256: native", "native", Pool::Small(RS256), Mix::Unseen, 200, 2000, "base"),
    ("unseen RS256: native, RBAC", "native_rbac", Pool::Small(RS256), Mix::Unseen, 200, 2000, "base"),
    (
        "unseen RS256: native, cache, RBAC",
        "native_cache_rbac",
        Pool::Small(RS256),
        Mix::Unseen,
        200,
        2000,
        "base",
    ),
    ("unseen RS256: ours, cache off", "ours_off", Pool::Small(RS256), Mix::Unseen, 200, 2000, "base"),
    ("unseen RS256: ours", "ours", Pool::Small(RS256), Mix::Unseen, 200, 2000, "base"),
    ("unseen ES256: native, RBAC", "native_rbac", Pool::Small(ES256), Mix::Unseen, 200, 2000, "base"),
    ("unseen ES256: ours", "ours", Pool::Small(ES256), Mix::Unseen, 200, 2000, "base"),
    ("unseen PS256: native, RBAC", "native_rbac", Pool::Small(PS256), Mix::Unseen, 200, 1500, "base"),
    ("unseen PS256: ours", "ours", Pool::Small(PS256), Mix::Unseen, 200, 500, "base"),
    ("unseen EdDSA: native, RBAC", "native_rbac", Pool::Small(EDDSA), Mix::Unseen, 200, 1500, "base"),
    ("unseen EdDSA: ours", "ours", Pool::Small(EDDSA), Mix::Unseen, 200, 500, "base"),
    (
        "unseen large RS256: native, RBAC",
        "native_rbac",
        Pool::Large(RS256),
        Mix::Unseen,
        200,
        1000,
        "base large",
    ),
    ("unseen large RS256: ours", "ours", Pool::Large(RS256), Mix::Unseen, 200, 1000, "base large"),
    ("seen RS256: native, cache", "native_cache", Pool::Small(RS256), Mix::Seen, 200, 5000, "base"),
    (
        "seen RS256: native, cache, RBAC",
        "native_cache_rbac",
        Pool::Small(RS256),
        Mix::Seen,
        200,
        5000,
        "base",
    ),
    ("seen RS256: ours", "ours", Pool::Small(RS256), Mix::Seen, 200, 5000, "base"),
    (
        "seen ES256: native, cache, RBAC",
        "native_cache_rbac",
        Pool::Small(ES256),
        Mix::Seen,
        200,
        3000,
        "base",
    ),
    ("seen ES256: ours", "ours", Pool::Small(ES256), Mix::Seen, 200, 3000, "base"),
    (
        "seen PS256: native, cache, RBAC",
        "native_cache_rbac",
        Pool::Small(PS256),
        Mix::Seen,
        200,
        3000,
        "base",
    ),
    ("seen PS256: ours", "ours", Pool::Small(PS256), Mix::Seen, 200, 3000, "base"),
    (
        "seen EdDSA: native, cache, RBAC",
        "native_cache_rbac",
        Pool::Small(EDDSA),
        Mix::Seen,
        200,
        3000,
        "base",
    ),
    ("seen EdDSA: ours", "ours", Pool::Small(EDDSA), Mix::Seen, 200, 3000, "base"),
    (
        "seen large: native, cache, RBAC",
        "native_cache_rbac",
        Pool::Large(RS256),
        Mix::Seen,
        200,
        3000,
        "base large",
    ),
    ("seen large: ours", "ours", Pool::Large(RS256), Mix::Seen, 200, 3000, "base large"),
    ("mix: native, cache, RBAC", "native_cache_rbac", Pool::Small(RS256), Mix::Some, 200, 3000, "base"),
    ("mix: ours", "ours", Pool::Small(RS256), Mix::Some, 200, 3000, "base"),
    ("expired: native", "native_cache_rbac", Pool::Expired, Mix::Unseen, 401, 2000, "base"),
    ("expired: ours", "ours", Pool::Expired, Mix::Unseen, 401, 2000, "base"),
    ("forged: native", "native_cache_rbac", Pool::Forged, Mix::Unseen, 401, 2000, "base"),
    ("forged: ours", "ours", Pool::Forged, Mix::Unseen, 401, 2000, "base"),
    ("roleless: native", "native_cache_rbac", Pool::Roleless, Mix::Seen, 403, 3000, "base"),
    ("roleless: ours", "ours", Pool::Roleless, Mix::Seen, 403, 3000, "base"),
    ("no token: native", "native_cache_rbac", Pool::None, Mix::Seen, 401, 3000, "base no token"),
    ("no token: ours", "ours", Pool::None, Mix::Seen, 401, 3000, "base no token"),
    ("few routes: native", "native_few", Pool::Small(RS256), Mix::Seen, 200, 4000, "base"),
    ("many routes: native", "native_many", Pool::Small(RS256), Mix::Seen, 200, 4000, "base"),
    ("few routes: ours", "ours_few", Pool::Small(RS256), Mix::Seen, 200, 5000, "base"),
    ("many routes: ours", "ours_many", Pool::Small(RS256), Mix::Seen, 200, 5000, "base"),
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
    ("RS256, nine in ten seen before", "mix: ours", "mix: native, cache, RBAC", None),
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
    /// The cells of our listener, sent to `ours` and `other`.
    pub fn against(only: &str) -> Self {
        let rows =
            AGAINST.iter().map(|(title, ours, reference)| Row { title, ours, reference, target: None });
        let rows: Vec<Row> = rows.filter(|row| row.title.contains(only)).collect();
        let of_ours = |name| CELLS.iter().map(cell).find(|cell| cell.name == name);
        let mut cells: Vec<Cell> = Vec::new();
        for row in &rows {
            let ours = of_ours(row.ours).expect("a row names a cell");
            let base = of_ours(ours.base).expect("a cell names its base");
            if !cells.iter().any(|cell| cell.name == base.name) {
                cells.push(base);
            }
            cells.push(Cell { name: row.reference, listener: "other", ..ours.clone() });
            cells.push(ours);
        }
        Self { cells, rows, sides: ["this module", "the other"] }
    }

    /// Everything, or only the rows whose title contains the words and the cells that they need.
    pub fn new(only: &str) -> Self {
        let rows = ROWS.iter().map(|(title, ours, reference, target)| Row {
            title,
            ours,
            reference,
            target: *target,
        });
        let rows: Vec<Row> = rows.filter(|row| row.title.contains(only)).collect();
        assert!(!rows.is_empty(), "no row's title contains {only:?}");
        let mut cells: Vec<Cell> = CELLS.iter().map(cell).collect();
        let compared = |name| rows.iter().any(|row| row.ours == name || row.reference == name);
        let bases: Vec<_> = cells.iter().filter(|cell| compared(cell.name)).map(|cell| cell.base).collect();
        cells.retain(|cell| compared(cell.name) || bases.contains(&cell.name));
        Self { cells, rows, sides: ["ours", "native"] }
    }

    pub fn base(&self, cell: &str) -> &'static str {
        self.cells.iter().find(|other| other.name == cell).expect("rows name cells").base
    }
}

fn cell(row: &CellRow) -> Cell {
    let (name, listener, pool, mix, status, requests, base) = *row;
    let item = |number: usize| format!("{}42", prefix(number));
    // The last of the list, which a search from the front reaches last.
    let path = match listener {
        "native_few" | "ours_few" => item(FEW - 1),
        "native_many" => item(NATIVE_RULES - 1),
        "ours_many" => item(OUR_ROUTES - 1),
        _ => item(0),
    };
    Cell { name, listener, pool, mix, path, status, requests, base }
}
