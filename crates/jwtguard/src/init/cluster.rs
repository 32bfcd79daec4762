//! Envoy's cluster for the keys, over TLS.

use super::keys_server::KeysServer;
use crate::scalar::Scalar;

/// A cluster that verifies the server of the keys.
pub fn over_tls(name: &str, server: &KeysServer) -> String {
    let (name, host, port) = (Scalar(name), Scalar(&server.host), server.port);
    format!(
        r#"name: {name}
# Envoy resolves the name in the background, and again when its TTL expires. If the name does not
# resolve, the fetch fails and the last good keys stay in use.
type: STRICT_DNS
respect_dns_ttl: true
# Envoy's default is to prefer IPv6, which many networks do not route to the internet.
dns_lookup_family: V4_PREFERRED
connect_timeout: 2s
load_assignment:
  cluster_name: {name}
  endpoints:
    - lb_endpoints:
        - endpoint:
            address: {{ socket_address: {{ address: {host}, port_value: {port} }} }}
# This TLS socket protects the keys, and with them every decision of the filter: an https URL alone
# encrypts nothing. Without match_typed_subject_alt_names Envoy accepts any certificate of the trusted
# authorities.
transport_socket:
  name: envoy.transport_sockets.tls
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
    sni: {host}
    common_tls_context:
      tls_params: {{ tls_minimum_protocol_version: TLSv1_2 }}
      validation_context:
        # The path on Debian and Alpine; on Red Hat it is /etc/pki/tls/certs/ca-bundle.crt.
        trusted_ca: {{ filename: /etc/ssl/certs/ca-certificates.crt }}
        match_typed_subject_alt_names:
          - san_type: DNS
            matcher: {{ exact: {host} }}
"#
    )
}
