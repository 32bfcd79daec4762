//! What became of a request, as `explain` and `test` tell it.

use jwt_guard::denial::Reason;
use jwt_guard::flow::Facts;

/// What became of a request.
#[derive(Debug)]
pub struct SimulationResult {
    /// The readings of the path but for letter case, the path as written first; none where it is ambiguous or there
    /// is none.
    pub readings: Vec<VariantReport>,
    /// What was asked; empty where nothing was.
    pub rules: Vec<AppliedRule>,
    /// Routes that match the request as sent, and that a more specific one replaces.
    pub less_specific: Vec<LessSpecific>,
    /// Headers, cookies and query parameters that hold a JWT where the filter looks for none.
    pub unread_tokens: Vec<String>,
    /// Where the filter looks for a token.
    pub token_from: Vec<String>,
    /// The token and what was found in it.
    pub token: TokenReport,
    /// What the client or the upstream sees.
    pub decision: SimulatedDecision,
    /// What report-only or a shadow would have refused.
    pub would_deny: Vec<Explanation>,
}

/// Why something is refused, as counters and log say it.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// The reason.
    pub reason: Reason,
    /// The sentence behind it.
    pub detail: String,
}

/// One way to read the path.
#[derive(Debug)]
pub struct VariantReport {
    /// The path.
    pub path: String,
    /// What an upstream does that leads to it, in order; empty for the path as written.
    pub classes: Vec<&'static str>,
}

/// What is to be said of the token.
#[derive(Debug)]
pub enum TokenReport {
    /// No token was looked for.
    NotRead,
    /// None came.
    Absent,
    /// It is not valid.
    Invalid {
        /// Why.
        cause: Explanation,
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
pub enum SimulatedDecision {
    /// It goes on.
    Forward {
        /// Every header as the upstream sees it.
        upstream: Vec<(String, String)>,
        /// The names of those that the filter set.
        set: Vec<String>,
        /// The names of those that it took away.
        removed: Vec<String>,
    },
    /// It is answered.
    Deny {
        /// The status.
        status: u16,
        /// The answer's headers.
        headers: Vec<(String, String)>,
        /// The answer's body.
        body: String,
        /// Why.
        cause: Explanation,
    },
    /// It is answered with a document of `resource_metadata`.
    Serve {
        /// The document.
        body: String,
    },
}

/// A rule that governs the request.
#[derive(Debug)]
pub struct AppliedRule {
    /// `routes[2] (/api/admin/**)` or the like.
    pub name: String,
    /// The index of the route, where it is one.
    pub route: Option<usize>,
    /// The reading that chose it, where that is not the request as written.
    pub reading: Option<String>,
    /// The classes that led to that reading.
    pub reading_classes: Vec<&'static str>,
    /// Who may pass by it.
    pub who: String,
    /// Its conditions on a token, each with its outcome.
    pub conditions: Vec<ConditionResult>,
}

/// A condition and whether it is met.
#[derive(Debug)]
pub struct ConditionResult {
    /// The condition in words.
    pub condition: String,
    /// Whether it is met.
    pub met: bool,
    /// What the token has instead, where the condition is not met and a token was sent.
    pub found: Option<String>,
}

/// A route that a more specific one replaces.
#[derive(Debug)]
pub struct LessSpecific {
    /// `routes[2] (/api/admin/**)` or the like.
    pub name: String,
    /// Who could pass by it.
    pub who: String,
}

impl SimulationResult {
    /// Whether the request goes on, a document served counted as an answer.
    pub fn passes(&self) -> bool {
        matches!(self.decision, SimulatedDecision::Forward { .. })
    }

    /// What a route asks and is not met is the reason of a refusal.
    pub fn reason(&self) -> Option<&'static str> {
        match &self.decision {
            SimulatedDecision::Deny { cause, .. } => Some(cause.reason.as_str()),
            _ => None,
        }
    }
}

impl From<Facts<'_>> for Explanation {
    fn from(facts: Facts<'_>) -> Self {
        Self { reason: facts.reason, detail: facts.detail.to_string() }
    }
}
