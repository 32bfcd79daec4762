//! The mistakes in what an issuer adds for its own tokens: tenants, paths and token sources.

use crate::jose::tenants::TenantIssuerError;

/// A mistake in `tenants`, `paths` or `token_from` of an issuer, or in a key that these keys affect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IssuerError {
    /// An issuer with a placeholder that is not valid.
    #[error("{0}")]
    Placeholder(TenantIssuerError),
    /// `tenants` without a placeholder in `issuer`.
    #[error(
        "the issuer has no placeholder for a tenant; write issuer as in https://login.example.com/{{tid}}/v2.0, or \
         remove tenants"
    )]
    TenantsWithoutPlaceholder,
    /// Two issuers with placeholders that can match the same `iss`.
    #[error(
        "the issuers {first} and {second} can match the same iss; write a list of issuers without a placeholder"
    )]
    OverlappingTenants {
        /// The name of the earlier issuer.
        first: String,
        /// The name of the later issuer.
        second: String,
    },
    /// `discovery: true` with tenants.
    #[error("an issuer with a placeholder has no discovery document of its own; write jwks_endpoint instead")]
    DiscoveryOfTenants,
    /// A path, or a URL with braces, as the `jwks_endpoint` of an issuer with tenants.
    #[error(
        "found {got}; all tenants of an issuer share one key set, so write its full URL without a placeholder, such as \
         https://login.microsoftonline.com/common/discovery/v2.0/keys"
    )]
    EndpointOfTenants {
        /// The value, shortened.
        got: String,
    },
    /// A path, or a URL with braces, as the `revocation_list_endpoint` of an issuer with tenants.
    #[error(
        "found {got}; all tenants of an issuer share one revocation list, so write its full URL without a placeholder, \
         such as https://login.example.com/revocations"
    )]
    ListOfTenants {
        /// The value, shortened.
        got: String,
    },
    /// A key about the revocation list without `revocation_list_endpoint`.
    #[error("this key is used only with revocation_list_endpoint; write that key, or remove this one")]
    NoRevocationList,
    /// `revocation_list_token` beside `revocation_list_token_env`.
    #[error("revocation_list_token_env already gives the token; remove one of the two keys")]
    TwoListTokens,
    /// A value of `revocation_list_token` that is not a token. The error does not show the value.
    #[error("expected a token of visible ASCII characters without a space; the value is not shown")]
    ListToken,
    /// The variable of `revocation_list_token_env` is not set.
    #[error(
        "the environment variable {variable} is not set in the VM; add it to environment_variables of vm_config, with \
         key_values or host_env_keys"
    )]
    NoVariable {
        /// The name of the variable.
        variable: String,
    },
    /// The variable of `revocation_list_token_env` is empty or has other characters than a token. The error does not
    /// show the value.
    #[error(
        "the environment variable {variable} is empty or has other characters than a token; expected visible ASCII \
         characters without a space"
    )]
    VariableIsNoToken {
        /// The name of the variable.
        variable: String,
    },
    /// Two templates in `paths` that match the same paths.
    #[error("{first} and {second} match the same paths; remove one")]
    EqualPaths {
        /// The earlier template.
        first: String,
        /// The later template.
        second: String,
    },
    /// Two templates in `paths` that differ only in letter case.
    #[error(
        "{first} and {second} differ only in case, which some upstreams ignore; spell the path one way, or remove one"
    )]
    PathsInTwoCases {
        /// The earlier template.
        first: String,
        /// The later template.
        second: String,
    },
    /// A token source of an issuer that no request is read from.
    #[error(
        "no token is read from this source, because token_from of an issuer only narrows the global token_from and that \
         of routes; add the source to the global token_from or to a route, or remove it here"
    )]
    SourceIsNotRead,
}
