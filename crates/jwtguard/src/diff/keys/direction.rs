//! For each key of the configuration, which change of its value makes the policy weaker.

use jwt_guard::config::keys::{
    DeclaredKey, configuration, dpop, issuer, listed_issuer, second_token, shared,
};

/// Which change of a value makes the policy weaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::diff) enum Direction {
    /// The value is compared region by region.
    Regions,
    /// The value has entries or keys of its own, which are compared.
    Entries,
    /// No change lets a request pass that did not pass.
    Neutral,
    /// `true` is weaker than `false`.
    TrueIsWeaker,
    /// `true` is stricter than `false`.
    TrueIsStricter,
    /// A greater number is weaker; no number is the greatest.
    MoreIsWeaker,
    /// An additional value is weaker.
    AddedIsWeaker,
    /// An additional value is stricter.
    AddedIsStricter,
    /// An additional value is weaker, and no list at all is weakest.
    LimitsTo,
    /// One of these words, the weakest first.
    WeakestFirst(&'static [&'static str]),
    /// A value where there was none is stricter. Every other change is not decided.
    PresentIsStricter,
    /// An object from headers to claims: a header that clients can send now, or that has another claim, is weaker.
    ClaimHeaders,
    /// The effect of a change is not decided, so it counts as weaker.
    Undecided,
}

/// The keys that have a direction of their own, by the object that has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::diff) enum KeyGroup {
    Configuration,
    Issuer,
    SecondToken,
    Dpop,
}

impl KeyGroup {
    /// The keys of the group, in the order of the table of keys.
    pub fn keys(self) -> Vec<&'static DeclaredKey> {
        let groups: &[&'static [DeclaredKey]] = match self {
            Self::Configuration => &[configuration::KEYS],
            Self::Issuer => &[issuer::KEYS, shared::KEYS, listed_issuer::KEYS],
            Self::SecondToken => &[second_token::KEYS],
            Self::Dpop => &[dpop::KEYS],
        };
        groups.iter().flat_map(|keys| keys.iter()).collect()
    }

    /// The direction of a key. `None` for a key that is not in this table: its changes are not decided.
    pub fn direction(self, key: &str) -> Option<Direction> {
        match self {
            Self::Configuration => of_configuration(key),
            Self::Issuer => of_issuer(key),
            Self::SecondToken => of_second_token(key),
            Self::Dpop => of_dpop(key),
        }
    }
}

fn of_configuration(key: &str) -> Option<Direction> {
    use Direction::*;
    Some(match key {
        "default_policy" | "policies" | "routes" | "guards" => Regions,
        "issuers" | "second_tokens" | "dpop" => Entries,
        "enabled" => TrueIsStricter,
        "report_only" | "bypass_cors_preflight" => TrueIsWeaker,
        "skip_readings" => AddedIsWeaker,
        "max_claim_header_bytes" | "max_token_bytes" => MoreIsWeaker,
        "claim_headers" => ClaimHeaders,
        // A removed place is not judged and not removed any more, and a token there is no second token any more.
        "token_from" => Undecided,
        // With `override`, metadata replaces what `routes` require, and with `ignore` routes replace it. Neither follows
        // from the other one. With `narrow`, both are required.
        "route_metadata" | "envoy_gateway_annotations" | "client_certificate_from" => Undecided,
        "forward_token"
        | "realm"
        | "cors_allow_origins"
        | "resource_metadata"
        | "identity_in_filter_state"
        | "token_cache_entries" => Neutral,
        _ => return None,
    })
}

fn of_issuer(key: &str) -> Option<Direction> {
    use Direction::*;
    Some(match key {
        // Issuers are compared by their iss.
        "issuer" => Entries,
        "name" => Neutral,
        "tenants" | "paths" | "token_from" => LimitsTo,
        "first_token" => TrueIsWeaker,
        "audience" | "accepted_algorithms" | "accepted_types" | "jwks_inline" => AddedIsWeaker,
        "roles_from" | "groups_from" | "scopes_from" => AddedIsWeaker,
        "scope_wildcards" | "revocation_list_fail_open" => TrueIsWeaker,
        "require_jti" | "require_expiration" => TrueIsStricter,
        "refused_kids" | "refused_claims" => AddedIsStricter,
        "clock_skew_seconds" | "max_token_lifetime_seconds" => MoreIsWeaker,
        // A key or an item of a list that the issuer withdrew has an effect for longer.
        "jwks_ttl_seconds" | "jwks_max_stale_seconds" => MoreIsWeaker,
        "revocation_list_ttl_seconds" | "revocation_list_max_stale_seconds" => MoreIsWeaker,
        "confirmation" => WeakestFirst(&["ignore", "enforce", "require"]),
        "revocation_list_endpoint" => PresentIsStricter,
        // Other keys, or another list. For `audience_from`, a claim of a wrong type refuses a token.
        "audience_from" | "jwks_cluster" | "jwks_endpoint" | "discovery" | "discovery_cluster" => Undecided,
        "revocation_list_cluster" => Undecided,
        "jwks_refresh_cooldown_seconds" | "jwks_timeout_ms" => Neutral,
        "revocation_list_token_env" | "revocation_list_token" => Neutral,
        "claim_headers" => ClaimHeaders,
        _ => return None,
    })
}

fn of_second_token(key: &str) -> Option<Direction> {
    use Direction::*;
    Some(match key {
        "token_from" => Undecided,
        "issuers" => AddedIsWeaker,
        "claim_headers" => ClaimHeaders,
        "forward_token" => Neutral,
        _ => return None,
    })
}

fn of_dpop(key: &str) -> Option<Direction> {
    use Direction::*;
    Some(match key {
        "origin" | "algorithms" => AddedIsWeaker,
        "max_age_seconds" => MoreIsWeaker,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use jwt_guard::config::objects::OBJECTS;

    use super::*;

    #[test]
    fn every_key_has_a_direction() {
        for object in OBJECTS {
            let group = match object.name {
                "configuration" => None,
                "issuer" => Some(KeyGroup::Issuer),
                "second_token" => Some(KeyGroup::SecondToken),
                "dpop" => Some(KeyGroup::Dpop),
                // Requirements: the conversion to formulas handles each kind, or does not compile.
                "route" | "guard" | "requirement" | "default_policy" | "second_requirement" => continue,
                "claim_condition" | "comparison" | "step_up" | "all_of_them" | "scopes" => continue,
                // Values of a key, which are compared as a whole.
                "token_source" | "any_tenant" | "header_value" | "certificate_header" | "source" => continue,
                "resource_metadata" => continue,
                other => panic!("diff does not compare the object {other}: give its keys a direction"),
            };
            for key in object.keys() {
                let direction = match group {
                    Some(group) => group.direction(key.name),
                    // The keys of one issuer can stand at the top level.
                    None => KeyGroup::Configuration
                        .direction(key.name)
                        .or_else(|| KeyGroup::Issuer.direction(key.name)),
                };
                assert!(direction.is_some(), "{} in {} has no direction", key.name, object.name);
            }
        }
    }

    #[test]
    fn the_table_names_only_keys_that_exist() {
        // The words of the configuration in this file, except those of the tests.
        let table = include_str!("direction.rs").split("#[cfg(test)]").next().unwrap();
        let words = table.split('"').skip(1).step_by(2);
        let groups = [KeyGroup::Configuration, KeyGroup::Issuer, KeyGroup::SecondToken, KeyGroup::Dpop];
        let names: Vec<&str> = groups.iter().flat_map(|group| group.keys()).map(|key| key.name).collect();
        for word in words.filter(|word| !["ignore", "enforce", "require"].contains(word)) {
            assert!(names.contains(&word), "{word}");
        }
    }
}
