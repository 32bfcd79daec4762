//! The deployable module, request by request.

use serde_json::{Value, json};

use crate::host::{Guest, Outcome};
use crate::module::module;
use crate::requests::{NOW, configuration, expired, forged, get, good, large, roleless};

fn start(members: Value) -> Guest {
    let bytes = std::fs::read(module()).unwrap();
    Guest::start(&bytes, &configuration(members), NOW)
}

#[test]
fn show() {
    let mut guest = start(json!({}));
    let seen = good();
    let big = large();
    let no_role = roleless();
    for _ in 0..20 {
        guest.request(&get("/orders/42", Some(&good())));
    }
    for (label, path, token) in [
        ("hit", "/orders/42", Some(&seen)),
        ("large hit", "/orders/42", Some(&big)),
        ("roleless", "/orders/42", Some(&no_role)),
        ("anonymous", "/open", None),
        ("no token", "/orders/42", None),
    ] {
        let request = get(path, token.map(String::as_str));
        guest.request(&request);
        let outcome = guest.request(&request);
        tell(label, &outcome);
    }
    for (label, token) in
        [("miss", good()), ("large miss", large()), ("expired", expired()), ("forged", forged())]
    {
        let outcome = guest.request(&get("/orders/42", Some(&token)));
        tell(label, &outcome);
    }
}

fn tell(label: &str, outcome: &Outcome) {
    println!("{label}: {:?} {} {:?}", outcome.status, outcome.cost.instructions, outcome.cost.calls);
}
