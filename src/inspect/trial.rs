//! One request against a configuration: what is asked of it, what it brings, and what comes of it.
//!
//! Every decision is [`flow::decide`]'s. Claims that nobody signed get a signature here, by a key made for the
//! purpose that stands in for the issuer's: so they go the way of every token.

mod bench;
mod conditions;

pub use bench::{Bench, Call, Credential};
pub use conditions::{Checked, Rule};

use crate::flow::{self, Facts, Patience, Request, Step};
use crate::jose::algorithm::InModule;
use crate::token_cache::TokenCache;

/// What became of a request.
#[derive(Debug)]
pub struct Outcome {
    /// The readings of the path; none where it is ambiguous or there is none.
    pub readings: Vec<String>,
    /// What was asked; empty where nothing was.
    pub rules: Vec<Rule>,
    /// The token and what was found in it.
    pub token: TokenReport,
    /// What the client or the upstream sees.
    pub decision: Decision,
    /// What report-only or a shadow would have refused.
    pub would_deny: Vec<Facts>,
}

/// What is to be said of the token.
#[derive(Debug)]
pub enum TokenReport {
    /// Nobody looked for one.
    NotRead,
    /// None came.
    Absent,
    /// It is not valid, and why.
    Invalid(Facts),
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
        let (headers, keys) = self.with_credential(bare, &places, credential)?;
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
                rule.requirement.rule != crate::policy::Rule::Anonymous || rule.requirement.shadow.is_some()
            })
        });
        let (token, identity) = match &asked {
            Ok(_) if self.config.enabled && reads_tokens => self.token(&places, &headers, &keys)?,
            _ => (TokenReport::NotRead, None),
        };
        let judged = asked.map(|asked| asked.rules).unwrap_or_default();
        let rules = judged.iter().map(|asked| Rule::judge(asked, self, identity.as_ref(), &token)).collect();
        let path = call.path.as_bytes();
        let readings = crate::route::readings(path, self.config.routes.skipped()).unwrap_or_default();
        let readings = readings.into_iter().map(|(reading, _)| reading).collect();
        Ok(Outcome { readings, rules, token, decision, would_deny })
    }
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
