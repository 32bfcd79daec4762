//! Keys that are missing: who waits, who is told to come back, who passes without.

use std::time::Duration;

use jwt_guard::flow::{Patience, Prospect};
use jwt_guard::keys::Need;
use serde_json::{Value, json};

use super::fixture::{Keys, config, expired, get, good, key, other_key, published, refused, token, told};

const HOPELESS: Prospect = Prospect::Hopeless { retry_after: Duration::from_millis(6500) };

#[test]
fn first_keys_are_awaited_only_where_they_decide_and_may_come() {
    let cases: [(Value, [&str; 5]); 6] = [
        // Worthwhile and patient, patience over, no room; hopeless; another worker has fetched.
        (
            json!({ "allow_authenticated": true }),
            ["wait for first keys", "503 no_keys", "503 waiting_full", "503 no_keys", "user-1"],
        ),
        (
            json!({ "allow_missing": true }),
            ["wait for first keys", "503 no_keys", "503 waiting_full", "503 no_keys", "user-1"],
        ),
        (
            json!({ "allow_missing_or_failed": true }),
            ["wait for first keys", "anonymous", "anonymous", "anonymous", "user-1"],
        ),
        (json!({ "allow_anonymous": true }), ["anonymous"; 5]),
        (json!({ "deny": true }), ["403 denied"; 5]),
        (
            json!({ "allow_anonymous": true, "shadow": { "allow_authenticated": true } }),
            [
                "anonymous, would deny no_keys",
                "anonymous, would deny no_keys",
                "anonymous, would deny waiting_full",
                "anonymous, would deny no_keys",
                "anonymous",
            ],
        ),
    ];
    for (requirement, expected) in cases {
        let config = config(json!({ "default_policy": requirement }));
        let newer = Prospect::Newer(published([key()]));
        let rows = [
            (Prospect::Worthwhile, Patience::Waits),
            (Prospect::Worthwhile, Patience::Over),
            (Prospect::Worthwhile, Patience::NoRoom),
            (HOPELESS, Patience::Waits),
            (newer, Patience::Waits),
        ];
        let request = get("/").bearer(&good());
        let told: Vec<_> = rows
            .into_iter()
            .map(|(prospect, patience)| told(&request.step(&config, &Keys::none(prospect), patience)))
            .collect();
        assert_eq!(told, expected, "{requirement}");
        let none = told_without_token(&config);
        assert!(!none.starts_with("wait"), "{requirement}: without a token nobody waits");
    }
}

fn told_without_token(config: &jwt_guard::config::Config) -> String {
    told(&get("/").step(config, &Keys::none(Prospect::Worthwhile), Patience::Waits))
}

#[test]
fn an_unknown_kid_is_awaited_once_and_then_unknown() {
    let config = config(json!({}));
    let request = get("/").bearer(&token().sign(other_key()).unwrap());
    let with = |prospect| Keys { prospect, ..Keys::there() };
    let newer = || Prospect::Newer(published([key(), other_key()]));
    let same = || Prospect::Newer(published([key()]));
    for (label, prospect, patience, expected) in [
        ("a refresh may bring it", Prospect::Worthwhile, Patience::Waits, "wait for a kid"),
        ("it did not come in time", Prospect::Worthwhile, Patience::Over, "401 unknown_kid"),
        ("too many wait", Prospect::Worthwhile, Patience::NoRoom, "401 unknown_kid"),
        ("within the cooldown", HOPELESS, Patience::Waits, "401 unknown_kid"),
        ("another worker has it", newer(), Patience::Waits, "user-1"),
        ("another worker fetched, and it is not there", same(), Patience::Waits, "401 unknown_kid"),
    ] {
        let keys = with(prospect);
        assert_eq!(told(&request.step(&config, &keys, patience)), expected, "{label}");
        assert_eq!(*keys.asked.borrow(), [Need::UnknownKid], "{label}");
    }
}

#[test]
fn nothing_is_fetched_for_what_needs_no_key() {
    let config = config(json!({ "refused_kids": ["stolen"] }));
    let stolen = key().clone().with_kid("stolen");
    for (label, token, expected) in [
        ("no shape", "garbage".to_owned(), "401 malformed"),
        ("no issuer", token().without("iss").sign(key()).unwrap(), "401 unknown_issuer"),
        ("another issuer", token().issuer("https://evil.example").sign(key()).unwrap(), "401 unknown_issuer"),
        ("no algorithm", token().header("alg", "none").sign(key()).unwrap(), "401 algorithm"),
        ("another algorithm", token().header("alg", "RS256").sign(key()).unwrap(), "401 algorithm"),
        ("a critical extension", token().header("crit", json!(["x"])).sign(key()).unwrap(), "401 crit"),
        ("another type", token().header("typ", "dpop+jwt").sign(key()).unwrap(), "401 type"),
        ("a refused kid", token().sign(&stolen).unwrap(), "401 refused_kid"),
    ] {
        let keys = Keys::none(Prospect::Worthwhile);
        let step = get("/").bearer(&token).step(&config, &keys, Patience::Waits);
        assert_eq!(told(&step), expected, "{label}");
        assert!(keys.asked.borrow().is_empty(), "{label}");
    }
}

#[test]
fn a_refusal_for_want_of_keys_says_when_to_come_back() {
    let config = config(json!({}));
    for (prospect, patience, seconds) in [
        (HOPELESS, Patience::Waits, "7"),
        (Prospect::Worthwhile, Patience::Over, "1"),
        (Prospect::Worthwhile, Patience::NoRoom, "1"),
    ] {
        let denial = refused(get("/").bearer(&good()).step(&config, &Keys::none(prospect), patience)).denial;
        assert_eq!(denial.status, 503);
        let header =
            |name: &str| denial.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value);
        assert_eq!(header("retry-after").map(String::as_str), Some(seconds));
        assert_eq!(header("www-authenticate"), None);
    }
}

#[test]
fn a_parked_request_is_judged_again_by_what_is_there_then() {
    let config = config(json!({ "default_policy": { "requires_role": "admin" } }));
    for (label, token, expected) in [
        ("good", token().claim("role", "admin").sign(key()).unwrap(), "user-1"),
        ("without the role", good(), "403 role"),
        ("expired", expired(), "401 expired"),
        ("of another key", token().sign(other_key()).unwrap(), "401 unknown_kid"),
    ] {
        let request = get("/").bearer(&token);
        let cold = Keys::none(Prospect::Worthwhile);
        assert_eq!(told(&request.step(&config, &cold, Patience::Waits)), "wait for first keys", "{label}");
        assert_eq!(told(&request.step(&config, &Keys::there(), Patience::Waits)), expected, "{label}");
    }
}
