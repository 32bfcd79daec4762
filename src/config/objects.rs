//! The objects of a configuration and the keys of each, for documents.

use super::keys::{
    DeclaredKey, all_of_them, any_of_them, any_tenant, certificate_header, claim_condition, comparison,
    configuration, dpop, header_value, issuer, listed_issuer, requirement, route, second_token, shared,
    source, step_up, token_source,
};

/// An object of the configuration.
#[derive(Debug)]
pub struct ObjectKeys {
    /// The name in `$defs` of the JSON Schema.
    pub name: &'static str,
    /// One phrase that describes the object.
    pub title: &'static str,
    /// The keys, by group.
    pub groups: &'static [&'static [DeclaredKey]],
    /// Keys of the groups that the object cannot have.
    pub except: &'static [&'static str],
    /// Keys that are required.
    pub required: &'static [&'static str],
    /// Groups of keys. Exactly one group is required, by at least one of its keys.
    pub one_of: &'static [&'static [&'static str]],
}

impl ObjectKeys {
    /// The keys, in the order of the table in [`super::keys`].
    pub fn keys(&self) -> impl Iterator<Item = &'static DeclaredKey> {
        self.groups.iter().flat_map(|keys| keys.iter()).filter(|key| !self.except.contains(&key.name))
    }
}

/// Every object of the configuration. RFC 9728 defines the members of a document of `resource_metadata`.
pub static OBJECTS: &[ObjectKeys] = &[
    ObjectKeys {
        name: "configuration",
        title: "The configuration of jwt-guard",
        groups: &[configuration::KEYS, shared::KEYS, issuer::KEYS],
        except: &[],
        required: &[],
        one_of: &[],
    },
    ObjectKeys {
        name: "issuer",
        title: "An issuer",
        groups: &[issuer::KEYS, listed_issuer::KEYS, shared::KEYS],
        except: &[],
        required: &[issuer::ISSUER.as_str(), issuer::AUDIENCE.as_str()],
        one_of: &[&[issuer::JWKS_CLUSTER.as_str()], &[issuer::JWKS_INLINE.as_str()]],
    },
    ObjectKeys {
        name: "route",
        title: "A route",
        groups: &[route::KEYS, requirement::KEYS],
        except: &[],
        required: &[route::PATH.as_str()],
        one_of: &[],
    },
    ObjectKeys {
        name: "guard",
        title: "A guard: a requirement that adds to that of the route",
        groups: &[route::KEYS, requirement::KEYS],
        except: &[
            route::TOKEN_FROM.as_str(),
            route::FORWARD_TOKEN.as_str(),
            requirement::ALLOW_ANONYMOUS.name.as_str(),
            requirement::ALLOW_MISSING.name.as_str(),
            requirement::ALLOW_MISSING_OR_FAILED.name.as_str(),
        ],
        required: &[route::PATH.as_str()],
        one_of: &[],
    },
    ObjectKeys {
        name: "requirement",
        title: "A requirement",
        groups: &[requirement::KEYS],
        except: &[],
        required: &[],
        one_of: &[],
    },
    ObjectKeys {
        name: "default_policy",
        title: "A requirement; {} requires a valid token",
        groups: &[requirement::KEYS],
        except: &[],
        required: &[],
        one_of: &[],
    },
    ObjectKeys {
        name: "token_source",
        title: "A token source: where a request may carry a token",
        groups: &[token_source::KEYS],
        except: &[],
        required: &[],
        one_of: &[
            &[token_source::HEADER.as_str()],
            &[token_source::QUERY.as_str()],
            &[token_source::COOKIE.as_str()],
        ],
    },
    ObjectKeys {
        name: "second_token",
        title: "A second token: where it stands and who issues it",
        groups: &[second_token::KEYS],
        except: &[],
        required: &[second_token::TOKEN_FROM.as_str(), second_token::ISSUERS.as_str()],
        one_of: &[],
    },
    ObjectKeys {
        name: "second_requirement",
        title: "A requirement for a second token",
        groups: &[requirement::KEYS],
        except: &[
            requirement::ALLOW_ANONYMOUS.name.as_str(),
            requirement::ALLOW_MISSING_OR_FAILED.name.as_str(),
            requirement::DENY.name.as_str(),
            requirement::POLICY.as_str(),
            requirement::REQUIRES_TOKEN.as_str(),
            requirement::SHADOW.as_str(),
        ],
        required: &[],
        one_of: &[],
    },
    ObjectKeys {
        name: "any_tenant",
        title: "Every tenant",
        groups: &[any_tenant::KEYS],
        except: &[],
        required: &[any_tenant::ANY.as_str()],
        one_of: &[],
    },
    ObjectKeys {
        name: "header_value",
        title: "A fixed value of a claim header",
        groups: &[header_value::KEYS],
        except: &[],
        required: &[header_value::VALUE.as_str()],
        one_of: &[],
    },
    ObjectKeys {
        name: "claim_condition",
        title: "A condition on a claim",
        groups: &[claim_condition::KEYS],
        except: &[],
        required: &[claim_condition::CLAIM.as_str()],
        one_of: &[
            &[claim_condition::ANY.as_str()],
            &[claim_condition::ALL.as_str()],
            &[claim_condition::NONE.as_str()],
            &[claim_condition::PREFIX.as_str()],
            &[claim_condition::SUFFIX.as_str()],
            &[claim_condition::AT_LEAST.as_str(), claim_condition::AT_MOST.as_str()],
            &[claim_condition::EQUALS.as_str()],
            &[claim_condition::PRESENT.name.as_str()],
        ],
    },
    ObjectKeys {
        name: "comparison",
        title: "A value of the request that a claim must equal",
        groups: &[comparison::KEYS],
        except: &[],
        required: &[],
        one_of: &[&[comparison::PATH.as_str()], &[comparison::HOST.as_str()], &[comparison::HEADER.as_str()]],
    },
    ObjectKeys {
        name: "certificate_header",
        title: "The header with the client's certificate",
        groups: &[certificate_header::KEYS],
        except: &[],
        required: &[certificate_header::HEADER.as_str()],
        one_of: &[],
    },
    ObjectKeys {
        name: "dpop",
        title: "The rules for DPoP proofs (RFC 9449)",
        groups: &[dpop::KEYS],
        except: &[],
        required: &[dpop::ORIGIN.as_str()],
        one_of: &[],
    },
    ObjectKeys {
        name: "step_up",
        title: "An authentication (RFC 9470)",
        groups: &[step_up::KEYS],
        except: &[],
        required: &[],
        one_of: &[&[step_up::ACR.as_str(), step_up::MAX_AGE_SECONDS.name.as_str()]],
    },
    ObjectKeys {
        name: "all_of_them",
        title: "A list of names that are all required",
        groups: &[all_of_them::KEYS],
        except: &[],
        required: &[all_of_them::ALL.as_str()],
        one_of: &[],
    },
    ObjectKeys {
        name: "scopes",
        title: "Several scopes, of which one or all are required",
        groups: &[any_of_them::KEYS, all_of_them::KEYS],
        except: &[],
        required: &[],
        one_of: &[&[any_of_them::ANY.as_str()], &[all_of_them::ALL.as_str()]],
    },
    ObjectKeys {
        name: "source",
        title: "A claim with values, and the form of the claim",
        groups: &[source::KEYS],
        except: &[],
        required: &[source::CLAIM.as_str()],
        one_of: &[],
    },
    ObjectKeys {
        name: "resource_metadata",
        title: "A protected resource metadata document (RFC 9728)",
        groups: &[],
        except: &[],
        required: &["resource"],
        one_of: &[],
    },
];
