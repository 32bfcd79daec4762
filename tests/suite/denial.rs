//! The exact bytes of every denial.

use std::collections::BTreeSet;
use std::time::Duration;

use jwt_guard::denial::{BodyFormat, Challenge, Denial, Reason};
use jwt_guard::issuer_index::IssuerIndex;
use jwt_guard::jose::error::{Malformed, TokenError};
use jwt_guard::jose::pointer::Pointer;
use jwt_guard::policy::{AnyAll, ClaimCondition, ClaimTest, NonEmpty, StepUp, Unmet};

const METADATA: &str = "https://api.example.com/.well-known/oauth-protected-resource/orders";

const INVALID: &[Reason] = &[
    Reason::Malformed,
    Reason::TooLong,
    Reason::UnknownIssuer,
    Reason::Algorithm,
    Reason::Type,
    Reason::Crit,
    Reason::UnknownKid,
    Reason::RefusedKid,
    Reason::BadKey,
    Reason::Signature,
    Reason::NotYetValid,
    Reason::Lifetime,
    Reason::Audience,
    Reason::ClaimType,
    Reason::RefusedClaim,
    Reason::Revoked,
];

const FORBIDDEN: &[Reason] = &[
    Reason::Role,
    Reason::Group,
    Reason::Scope,
    Reason::Claim,
    Reason::IssuerNotAllowed,
    Reason::AudienceNotAllowed,
    Reason::Denied,
];

fn plain() -> Challenge<'static> {
    Challenge { realm: "orders", scopes: &[], step_up: None, resource_metadata: None, dpop: None }
}

/// The response as text: status, headers and body.
fn shown(denial: &Denial) -> String {
    let headers: Vec<String> =
        denial.headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
    format!("{}\n{}\n{}", denial.status, headers.concat(), String::from_utf8_lossy(&denial.body))
}

fn expected(status: u16, challenge: Option<&str>, body: &str, last: &str) -> String {
    let challenge = challenge.map(|value| format!("www-authenticate: {value}\n")).unwrap_or_default();
    format!("{status}\ncache-control: no-store\n{challenge}content-type: application/json\n{last}\n{body}")
}

#[test]
fn answers_to_every_reason() {
    let mut answered = BTreeSet::new();
    let mut check = |reasons: &[Reason], status, challenge: Option<&str>, body: &str, last: &str| {
        for reason in reasons {
            let denial = Denial::new(*reason, &plain(), BodyFormat::Json);
            assert_eq!(shown(&denial), expected(status, challenge, body, last), "{reason}");
            assert_eq!(denial.reason, *reason);
            assert!(answered.insert(*reason), "{reason} occurs in two rows");
        }
    };
    check(
        &[Reason::MissingToken],
        401,
        Some(r#"Bearer realm="orders""#),
        r#"{"error":"missing_token","detail":"Missing or invalid Authorization header"}"#,
        "",
    );
    check(
        &[Reason::BadRequest],
        400,
        Some(r#"Bearer realm="orders", error="invalid_request""#),
        r#"{"error":"invalid_request","detail":"Malformed or repeated credentials"}"#,
        "",
    );
    check(
        &[Reason::Expired],
        401,
        Some(r#"Bearer realm="orders", error="invalid_token", error_description="Token has expired""#),
        r#"{"error":"invalid_token","detail":"Token has expired"}"#,
        "",
    );
    check(
        INVALID,
        401,
        Some(r#"Bearer realm="orders", error="invalid_token", error_description="Token is invalid""#),
        r#"{"error":"invalid_token","detail":"Token is invalid"}"#,
        "",
    );
    check(
        &[Reason::Confirmation],
        401,
        Some(
            "Bearer realm=\"orders\", error=\"invalid_token\", error_description=\"The request does not confirm the \
             binding of the token (cnf)\"",
        ),
        r#"{"error":"invalid_token","detail":"The request does not confirm the binding of the token (cnf)"}"#,
        "",
    );
    for (reason, detail) in [
        (Reason::DpopProof, "The DPoP proof is missing or invalid"),
        (Reason::DpopReplay, "The DPoP proof was used before; send a new one"),
    ] {
        check(
            &[reason],
            401,
            Some(&format!(
                r#"Bearer realm="orders", error="invalid_dpop_proof", error_description="{detail}""#
            )),
            &format!(r#"{{"error":"invalid_dpop_proof","detail":"{detail}"}}"#),
            "",
        );
    }
    check(
        FORBIDDEN,
        403,
        Some(r#"Bearer realm="orders", error="insufficient_scope""#),
        r#"{"error":"insufficient_scope","detail":"Access to this resource is not permitted"}"#,
        "",
    );
    check(
        &[Reason::StepUp],
        401,
        Some(
            "Bearer realm=\"orders\", error=\"insufficient_user_authentication\", \
             error_description=\"Another authentication of the user is required\"",
        ),
        r#"{"error":"insufficient_user_authentication","detail":"Another authentication of the user is required"}"#,
        "",
    );
    check(
        &[Reason::HeaderOversize],
        403,
        Some(r#"Bearer realm="orders", error="insufficient_scope""#),
        r#"{"error":"insufficient_scope","detail":"A claim of the token is too long to be forwarded"}"#,
        "",
    );
    check(
        &[Reason::NoKeys, Reason::NoRevocationList, Reason::WaitingFull],
        503,
        None,
        r#"{"error":"temporarily_unavailable","detail":"The token cannot be verified at the moment"}"#,
        "retry-after: 1\n",
    );
    check(
        &[Reason::AmbiguousPath],
        400,
        None,
        r#"{"error":"bad_path","detail":"Malformed or ambiguous path"}"#,
        "",
    );
    check(
        &[Reason::BadMetadata],
        503,
        None,
        r#"{"error":"misconfigured","detail":"The policy of this route is misconfigured"}"#,
        "",
    );
    assert_eq!(answered, BTreeSet::from(Reason::ALL), "every reason has a row");
}

#[test]
fn a_step_up_names_the_authentication_that_is_required() {
    for (acr, max_age, expected) in [
        (&["phr", "phrh"][..], None, ", acr_values=\"phr phrh\""),
        (&[], Some(300), ", max_age=\"300\""),
        (
            &["urn:mace:incommon:iap:silver"],
            Some(0),
            ", acr_values=\"urn:mace:incommon:iap:silver\", max_age=\"0\"",
        ),
    ] {
        let step_up = StepUp { acr: acr.iter().map(|acr| (*acr).to_owned()).collect(), max_age };
        let challenge = Challenge {
            realm: "orders",
            scopes: &["pay"],
            step_up: Some(&step_up),
            resource_metadata: None,
            dpop: None,
        };
        let denial = Denial::new(Reason::StepUp, &challenge, BodyFormat::Json);
        let (_, challenge) = denial.headers.iter().find(|(name, _)| name == "www-authenticate").unwrap();
        let expected = format!(
            "Bearer realm=\"orders\", error=\"insufficient_user_authentication\", \
             error_description=\"Another authentication of the user is required\"{expected}, scope=\"pay\""
        );
        assert_eq!((denial.status, challenge), (401, &expected.into()));
    }
}

#[test]
fn challenges_contain_the_required_scopes() {
    let scopes = ["orders:read", "not a scope", "b\"", "profile"];
    let challenge = Challenge {
        realm: "orders",
        scopes: &scopes,
        step_up: None,
        resource_metadata: Some(METADATA),
        dpop: None,
    };
    let metadata = format!(r#"resource_metadata="{METADATA}""#);
    let scope = r#"scope="orders:read profile""#;
    let rows = [
        (Reason::MissingToken, format!(r#"Bearer realm="orders", {scope}, {metadata}"#)),
        (Reason::BadRequest, format!(r#"Bearer realm="orders", error="invalid_request", {metadata}"#)),
        (
            Reason::Signature,
            format!(
                r#"Bearer realm="orders", error="invalid_token", error_description="Token is invalid", {metadata}"#
            ),
        ),
        (Reason::Scope, format!(r#"Bearer realm="orders", error="insufficient_scope", {scope}, {metadata}"#)),
        (Reason::Role, format!(r#"Bearer realm="orders", error="insufficient_scope", {scope}, {metadata}"#)),
        (Reason::HeaderOversize, format!(r#"Bearer realm="orders", error="insufficient_scope", {metadata}"#)),
    ];
    for (reason, expected) in rows {
        let denial = Denial::new(reason, &challenge, BodyFormat::Json);
        let value =
            denial.headers.iter().find(|(name, _)| name == "www-authenticate").map(|(_, value)| value);
        assert_eq!(value, Some(&expected.into()), "{reason}");
    }
    for reason in [Reason::NoKeys, Reason::WaitingFull, Reason::AmbiguousPath, Reason::BadMetadata] {
        let denial = Denial::new(reason, &challenge, BodyFormat::Json);
        assert!(denial.headers.iter().all(|(name, _)| name != "www-authenticate"), "{reason}");
    }
}

#[test]
fn a_realm_is_escaped_inside_its_quotes() {
    let challenge =
        Challenge { realm: "a\"b\\\r\nc", scopes: &[], step_up: None, resource_metadata: None, dpop: None };
    let denial = Denial::new(Reason::MissingToken, &challenge, BodyFormat::Json);
    assert_eq!(denial.headers[1].1, r#"Bearer realm="a\"b\\??c""#);
}

#[test]
fn grpc_gets_only_the_detail() {
    let denial = Denial::new(Reason::Expired, &plain(), BodyFormat::Grpc);
    let challenge = r#"Bearer realm="orders", error="invalid_token", error_description="Token has expired""#;
    let expected =
        format!("401\ncache-control: no-store\nwww-authenticate: {challenge}\n\nToken has expired");
    assert_eq!(shown(&denial), expected);
    for reason in Reason::ALL {
        let denial = Denial::new(reason, &plain(), BodyFormat::Grpc);
        assert_eq!(denial.body, denial.detail.as_bytes(), "{reason}");
    }
}

#[test]
fn the_form_depends_on_the_content_type() {
    let rows: &[(Option<&[u8]>, BodyFormat)] = &[
        (Some(b"application/grpc"), BodyFormat::Grpc),
        (Some(b"application/grpc+proto"), BodyFormat::Grpc),
        (Some(b"application/grpc-web"), BodyFormat::Json),
        (Some(b"application/grpcx"), BodyFormat::Json),
        (Some(b"application/json"), BodyFormat::Json),
        (Some(b"\xff"), BodyFormat::Json),
        (None, BodyFormat::Json),
    ];
    for (content_type, form) in rows {
        assert_eq!(BodyFormat::of(*content_type), *form, "{content_type:?}");
    }
}

#[test]
fn retry_after_is_rounded_up_to_seconds() {
    let rows = [
        (Duration::ZERO, "1"),
        (Duration::from_millis(1), "1"),
        (Duration::from_secs(1), "1"),
        (Duration::from_millis(1001), "2"),
        (Duration::from_secs(10), "10"),
        (Duration::MAX, "18446744073709551615"),
    ];
    for (delay, expected) in rows {
        let denial = Denial::new(Reason::NoKeys, &plain(), BodyFormat::Json).retry_after(delay);
        let values: Vec<_> = denial.headers.iter().filter(|(name, _)| name == "retry-after").collect();
        assert_eq!(values, [&("retry-after".into(), expected.into())], "{delay:?}");
    }
}

#[test]
fn bodies_are_json_without_the_reason() {
    for reason in Reason::ALL {
        let denial = Denial::new(reason, &plain(), BodyFormat::Json);
        let body: serde_json::Value = serde_json::from_slice(&denial.body).unwrap();
        assert_eq!(body["detail"], *denial.detail, "{reason}");
        assert_eq!(body.as_object().unwrap().len(), 2, "{reason}");
    }
}

#[test]
fn reasons_are_the_documented_ones() {
    let documented = "missing_token bad_request malformed too_long unknown_issuer algorithm type crit unknown_kid \
         refused_kid bad_key signature expired not_yet_valid lifetime audience claim_type refused_claim revoked \
         confirmation dpop_proof dpop_replay role group scope claim step_up issuer_not_allowed audience_not_allowed \
         denied no_keys no_revocation_list waiting_full ambiguous_path bad_metadata header_oversize";
    let names: Vec<&str> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
    assert_eq!(names, documented.split_whitespace().collect::<Vec<_>>());
}

#[test]
fn reasons_of_token_errors() {
    let rows = [
        (TokenError::TooLong { bytes: 2, limit: 1 }, "too_long"),
        (TokenError::Malformed(Malformed::Parts), "malformed"),
        (TokenError::UnknownIssuer, "unknown_issuer"),
        (TokenError::Algorithm, "algorithm"),
        (TokenError::Type, "type"),
        (TokenError::Critical, "crit"),
        (TokenError::UnknownKid, "unknown_kid"),
        (TokenError::RefusedKid, "refused_kid"),
        (TokenError::BadKey, "bad_key"),
        (TokenError::Signature, "signature"),
        (TokenError::SignatureOfTried { fitting: 5 }, "signature"),
        (TokenError::Expired, "expired"),
        (TokenError::NoExpiration, "expired"),
        (TokenError::NotYetValid, "not_yet_valid"),
        (TokenError::Lifetime, "lifetime"),
        (TokenError::NoAudience, "audience"),
        (TokenError::Audience, "audience"),
        (TokenError::ClaimType { claim: "exp" }, "claim_type"),
        (TokenError::NoJti, "claim_type"),
        (TokenError::RefusedClaim { pointer: "type".to_owned() }, "refused_claim"),
    ];
    for (error, expected) in rows {
        assert_eq!(Reason::from(&error).as_str(), expected);
    }
}

/// The detail distinguishes only faults that a client can fix. Other details would help an attacker improve a forged
/// token.
#[test]
fn details_name_only_faults_that_a_client_can_fix() {
    let rows = [
        (TokenError::Expired, "Token has expired"),
        (TokenError::NoExpiration, "Token has no expiration time (exp)"),
        (TokenError::NoAudience, "Token has no audience (aud)"),
        (TokenError::Audience, "Token is for another audience"),
        (TokenError::Signature, "Token is invalid"),
        (TokenError::SignatureOfTried { fitting: 5 }, "Token is invalid"),
        (TokenError::UnknownKid, "Token is invalid"),
        (TokenError::UnknownIssuer, "Token is invalid"),
        (TokenError::ClaimType { claim: "exp" }, "Token is invalid"),
    ];
    for (error, detail) in rows {
        let denial = Denial::of_token(&error, &plain(), BodyFormat::Json);
        assert_eq!((denial.status, denial.reason), (401, Reason::from(&error)), "{error:?}");
        let challenge = denial.headers.iter().find(|(name, _)| name == "www-authenticate").unwrap();
        assert!(
            challenge.1.ends_with(&format!(r#"error="invalid_token", error_description="{detail}""#)),
            "{challenge:?}"
        );
        let body = format!(r#"{{"error":"invalid_token","detail":"{detail}"}}"#);
        assert_eq!(String::from_utf8(denial.body).unwrap(), body);
        assert_eq!(Denial::of_token(&error, &plain(), BodyFormat::Grpc).body, detail.as_bytes());
    }
}

#[test]
fn reasons_of_refusals() {
    let (issuers, audiences) = (NonEmpty::one(IssuerIndex(0)), NonEmpty::one("orders".to_owned()));
    let names = AnyAll::Any(NonEmpty::one("admin".to_owned()));
    let claim = ClaimCondition { pointer: Pointer::parse("level").unwrap(), test: ClaimTest::Present };
    let rows = [
        (Unmet::Denied, "denied"),
        (Unmet::MissingToken, "missing_token"),
        (Unmet::FailedToken, "expired"),
        (Unmet::Issuer(&issuers), "issuer_not_allowed"),
        (Unmet::Audience(&audiences), "audience_not_allowed"),
        (Unmet::Role(&names), "role"),
        (Unmet::Group(&names), "group"),
        (Unmet::Scope(&names), "scope"),
        (Unmet::Claim(&claim), "claim"),
        (Unmet::StepUp(&StepUp { acr: Vec::new(), max_age: Some(1) }), "step_up"),
    ];
    for (unmet, expected) in rows {
        assert_eq!(Reason::of_unmet(&unmet, Reason::Expired).as_str(), expected);
    }
}
