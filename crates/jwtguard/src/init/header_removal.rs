//! Removing the client's claim headers before Envoy selects a route.

use jwt_guard::config::Config;

use super::text::indented;
use crate::scalar::Scalar;

/// The key `early_header_mutation_extensions` of an HttpConnectionManager.
pub fn extension(config: &Config) -> String {
    let removals: String =
        config.claim_headers.names().map(|name| format!("- remove: {}\n", Scalar(name))).collect();
    format!(
        r#"early_header_mutation_extensions:
  - name: envoy.http.early_header_mutation.header_mutation
    typed_config:
      "@type": type.googleapis.com/envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation
      mutations:
{}"#,
        indented(8, &removals)
    )
}
