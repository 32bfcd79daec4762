//! Checks the TLS socket of a cluster through which keys or revocation lists are fetched.

use super::{Diagnostic, Subject};
use crate::inspect::lints;
use crate::inspect::tree::Tree;
use jwt_guard::config::path::PathSegment;
use jwt_guard::http::Scheme;

/// Checks the TLS socket of a cluster. The scheme `https` in an endpoint adds no encryption: only the socket of the cluster
/// does, and it must verify the certificate.
pub fn check(cluster: &Tree, name: &str, scheme: Scheme, diagnostics: &mut Vec<Diagnostic>) {
    let subject = Subject::Named(format!("cluster {name}"));
    let mut context = None;
    cluster.walk(&mut |tree, path, _| {
        let first = path.segments().first();
        // The prefix also covers `transport_socket_matches`.
        if matches!(first, Some(PathSegment::Key(key)) if key.starts_with("transport_socket") || key.starts_with("transportSocket")) {
            let found = tree.is_type("envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext");
            context = context.or(found.then_some(tree));
        }
    });
    let Some(context) = context else {
        // A local connection does not cross a network.
        if scheme == Scheme::Https && !is_local(cluster) {
            let problem = "has no TLS socket, but the key endpoint is https: keys are fetched without encryption, and \
                           an attacker on the network path can replace them; add an UpstreamTlsContext with sni, \
                           trusted_ca and match_typed_subject_alt_names";
            diagnostics.push(Diagnostic::error(cluster, subject, problem.to_owned()));
        }
        return;
    };
    let common = context.get("common_tls_context");
    let secret = common.and_then(|common| common.get("validation_context_sds_secret_config"));
    let combined = common.and_then(|common| common.get("combined_validation_context"));
    let validation = common
        .and_then(|common| common.get("validation_context"))
        .or_else(|| combined.and_then(|combined| combined.get("default_validation_context")));
    let has =
        |keys: &[&str]| keys.iter().any(|key| validation.is_some_and(|context| context.get(key).is_some()));
    let pinned = has(&["verify_certificate_hash", "verify_certificate_spki"]);
    let remote =
        secret.or_else(|| combined.and_then(|combined| combined.get("validation_context_sds_secret_config")));
    let rooted = has(&[
        "trusted_ca",
        "ca_certificate_provider_instance",
        "system_root_certs",
        "custom_validator_config",
    ]) || remote.is_some();
    let untrusted = validation
        .and_then(|context| context.get("trust_chain_verification"))
        .is_some_and(|verification| verification.is_enum("ACCEPT_UNTRUSTED", 1));
    if untrusted || !(pinned || rooted) {
        let problem =
            "has a TLS socket that accepts any certificate: an attacker on the network path can \
                       replace the keys; add trusted_ca and match_typed_subject_alt_names to validation_context"
                .to_owned();
        diagnostics.push(Diagnostic::error(context, subject.clone(), problem));
        return;
    }
    let automatic = context.get("auto_sni_san_validation").is_some_and(Tree::is_true);
    let names = has(&["match_typed_subject_alt_names", "match_subject_alt_names", "custom_validator_config"]);
    if !(pinned || names || automatic || remote.is_some()) {
        let problem = "accepts a certificate for any name that the CA signed; write the host in \
                       match_typed_subject_alt_names"
            .to_owned();
        diagnostics.push(Diagnostic::warning(context, subject.clone(), problem));
    }
    if context.get("sni").is_none() && context.get("auto_host_sni").is_none_or(|auto| !auto.is_true()) {
        let problem =
            "sends no SNI: a server with several hosts may answer with the certificate of another host; write sni".to_owned();
        diagnostics.push(Diagnostic::warning(context, subject.clone(), problem));
    }
}

/// Whether every address of the cluster is local, so that the connection does not cross a network.
fn is_local(cluster: &Tree) -> bool {
    let (mut addresses, mut local) = (0, 0);
    cluster.walk(&mut |tree, _, _| {
        if let Some(address) = tree.get("socket_address").and_then(|socket| socket.text_of("address")) {
            addresses += 1;
            local += usize::from(lints::is_loopback(address));
        }
        if tree.get("pipe").is_some_and(|pipe| pipe.get("path").is_some()) {
            addresses += 1;
            local += 1;
        }
    });
    addresses > 0 && addresses == local
}
