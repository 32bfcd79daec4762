//! What the log says of a refusal: facts an operator can act on, nothing of the token but its escaped kid.

use std::fmt::{Display, Formatter, Result};
use std::rc::Rc;

use super::governing::Asked;
use crate::denial::Reason;
use crate::jose::escaped::Escaped;
use crate::route::{Reading, ReadingClass};

/// The longest request id that is repeated in a log line.
const MAX_REQUEST_ID: usize = 64;

/// One refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Its reason: counted, logged, put into filter state.
    pub reason: Reason,
    /// The sentence behind the reason.
    pub detail: String,
    /// The configured name of the token's issuer, where the token names a configured one.
    pub issuer: Option<String>,
    /// The kid that the token names. Unverified.
    pub kid: Option<String>,
    /// The rule that refused.
    pub rule: Option<RuleName>,
    /// The reading of method and path that chose the rule, where that is not the request as written.
    pub reading: Option<String>,
    /// What an upstream does that leads to that reading, in order.
    pub reading_classes: Vec<ReadingClass>,
    /// The request's `x-request-id`.
    pub request_id: Option<String>,
}

/// Where a requirement stands, as the operator would look for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleName {
    /// An entry of `routes`.
    Route(usize),
    /// `default_policy`
    DefaultPolicy,
    /// An entry of `policies`, wherever it was named.
    Policy(Rc<str>),
    /// The metadata of a route or virtual host of Envoy's.
    Metadata,
    /// None: `enabled` is false.
    Disabled,
    /// None: `bypass_cors_preflight`.
    Preflight,
    /// None was met: `report_only`.
    ReportOnly,
}

impl Facts {
    /// A refusal of which only the reason is known so far.
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self {
            reason,
            detail: detail.into(),
            issuer: None,
            kid: None,
            rule: None,
            reading: None,
            reading_classes: Vec::new(),
            request_id: None,
        }
    }

    /// With the rule that refused.
    #[must_use]
    pub(super) fn under(mut self, asked: Option<&Asked<'_>>) -> Self {
        self.rule = asked.map(|asked| asked.rule.clone());
        let reading = asked.and_then(|asked| asked.reading.as_ref());
        self.reading = reading.map(shown);
        self.reading_classes = reading.map(|reading| reading.classes.clone()).unwrap_or_default();
        self
    }

    /// With the request's id, if that is fit for a log.
    #[must_use]
    pub fn of_request(mut self, request_id: Option<&[u8]>) -> Self {
        let fit =
            |id: &&[u8]| !id.is_empty() && id.len() <= MAX_REQUEST_ID && id.iter().all(u8::is_ascii_graphic);
        self.request_id = request_id.filter(fit).map(|id| String::from_utf8_lossy(id).into_owned());
        self
    }
}

/// Without what a decoded `?` would make a query: a token may stand there.
fn shown(reading: &Reading<'_>) -> String {
    let path = reading.path.split('?').next().unwrap_or_default();
    format!("{} {path}", reading.method)
}

impl Display for Facts {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "reason={} detail=\"{}\"", self.reason, self.detail)?;
        if let Some(issuer) = &self.issuer {
            write!(f, " issuer={issuer}")?;
        }
        if let Some(kid) = &self.kid {
            write!(f, " kid={}", Escaped(kid))?;
        }
        if let Some(rule) = &self.rule {
            write!(f, " rule={rule}")?;
        }
        if let Some(reading) = &self.reading {
            write!(f, " reading={}", Escaped(reading))?;
        }
        if let Some((first, others)) = self.reading_classes.split_first() {
            write!(f, " reading_classes={first}")?;
            others.iter().try_for_each(|class| write!(f, ",{class}"))?;
        }
        if let Some(id) = &self.request_id {
            write!(f, " request_id={id}")?;
        }
        Ok(())
    }
}

impl Display for RuleName {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Route(index) => write!(f, "routes[{index}]"),
            Self::DefaultPolicy => f.write_str("default_policy"),
            Self::Policy(name) => f.write_str(name),
            Self::Metadata => f.write_str("route_metadata"),
            Self::Disabled => f.write_str("disabled"),
            Self::Preflight => f.write_str("bypass_cors_preflight"),
            Self::ReportOnly => f.write_str("report_only"),
        }
    }
}
