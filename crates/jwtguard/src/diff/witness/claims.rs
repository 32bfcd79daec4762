//! Claims of a token with some facts.

use serde_json::{Map, Value, json};

use crate::diff::atom::{Atom, ClaimFact, RequestPart};
use crate::diff::formula::Term;
use crate::diff::side::Side;
use jwt_guard::config::Issuer;
use jwt_guard::jose::json::Json;
use jwt_guard::policy::{ClaimForm, ClaimSource};
use jwt_guard::time::UnixTime;

/// The claims of a token, and the headers of the request that they are compared with.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Claims {
    pub members: Map<String, Value>,
    pub headers: Vec<(String, String)>,
}

/// The number to choose between two bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pick {
    Least,
    Greatest,
}

/// The value of a header that a claim is compared with.
const HEADER_VALUE: &str = "value";

/// The value of a claim that only has to be present.
const ANY_VALUE: &str = "any";

impl Claims {
    /// Claims with these facts and few others.
    pub fn of(term: &Term, side: &Side, host: &str, now: UnixTime, pick: Pick) -> Self {
        let mut claims = Self { members: Map::new(), headers: Vec::new() };
        let issuer = issuer(term, side);
        for atom in term {
            claims.add(atom, issuer, host, now, pick);
        }
        // Last, because most facts about a claim make it present.
        for atom in term {
            if let Atom::Claim(name, ClaimFact::Present) = atom
                && value_at(&claims.members, name).is_none()
            {
                claims.insert(name, ANY_VALUE.into());
            }
        }
        claims
    }

    /// The same claims with a value that a fact excludes. `None` if it excludes none.
    pub fn violating(&self, atom: &Atom) -> Option<Self> {
        let Atom::Claim(name, ClaimFact::HasNot(value)) = atom else { return None };
        let mut claims = self.clone();
        claims.insert(name, plain(value));
        Some(claims)
    }

    fn add(&mut self, atom: &Atom, issuer: Option<&Issuer>, host: &str, now: UnixTime, pick: Pick) {
        let sources = issuer.map(|issuer| &issuer.sources);
        match atom {
            Atom::Issuer(iss) => {
                if issuer.is_none_or(|issuer| issuer.rules.tenants.is_none()) {
                    self.members.insert("iss".to_owned(), iss.clone().into());
                }
            }
            Atom::Audience(audience) => {
                let pointer = issuer.and_then(|issuer| issuer.rules.audience_from.first());
                let name = pointer.map_or("aud", |pointer| pointer.as_str());
                self.insert(name, audience.clone().into());
            }
            Atom::Role(role) => self.add_name(sources.map(|sources| sources.roles.as_slice()), role),
            Atom::Group(group) => self.add_name(sources.map(|sources| sources.groups.as_slice()), group),
            Atom::Scope(scope) => self.add_name(sources.map(|sources| sources.scopes.as_slice()), scope),
            Atom::Acr(acr) => drop(self.members.insert("acr".to_owned(), acr.clone().into())),
            Atom::MaxAge(age) => {
                let time = (now.as_millis() / 1000).saturating_sub(u64::from(*age));
                self.members.insert("auth_time".to_owned(), time.into());
            }
            Atom::Claim(name, fact) => self.add_fact(name, fact, host, pick),
        }
    }

    fn add_fact(&mut self, name: &str, fact: &ClaimFact, host: &str, pick: Pick) {
        let number = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
        let is_set = value_at(&self.members, name).is_some();
        match fact {
            ClaimFact::Has(value) => self.insert(name, plain(value)),
            ClaimFact::StartsWith(text) | ClaimFact::EndsWith(text) => self.insert(name, text.clone().into()),
            ClaimFact::AtLeast(bound) if !is_set || pick == Pick::Least => {
                self.set(name, number(bound.text()))
            }
            ClaimFact::AtMost(bound) if !is_set || pick == Pick::Greatest => {
                self.set(name, number(bound.text()));
            }
            ClaimFact::Equals(RequestPart::Segment(text)) => self.insert(name, text.clone().into()),
            ClaimFact::Equals(RequestPart::HostLabel) => {
                self.insert(name, host.split('.').next().unwrap_or_default().into());
            }
            ClaimFact::Equals(RequestPart::Header(header)) => {
                self.insert(name, HEADER_VALUE.into());
                let header = (header.clone(), HEADER_VALUE.to_owned());
                if !self.headers.contains(&header) {
                    self.headers.push(header);
                }
            }
            ClaimFact::AtLeast(_) | ClaimFact::AtMost(_) | ClaimFact::HasNot(_) | ClaimFact::Present => {}
        }
    }

    /// Adds a role, a group or a scope to the first claim that can carry it.
    fn add_name(&mut self, sources: Option<&[ClaimSource]>, name: &str) {
        let Some(source) = sources.and_then(<[ClaimSource]>::first) else { return };
        let pointer = source.pointer.as_str();
        let name = format!("{}{name}", source.prefix.as_deref().unwrap_or_default());
        match &source.form {
            ClaimForm::Texts | ClaimForm::Split(_) => match value_at(&self.members, pointer) {
                None => self.set(pointer, json!([name])),
                Some(_) => self.insert(pointer, name.into()),
            },
            ClaimForm::Keys => {
                let mut members = match value_at(&self.members, pointer) {
                    Some(Value::Object(members)) => members.clone(),
                    _ => Map::new(),
                };
                members.insert(name, true.into());
                self.set(pointer, members.into());
            }
            ClaimForm::Member(member) => {
                let object = json!({ member.as_str(): name });
                match value_at(&self.members, pointer) {
                    None => self.set(pointer, json!([object])),
                    Some(_) => self.insert(pointer, object),
                }
            }
        }
    }

    /// Sets a claim, or adds a member to it.
    fn insert(&mut self, name: &str, value: Value) {
        let value = match value_at(&self.members, name).cloned() {
            None => value,
            Some(known) if known == value => value,
            Some(Value::Array(mut members)) => {
                if !members.contains(&value) {
                    members.push(value);
                }
                members.into()
            }
            Some(known) => json!([known, value]),
        };
        self.set(name, value);
    }

    pub fn set(&mut self, name: &str, value: Value) {
        let steps = steps(name);
        let Some((last, before)) = steps.split_last() else { return };
        let mut members = &mut self.members;
        for step in before {
            let next = members.entry(step.clone()).or_insert_with(|| Map::new().into());
            let Value::Object(next) = next else { return };
            members = next;
        }
        members.insert(last.clone(), value);
    }
}

/// The members that a claim name or a JSON Pointer (RFC 6901) leads through.
fn steps(name: &str) -> Vec<String> {
    match name.strip_prefix('/') {
        Some(pointer) => pointer.split('/').map(|step| step.replace("~1", "/").replace("~0", "~")).collect(),
        None => vec![name.to_owned()],
    }
}

fn value_at<'m>(members: &'m Map<String, Value>, name: &str) -> Option<&'m Value> {
    let steps = steps(name);
    let (first, rest) = steps.split_first()?;
    rest.iter().try_fold(members.get(first)?, |value, step| value.get(step))
}

fn plain(value: &Json) -> Value {
    serde_json::from_str(&value.to_string()).unwrap_or_default()
}

/// The issuer of a token with these facts: the one that they name, or the first one.
pub(super) fn issuer<'s>(term: &Term, side: &'s Side) -> Option<&'s Issuer> {
    let named = term.iter().find_map(|atom| match atom {
        Atom::Issuer(iss) => Some(iss),
        _ => None,
    });
    let mut issuers = side.config.issuers.iter();
    match named {
        Some(iss) => issuers.find(|issuer| issuer.rules.iss == *iss),
        None => issuers.find(|issuer| issuer.first_token),
    }
}
