//! Checks who can write the header with the client's certificate, if the filter reads it.

use super::{Diagnostic, Subject};
use crate::inspect::tree::Tree;
use jwt_guard::config::Config;
use jwt_guard::confirmation::CertificateSource;

const KEY: &[&str] = &["forward_client_cert_details"];

/// Checks the connection manager of a filter with `client_certificate_from: {header: x-forwarded-client-cert}`.
pub(super) fn check(manager: &Tree, config: &Config, diagnostics: &mut Vec<Diagnostic>) {
    if config.client_certificate_from != CertificateSource::ForwardedHeader {
        return;
    }
    let mode = manager.get("forward_client_cert_details");
    let is = |name: &str, number: u32| mode.is_some_and(|mode| mode.is_enum(name, number));
    if is("SANITIZE_SET", 3) || is("APPEND_FORWARD", 2) {
        return;
    }
    let (is_error, problem) = if is("FORWARD_ONLY", 1) {
        let problem = "is FORWARD_ONLY: each client with a certificate can write x-forwarded-client-cert, and use a stolen \
                       token by it; write SANITIZE_SET, or accept only the certificate of the proxy in front of this Envoy";
        (false, problem)
    } else if is("ALWAYS_FORWARD_ONLY", 4) {
        let problem = "is ALWAYS_FORWARD_ONLY: each client can write x-forwarded-client-cert, and use a stolen token by it; \
                       write SANITIZE_SET, or make sure that only the proxy in front of this Envoy reaches it";
        (false, problem)
    } else {
        let problem = "is not set, or is SANITIZE: Envoy removes x-forwarded-client-cert, so no token that is bound to a \
                       certificate passes; write SANITIZE_SET, or client_certificate_from: connection in jwt-guard";
        (true, problem)
    };
    let make = if is_error { Diagnostic::error } else { Diagnostic::warning };
    diagnostics.push(make(manager, Subject::Key(KEY), problem.to_owned()));
}
