//! What the log says of a refusal: facts an operator can act on, nothing of the token but its escaped kid.

use crate::denial::Reason;
use crate::jose::escaped::Escaped;

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
    /// The rule that refused, and the reading of the path that chose it where that is not the path as sent.
    pub rule: String,
    /// The request's `x-request-id`.
    pub request_id: Option<String>,
}

impl Facts {
    /// A refusal of which only the reason is known so far.
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into(), issuer: None, kid: None, rule: String::new(), request_id: None }
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

impl std::fmt::Display for Facts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "reason={} detail=\"{}\"", self.reason, self.detail)?;
        if let Some(issuer) = &self.issuer {
            write!(f, " issuer={issuer}")?;
        }
        if let Some(kid) = &self.kid {
            write!(f, " kid={}", Escaped(kid))?;
        }
        if !self.rule.is_empty() {
            write!(f, " rule={}", self.rule)?;
        }
        if let Some(id) = &self.request_id {
            write!(f, " request_id={id}")?;
        }
        Ok(())
    }
}
