//! The tags that turn parts of metric names into labels.

/// The key `stats_config` of a bootstrap. The dashboard and the alerts need it.
pub const STATS_CONFIG: &str = r"stats_config:
  stats_tags:
    - tag_name: reason
      regex: '^wasmcustom\.jwt_guard\.(?:denied|would_deny)(\.(\w+))$'
    - tag_name: issuer
      regex: '^wasmcustom\.jwt_guard\.(?:jwks|issuer|revocation_list)(\.(\w+))\.(?:refresh_ok|refresh_failed|keys|items|age_seconds|stale|fail_open|accepted|refused)$'
";
