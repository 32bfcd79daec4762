//! The values of a request that claims are compared with (`equals`).

use std::borrow::Cow;

use super::effective_policy::EffectivePolicy;
use super::token_outcome::TokenOutcome;
use crate::config::Config;
use crate::headers::{grpc_metadata, header_names_match};
use crate::http::{HeaderMap, comparable_host, trim_ows};
use crate::policy::{EvaluationContext, RequestValue, RequestValues};
use crate::time::UnixTime;

/// Headers from which some upstreams take the host instead of `:authority`.
const FORWARDED_HOSTS: [&str; 3] = ["x-forwarded-host", "x-host", "x-original-host"];

/// The header with the parameter `host` (RFC 7239 section 4).
const FORWARDED: &str = "forwarded";

/// The values of a request for the requirements that apply to it.
#[derive(Debug)]
pub struct ValuesOfRequest<'a, 'r> {
    /// The requirements that apply.
    pub policy: &'a EffectivePolicy<'r>,
    /// The header fields of the request.
    pub headers: &'a HeaderMap,
}

impl RequestValues for ValuesOfRequest<'_, '_> {
    fn value(&self, requirement: usize, value: &RequestValue) -> Option<Cow<'_, str>> {
        match value {
            RequestValue::Path(name) => {
                self.policy.applied.get(requirement)?.parameters.as_ref()?.value(name)
            }
            RequestValue::Host(_) => first_label(self.headers),
            RequestValue::Header(name) => only_value(self.headers, name).map(Cow::Borrowed),
        }
    }
}

/// The context in which the conditions of this request are evaluated.
pub fn evaluation_context<'c>(
    config: &Config,
    token: &TokenOutcome<'_>,
    values: &'c dyn RequestValues,
    now: UnixTime,
) -> EvaluationContext<'c> {
    let issuer = token.verified().and_then(|cached| config.issuers.get(cached.identity().issuer().0));
    let clock_skew = issuer.map(|issuer| issuer.rules.clock_skew).unwrap_or_default();
    EvaluationContext { now, clock_skew, values }
}

/// Whether some upstreams take one header for the other.
fn is_spelling_of(header: &str, name: &str) -> bool {
    header_names_match(header, name)
        || grpc_metadata(header).is_some_and(|metadata| header_names_match(metadata, name))
}

/// The value of a header that is there exactly once. An upstream that reads `x_customer_id` as `x-customer-id` could
/// otherwise take another value than the one that was compared.
fn only_value<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut found = headers.iter().filter(|(header, _)| is_spelling_of(header, name));
    let (header, value) = found.next()?;
    if header != name || found.next().is_some() {
        return None;
    }
    std::str::from_utf8(trim_ows(value)).ok()
}

/// The first label of the host, in lower case. `None` if the request names another host elsewhere.
fn first_label(headers: &HeaderMap) -> Option<Cow<'_, str>> {
    let host = comparable_host(headers.get(":authority")?);
    if !headers.iter().all(|(name, value)| names_no_other_host(name, value, &host)) {
        return None;
    }
    let label = |host: &[u8]| host.split(|byte| *byte == b'.').next().map(<[u8]>::len);
    let length = label(&host)?;
    match host {
        Cow::Borrowed(host) => std::str::from_utf8(host.get(..length)?).ok().map(Cow::Borrowed),
        Cow::Owned(mut host) => {
            host.truncate(length);
            String::from_utf8(host).ok().map(Cow::Owned)
        }
    }
}

/// Whether a header does not name another host than this one.
fn names_no_other_host(name: &str, value: &[u8], host: &[u8]) -> bool {
    if FORWARDED_HOSTS.iter().any(|forwarded| is_spelling_of(name, forwarded)) {
        // Each of several proxies may have added the host.
        return value.split(|byte| *byte == b',').all(|part| *comparable_host(trim_ows(part)) == *host);
    }
    !is_spelling_of(name, FORWARDED)
        || forwarded_hosts(value).all(|forwarded| *comparable_host(forwarded) == *host)
}

/// The values after each `host=` of a `Forwarded` header, up to the next `;` or `,`. The quotes are removed from a value
/// that is one quoted text. Every other value keeps what surrounds it, so that it equals no host.
fn forwarded_hosts(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    const NAME: &[u8] = b"host";
    let named =
        move |at: usize| value.get(at..at + NAME.len()).is_some_and(|name| name.eq_ignore_ascii_case(NAME));
    (0..value.len()).filter(move |at| named(*at)).filter_map(move |at| {
        let after = trim_ows(value.get(at + NAME.len()..)?).strip_prefix(b"=").map(trim_ows)?;
        let value = after.split(|byte| matches!(byte, b';' | b',')).next().map(trim_ows)?;
        let quoted = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
        Some(quoted.unwrap_or(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(authority: &str, others: &[(&str, &str)]) -> HeaderMap {
        std::iter::once((":authority", authority)).chain(others.iter().copied()).collect()
    }

    #[test]
    fn a_label_counts_if_the_request_names_no_other_host() {
        for (authority, others, expected) in [
            ("acme.api.example.com", &[][..], Some("acme")),
            ("ACME.api.example.com.:8443", &[], Some("acme")),
            ("acme.api.example.com", &[("x-forwarded-host", "ACME.api.example.com:443")], Some("acme")),
            (
                "acme.api.example.com",
                &[("forwarded", "for=1.2.3.4;host=acme.api.example.com;proto=https")],
                Some("acme"),
            ),
            (
                "acme.api.example.com",
                &[("forwarded", "for=1.2.3.4, Host = \"acme.api.example.com:1\"")],
                Some("acme"),
            ),
            ("acme.api.example.com", &[("forwarded", "for=localhost")], Some("acme")),
            ("acme.api.example.com", &[("x-forwarded-for", "evil.api.example.com")], Some("acme")),
            ("acme.api.example.com", &[("x-forwarded-host", "evil.api.example.com")], None),
            ("acme.api.example.com", &[("x_forwarded_host", "evil.api.example.com")], None),
            ("acme.api.example.com", &[("grpc-metadata-x-host", "evil.api.example.com")], None),
            ("acme.api.example.com", &[("x-original-host", "")], None),
            (
                "acme.api.example.com",
                &[("x-host", "acme.api.example.com"), ("x-host", "evil.api.example.com")],
                None,
            ),
            (
                "acme.api.example.com",
                &[("x-forwarded-host", "acme.api.example.com, evil.api.example.com")],
                None,
            ),
            ("acme.api.example.com", &[("forwarded", "host=evil.api.example.com")], None),
            (
                "acme.api.example.com",
                &[("forwarded", "host=acme.api.example.com, host=evil.api.example.com")],
                None,
            ),
            ("acme.api.example.com", &[("forwarded", "for=a;HOST=\"evil.api.example.com\"")], None),
            ("acme.api.example.com", &[("forwarded", "host=\"acme.api.example.com")], None),
            ("acme.api.example.com", &[("forwarded", "host=\"acme.api.example.com\".evil")], None),
            ("acme.api.example.com", &[("forwarded", "host=acme.api.example.com evil")], None),
            (
                "acme.api.example.com",
                &[("x-forwarded-host", "acme.api.example.com, ACME.api.example.com:443")],
                Some("acme"),
            ),
            ("acme.api.example.com", &[("x-forwarded-host", "acme.api.example.com,")], None),
            ("acme.api.example.com", &[("forwarded", "host=\"acme\\.api.example.com\"")], None),
        ] {
            assert_eq!(
                first_label(&headers(authority, others)).as_deref(),
                expected,
                "{authority} {others:?}"
            );
        }
    }

    #[test]
    fn a_header_counts_if_it_is_there_once() {
        for (others, expected) in [
            (&[("x-customer-id", "c1")][..], Some("c1")),
            (&[("x-customer-id", "c1"), ("x-customer", "c2")], Some("c1")),
            (&[("x-customer-id", "c1, c2")], Some("c1, c2")),
            (&[], None),
            (&[("x_customer_id", "c1")], None),
            (&[("x-customer-id", "c1"), ("x-customer-id", "c1")], None),
            (&[("x-customer-id", "c1"), ("x_customer_id", "c1")], None),
            (&[("x-customer-id", "c1"), ("grpc-metadata-x-customer-id", "c1")], None),
        ] {
            assert_eq!(only_value(&headers("a", others), "x-customer-id"), expected, "{others:?}");
        }
    }
}
