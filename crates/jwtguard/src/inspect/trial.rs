//! One request against a configuration: what is asked of it, what it brings, and what comes of it.
//!
//! Every decision is [`flow::decide`]'s. Claims that nobody signed get a signature here, by a key made for the
//! purpose that stands in for the issuer's: so they go the way of every token.

mod bench;
mod conditions;
mod found;
mod less_specific;
mod stand_in;
mod unread;

pub use bench::{Bench, Call, Credential};
pub use conditions::{Checked, Rule};
pub use less_specific::LessSpecific;

use crate::inspect::{spelling, words};
use jwt_guard::denial::Reason;
use jwt_guard::flow::{self, Facts, Patience, Request, RuleName, Step};
use jwt_guard::jose::algorithm::InModule;
use jwt_guard::route::ReadingClass;
use jwt_guard::token_cache::TokenCache;

/// What became of a request.
#[derive(Debug)]
pub struct Outcome {
    /// The readings of the path but for letter case, the path as written first; none where it is ambiguous or there
    /// is none.
    pub readings: Vec<Reading>,
    /// What was asked; empty where nothing was.
    pub rules: Vec<Rule>,
    /// Routes that match the request as sent, and that a more specific one replaces.
    pub less_specific: Vec<LessSpecific>,
    /// Headers, cookies and query parameters that hold a JWT where the filter looks for none.
    pub unread_tokens: Vec<String>,
    /// Where the filter looks for a token.
    pub token_from: Vec<String>,
    /// The token and what was found in it.
    pub token: TokenReport,
    /// What the client or the upstream sees.
    pub decision: Decision,
    /// What report-only or a shadow would have refused.
    pub would_deny: Vec<Facts>,
}

/// One way to read the path.
#[derive(Debug)]
pub struct Reading {
    /// The path.
    pub path: String,
    /// What an upstream does that leads to it, in order; empty for the path as written.
    pub classes: Vec<&'static str>,
}

/// What is to be said of the token.
#[derive(Debug)]
pub enum TokenReport {
    /// Nobody looked for one.
    NotRead,
    /// None came.
    Absent,
    /// It is not valid.
    Invalid {
        /// Why.
        facts: Facts,
        /// What it has and what was expected there, where there is something to compare.
        found: Option<String>,
    },
    /// It is.
    Valid {
        /// The issuer's configured name.
        issuer: String,
        /// What it says of roles, groups and scopes.
        names: [(&'static str, Vec<String>); 3],
    },
}

/// What became of it.
#[derive(Debug)]
pub enum Decision {
    /// It goes on.
    Passes {
        /// Every header as the upstream sees it.
        upstream: Vec<(String, String)>,
        /// The names of those that the filter set.
        set: Vec<String>,
        /// The names of those that it took away.
        removed: Vec<String>,
    },
    /// It is answered.
    Refused {
        /// The status.
        status: u16,
        /// The answer's headers.
        headers: Vec<(String, String)>,
        /// The answer's body.
        body: String,
        /// Why, as counters and log say it.
        facts: Facts,
    },
    /// It is answered with a document of `resource_metadata`.
    Served {
        /// The document.
        body: String,
    },
}

impl Bench<'_> {
    /// Tries one request.
    ///
    /// # Errors
    /// What about the request or the credential makes no sense, as a sentence.
    pub fn run(&self, call: &Call, credential: &Credential) -> Result<Outcome, String> {
        let bare = call.headers();
        let metadata = self.metadata(call)?;
        let asked = flow::asked::asked(self.config, &Request { headers: &bare, metadata: metadata.clone() });
        let places = asked.as_ref().map(|asked| asked.places.clone()).unwrap_or_default();
        let (headers, keys) = self.with_credential(bare.clone(), &places, credential)?;
        let request = Request { headers: &headers, metadata };
        let step = flow::decide(
            self.config,
            &request,
            &keys,
            &InModule,
            &TokenCache::new(0),
            self.now,
            Patience::Over,
        );
        let (decision, would_deny) = decision(step, &headers)?;

        let reads_tokens = asked.as_ref().is_ok_and(|asked| {
            asked.rules.iter().any(|rule| {
                rule.requirement.rule != jwt_guard::policy::Rule::Anonymous
                    || rule.requirement.shadow.is_some()
            })
        });
        let (token, identity) = match &asked {
            Ok(_) if self.config.enabled && reads_tokens => self.token(&places, &headers, &keys)?,
            _ => (TokenReport::NotRead, None),
        };
        let judged = asked.map(|asked| asked.rules).unwrap_or_default();
        let path = call.path.as_bytes();
        let readings = jwt_guard::route::readings(path, self.config.routes.skipped()).unwrap_or_default();
        let readings = readings.into_iter().map(|(path, classes)| Reading {
            path,
            classes: classes.into_iter().map(ReadingClass::name).collect(),
        });
        let readings: Vec<_> = readings.collect();
        let applying: Vec<usize> = judged.iter().filter_map(|asked| route_of(&asked.rule)).collect();
        let as_sent = judged.iter().find(|asked| asked.reading.is_none() && route_of(&asked.rule).is_some());
        let less_specific = match readings.first().filter(|_| as_sent.is_some()) {
            Some(as_written) => {
                less_specific::less_specific(self, (&call.host, &call.method, &as_written.path), &applying)
            }
            None => Vec::new(),
        };
        let unread_tokens = if reads_tokens { unread::unread(&places, &bare) } else { Vec::new() };
        let rules = judged.iter().map(|asked| Rule::judge(asked, self, identity.as_ref(), &token)).collect();
        let token_from = words::places(&places);
        Ok(Outcome { readings, rules, less_specific, unread_tokens, token_from, token, decision, would_deny })
    }
}

/// The index of the route, where the rule is one.
fn route_of(rule: &RuleName) -> Option<usize> {
    match rule {
        RuleName::Route(index) => Some(*index),
        _ => None,
    }
}

/// The reason of that name.
///
/// # Errors
/// That there is none, with the name that is nearly it, or with all of them.
pub fn reason_named(name: &str) -> Result<Reason, String> {
    let names = || Reason::ALL.iter().map(|reason| reason.as_str());
    Reason::ALL.into_iter().find(|reason| reason.as_str() == name).ok_or_else(|| {
        match spelling::nearest(name, names()) {
            Some(meant) => format!("{name:?} is not a reason; did you mean {meant:?}?"),
            None => {
                format!(
                    "{name:?} is not a reason; expected one of {}",
                    names().collect::<Vec<_>>().join(", ")
                )
            }
        }
    })
}

fn decision(step: Step, headers: &[(String, Vec<u8>)]) -> Result<(Decision, Vec<Facts>), String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(match step {
        Step::Forward(forward) => {
            let upstream = forward.edits.apply(headers);
            let upstream = upstream.into_iter().map(|(name, value)| (name.to_owned(), text(value))).collect();
            let sent = |name: &str| headers.iter().any(|(sent, _)| sent == name);
            let edits: Vec<_> = forward.edits.iter().collect();
            let of = |keep: &dyn Fn(&str, bool) -> bool| -> Vec<String> {
                let kept = edits.iter().filter(|(name, values)| keep(name, values.is_empty()));
                kept.map(|(name, _)| (*name).to_owned()).collect()
            };
            let set = of(&|_, removed| !removed);
            let removed = of(&|name, removed| removed && sent(name));
            (Decision::Passes { upstream, set, removed }, forward.would_deny)
        }
        Step::Deny(refused) => {
            let body = text(&refused.denial.body);
            let (status, headers) = (refused.denial.status, refused.denial.headers);
            (Decision::Refused { status, headers, body, facts: refused.facts }, Vec::new())
        }
        Step::Serve(document) => (Decision::Served { body: text(&document.body) }, Vec::new()),
        Step::AwaitKeys { .. } => return Err("the request waits for keys, which here never come".to_owned()),
    })
}

impl Outcome {
    /// Whether the request goes on, a document served counted as an answer.
    pub fn passes(&self) -> bool {
        matches!(self.decision, Decision::Passes { .. })
    }

    /// What a route asks and is not met is the reason of a refusal.
    pub fn reason(&self) -> Option<&'static str> {
        match &self.decision {
            Decision::Refused { facts, .. } => Some(facts.reason.as_str()),
            _ => None,
        }
    }
}
