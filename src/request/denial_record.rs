//! The denial record: the fields of a log line about a denial. The record contains nothing from the token
//! except its escaped `kid`.

use std::fmt::{Display, Formatter, Result};

use super::effective_policy::{AppliedRequirement, PolicyError};
use super::input::text;
use super::rule_name::RuleName;
use super::token_outcome::TokenFailure;
use crate::denial::Reason;
use crate::headers::ClaimHeaderTooLong;
use crate::http::HeaderMap;
use crate::jose::escaped::{Escaped, EscapedUrl};
use crate::policy::Refusal;
use crate::route::VariantClass;
use crate::token_source::MalformedCredential;

/// The longest request id that is logged.
const MAX_REQUEST_ID: usize = 64;

/// One denial, as a view of a [`Decision`](super::Decision). Its `Display` writes the log line.
#[derive(Debug, Clone, Copy)]
pub struct DenialRecord<'d> {
    /// The reason for counters, the log and filter state.
    pub reason: Reason,
    /// The detail behind the reason. Its `Display` writes a sentence.
    pub detail: Detail<'d>,
    /// The name of the second token that denies the request. `None`: it is not a second token.
    pub token: Option<&'d str>,
    applied: Option<&'d AppliedRequirement<'d>>,
    headers: &'d HeaderMap,
}

/// The detail behind a reason.
#[derive(Debug, Clone, Copy)]
pub enum Detail<'d> {
    /// No requirement can be chosen.
    Policy(&'d PolicyError<'d>),
    /// The credential is ambiguous.
    Credential(MalformedCredential),
    /// A requirement is not met.
    Requirement(&'d Refusal<'d>),
    /// A requirement is not met because the token is invalid.
    Token(&'d TokenFailure<'d>),
    /// The request passes although no keys are available.
    PassedWithoutKeys(&'d TokenFailure<'d>),
    /// The request passes although no revocation list is available.
    PassedWithoutList(&'d TokenFailure<'d>),
    /// A claim does not fit into its header.
    Oversize(&'d ClaimHeaderTooLong),
}

impl<'d> DenialRecord<'d> {
    pub(super) fn new(
        detail: Detail<'d>,
        applied: Option<&'d AppliedRequirement<'d>>,
        headers: &'d HeaderMap,
    ) -> Self {
        Self { reason: detail.reason(), detail, token: None, applied, headers }
    }

    /// The record of a denial by this second token.
    pub(super) fn of_token(self, token: &'d str) -> Self {
        Self { token: Some(token), ..self }
    }

    /// The method as sent.
    pub fn method(&self) -> Option<&'d str> {
        text(self.headers, ":method")
    }

    /// The path as sent. The query is cut off, because it may contain a token, also if its `?` is encoded.
    pub fn path(&self) -> Option<&'d str> {
        text(self.headers, ":path").map(without_query)
    }

    fn request_id(&self) -> Option<&'d str> {
        self.headers.get("x-request-id").and_then(fit_for_a_log)
    }

    /// The configured name of the token's issuer, if the token names a configured one.
    pub fn issuer(&self) -> Option<&'d str> {
        self.detail.failure()?.issuer()
    }

    /// The token's `kid`. Unverified.
    pub fn kid(&self) -> Option<&'d str> {
        self.detail.failure()?.kid()
    }

    /// The rule that denied the request.
    pub fn rule(&self) -> Option<&'d RuleName> {
        self.applied.map(|applied| &applied.rule)
    }

    /// The method and path variant that selected the rule, unless that is the request as written. The text
    /// after a decoded `?` is cut off, because it may contain a token.
    pub fn variant(&self) -> Option<String> {
        let variant = self.applied?.variant.as_ref()?;
        Some(format!("{} {}", variant.method, without_query(&variant.compared_path())))
    }

    /// The classes that lead to this path variant, in order.
    pub fn variant_classes(&self) -> &'d [VariantClass] {
        let variant = self.applied.and_then(|applied| applied.variant.as_ref());
        variant.map(|variant| variant.classes.as_slice()).unwrap_or_default()
    }
}

impl<'d> Detail<'d> {
    fn reason(&self) -> Reason {
        match self {
            Self::Policy(error) => error.reason(),
            Self::Credential(_) => Reason::BadRequest,
            // A failed token is recorded as `Token`, except when nothing is known about the failure.
            Self::Requirement(refusal) => Reason::of_unmet(&refusal.unmet, Reason::Malformed),
            Self::Token(failure) | Self::PassedWithoutKeys(failure) | Self::PassedWithoutList(failure) => {
                failure.reason()
            }
            Self::Oversize(_) => Reason::HeaderOversize,
        }
    }

    fn failure(&self) -> Option<&'d TokenFailure<'d>> {
        match self {
            Self::Token(failure) | Self::PassedWithoutKeys(failure) | Self::PassedWithoutList(failure) => {
                Some(failure)
            }
            _ => None,
        }
    }
}

/// The path before its first `?` or `#`, encoded any number of times.
fn without_query(path: &str) -> &str {
    let starts_query = |at: &usize| {
        let from = path.get(*at..).unwrap_or_default();
        let Some(mut digits) = from.strip_prefix('%') else { return from.starts_with(['?', '#']) };
        while let Some(encoded) = digits.strip_prefix("25") {
            digits = encoded;
        }
        ["3f", "3F", "23"].iter().any(|encoded| digits.starts_with(encoded))
    };
    let end = (0..path.len()).find(starts_query).unwrap_or(path.len());
    path.get(..end).unwrap_or_default()
}

fn fit_for_a_log(request_id: &[u8]) -> Option<&str> {
    let fit = (1..=MAX_REQUEST_ID).contains(&request_id.len()) && request_id.iter().all(u8::is_ascii_graphic);
    std::str::from_utf8(request_id).ok().filter(|_| fit)
}

impl Display for Detail<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Policy(error) => error.fmt(f),
            Self::Credential(malformed) => malformed.fmt(f),
            Self::Requirement(refusal) => refusal.fmt(f),
            Self::Token(failure) => failure.fmt(f),
            Self::PassedWithoutKeys(failure) => {
                write!(f, "{failure}; allow_missing_or_failed lets the request pass without an identity")
            }
            Self::PassedWithoutList(failure) => {
                write!(f, "{failure}; revocation_list_fail_open lets the request pass")
            }
            Self::Oversize(oversize) => {
                write!(f, "{oversize}")
            }
        }
    }
}

impl Display for DenialRecord<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "reason={} detail=\"{}\"", self.reason, self.detail)?;
        if let Some(token) = self.token {
            write!(f, " token={token}")?;
        }
        if let Some(issuer) = self.issuer() {
            write!(f, " issuer={issuer}")?;
        }
        if let Some(kid) = self.kid() {
            write!(f, " kid={}", Escaped(kid))?;
        }
        if let Some(rule) = self.rule() {
            write!(f, " rule={rule}")?;
        }
        if let Some(variant) = self.variant() {
            write!(f, " reading={}", Escaped(&variant))?;
        }
        if let Some((first, others)) = self.variant_classes().split_first() {
            write!(f, " reading_classes={first}")?;
            others.iter().try_for_each(|class| write!(f, ",{class}"))?;
        }
        if let Some(method) = self.method() {
            write!(f, " method={}", Escaped(method))?;
        }
        if let Some(path) = self.path() {
            write!(f, " path={}", EscapedUrl(path))?;
        }
        if let Some(id) = self.request_id() {
            write!(f, " request_id={id}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_logged_without_its_query() {
        for (path, expected) in [
            ("/a/b", "/a/b"),
            ("/a?token=x", "/a"),
            ("/a#token=x", "/a"),
            ("/a%3Ftoken=x", "/a"),
            ("/a%3ftoken=x", "/a"),
            ("/a%23token=x", "/a"),
            ("/a%253Ftoken=x", "/a"),
            ("/a%25253ftoken=x", "/a"),
            ("/a%25/b?c", "/a%25/b"),
            ("/50%25off%2b", "/50%25off%2b"),
            ("/caf\u{e9}?x", "/caf\u{e9}"),
            ("?", ""),
        ] {
            assert_eq!(without_query(path), expected, "{path}");
        }
    }
}
