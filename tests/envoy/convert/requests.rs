//! The requests for a configuration: its own paths in ordinary and odd spellings, with tokens of every kind.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use serde_json::Value;

use super::case::Case;
use super::tokens::Pool;
use crate::harness::Request;

/// A request, before it is sent to one of the two.
#[derive(Clone)]
pub struct Sent {
    pub method: String,
    pub host: String,
    pub path: String,
    pub spelling: Spelling,
    /// The position of the kind of token; `None` for no token.
    pub token: Option<usize>,
    pub place: Placed,
}

/// How the path is spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// As a client spells it.
    Plain,
    /// So that some upstream may take it for another path.
    Odd,
}

/// Where the token stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Placed {
    Bearer,
    LowerCase,
    Header(&'static str),
    Query(&'static str),
    Cookie(&'static str),
    /// In `authorization`, and another token in this header.
    Two(&'static str),
    /// `Bearer` without a token.
    Empty,
}

/// SplitMix64.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound).unwrap()).unwrap()
    }

    pub fn of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())].clone()
    }
}

impl Sent {
    /// The request to one of the two.
    pub fn request(&self, address: SocketAddr, pool: &Pool) -> Request {
        let token = self.token.map(|kind| pool.token(kind));
        let mut path = self.path.clone();
        if let (Placed::Query(name), Some(token)) = (self.place, token) {
            path.push(if path.contains('?') { '&' } else { '?' });
            path.push_str(&format!("{name}={token}"));
        }
        let request = Request::new(address, &self.method, path).host(&self.host);
        let Some(token) = token else {
            return if self.place == Placed::Empty {
                request.header("authorization", "Bearer ")
            } else {
                request
            };
        };
        match self.place {
            Placed::Bearer => request.bearer(token),
            Placed::LowerCase => request.header("authorization", format!("bearer {token}")),
            Placed::Header(name) => request.header(name, token),
            Placed::Cookie(name) => request.header("cookie", format!("a=b; {name}={token}")),
            Placed::Two(name) => request.bearer(token).header(name, pool.token(1)),
            Placed::Query(_) | Placed::Empty => request,
        }
    }

    pub fn shown(&self, pool: &Pool) -> String {
        let token = self.token.map_or("no token", |kind| pool.kinds()[kind].name);
        format!("{} {}{} with {token} in {:?}", self.method, self.host, self.path, self.place)
    }
}

/// The requests for a case, the same ones in every run.
pub fn of(case: &Case, seed: usize, count: usize, pool: &Pool) -> Vec<Sent> {
    let mut random = Random(0x636f_6e76 + u64::try_from(seed).unwrap());
    let (paths, hosts, methods) = words(case);
    (0..count).map(|_| one(&mut random, &paths, &hosts, &methods, pool)).collect()
}

fn one(random: &mut Random, paths: &[String], hosts: &[String], methods: &[String], pool: &Pool) -> Sent {
    let (path, spelling) = spelled(random, paths);
    let place = match random.below(20) {
        0 => Placed::LowerCase,
        1 => Placed::Header("x-token"),
        2 => Placed::Header("x-partner-token"),
        3 => Placed::Query("access_token"),
        4 => Placed::Query("t"),
        5 => Placed::Cookie("session"),
        6 => Placed::Two("x-token"),
        7 => Placed::Empty,
        _ => Placed::Bearer,
    };
    let token = (place != Placed::Empty && random.below(6) > 0).then(|| random.below(pool.kinds().len()));
    // Half of the tokens are of the kinds that policies ask for.
    let token = token.map(|kind| if random.below(2) == 0 { random.below(22) } else { kind });
    let mut host = random.of(hosts);
    match random.below(30) {
        0 => host.push_str(":8443"),
        1 => host = host.to_uppercase(),
        _ => {}
    }
    Sent { method: random.of(methods), host, path, spelling, token, place }
}

fn spelled(random: &mut Random, paths: &[String]) -> (String, Spelling) {
    let path = random.of(paths);
    let base = path.trim_end_matches('/');
    let other = random.of(paths);
    let plain = |path: String| (path, Spelling::Plain);
    let odd = |path: String| (path, Spelling::Odd);
    match random.below(28) {
        0..=7 => plain(path),
        8 | 9 => plain(format!("{base}/7")),
        10 => plain(format!("{base}/7/lines")),
        11 => plain(format!("{base}x")),
        12 => plain(format!("{base}/")),
        13 => plain(if base.is_empty() { "/".to_owned() } else { base.to_owned() }),
        14 => plain(format!("{path}?q=1")),
        15 => plain(format!("{base}/a.json")),
        16 => plain("/elsewhere/x".to_owned()),
        17 => odd(path.to_uppercase()),
        18 => odd(format!("/{path}")),
        19 => odd(format!("{base}/../{}", other.trim_start_matches('/'))),
        20 => odd(path.replacen('a', "%61", 1)),
        21 => odd(format!("{base}%2Fx")),
        22 => odd(format!("{base};v=1/x")),
        23 => odd(format!("{base}/./x")),
        24 => odd(format!("{base}%20")),
        25 => odd(format!("{base}//x")),
        26 => odd(format!("{base}%252Fx")),
        _ => odd(format!("{base}/%2e%2e/{}", other.trim_start_matches('/'))),
    }
}

/// The paths, hosts and methods of a configuration, and some others.
fn words(case: &Case) -> (Vec<String>, Vec<String>, Vec<String>) {
    let mut texts = BTreeSet::new();
    case.filters.iter().chain([&case.virtual_hosts]).for_each(|value| collect(value, &mut texts));
    let mut paths: BTreeSet<String> = ["/", "/other", "/other/a"].map(ToOwned::to_owned).into();
    let mut hosts: BTreeSet<String> = ["api.example".to_owned()].into();
    let mut methods: BTreeSet<String> = ["GET", "POST", "HEAD", "DELETE"].map(ToOwned::to_owned).into();
    for text in texts {
        if text.starts_with('/') && !text.contains([' ', '"']) {
            let is_part = |character: char| character.is_ascii_alphanumeric() || "/-_.~%".contains(character);
            let pattern =
                text.replace("[^/]+", "7").replace("{id}", "7").replace("(/.*)?", "").replace(".*", "x");
            let pattern = pattern.replace("**", "7/8").replace('*', "7").replace("v[0-9]+", "v2");
            paths.insert(pattern.chars().filter(|character| is_part(*character)).collect());
        } else if text.ends_with(".example") && !text.contains("://") {
            let host = text.trim_start_matches('*').trim_start_matches('.');
            hosts.extend([host.to_owned(), format!("a.{host}")]);
        } else if text.chars().all(|character| character.is_ascii_uppercase()) && text.len() > 2 {
            methods.extend(
                (text.len() < 8 && text != "ALLOW" && text != "DENY" && text != "LOG").then_some(text),
            );
        }
    }
    (paths.into_iter().collect(), hosts.into_iter().collect(), methods.into_iter().collect())
}

fn collect(value: &Value, texts: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            texts.insert(text.clone());
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, texts)),
        Value::Object(members) => members.values().for_each(|value| collect(value, texts)),
        _ => {}
    }
}
