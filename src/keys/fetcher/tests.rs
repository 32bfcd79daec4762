//! One fetcher on virtual time: the requests that it sends, and the result of each answer.

mod leases;

use super::*;
use crate::http::HeaderMap;
use crate::issuer_index::IssuerIndex;
use crate::jose::error::KeySetError;
use crate::keys::fetch_error::{DiscoveryError, MAX_BYTES};
use crate::keys::not_json::NotJson;
use crate::keys::simulated_host::{SimulatedHost, set, times};
use crate::keys::{DocumentId, Freshness, KeyLookup, RefreshReason, RefreshTimings};

const CALL: u32 = 7;
const KEYS: &str = "https://a/keys";
const OPENID: &str = "https://a/x/.well-known/openid-configuration";
const OAUTH: &str = "https://a/.well-known/oauth-authorization-server/x";
const DOCUMENT: &[u8] = br#"{"issuer":"https://a/x","jwks_uri":"https://a/keys"}"#;

fn endpoint(url: &str) -> Endpoint {
    Endpoint::parse(url).unwrap()
}

fn source(location: Location) -> Source {
    Source { cluster: "keys".to_owned(), location }
}

fn fetcher(host: &SimulatedHost) -> Fetcher {
    Fetcher::new(source(Location::Endpoint(endpoint(KEYS))), host.vm(1))
}

fn discovering(host: &SimulatedHost) -> Fetcher {
    let location = Location::Discovery {
        cluster: "discovery".to_owned(),
        other_host: false,
        iss: "https://a/x".to_owned(),
        issuer: endpoint("https://a/x"),
    };
    let times = RefreshTimings { fetches: 3, ..times() };
    Fetcher::new(source(location), host.vm_with(times, 1))
}

/// The request that the fetcher sends now, as `cluster URL`.
fn sends(fetcher: &mut Fetcher, host: &SimulatedHost) -> Option<String> {
    let request = fetcher.poll_send(host, false)?;
    fetcher.on_sent(CALL);
    Some(format!("{} {}", request.cluster, request.endpoint))
}

fn answer(
    fetcher: &mut Fetcher,
    host: &SimulatedHost,
    lines: &[(&str, &str)],
    body: &[u8],
) -> Option<FetchEvent> {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, *value);
    }
    fetcher.on_response(host, HttpAnswer { headers: &headers, length: body.len(), body: body.into() })
}

fn status(fetcher: &mut Fetcher, host: &SimulatedHost, status: &str, body: &[u8]) -> Option<FetchEvent> {
    answer(fetcher, host, &[(":status", status)], body)
}

/// Fetches the keys of the issuer, with an `ETag`.
fn refresh(fetcher: &mut Fetcher, host: &SimulatedHost, kid: &str) -> Option<FetchEvent> {
    assert!(sends(fetcher, host).is_some(), "a fetch is due");
    answer(fetcher, host, &[(":status", "200"), ("etag", "\"v\"")], &set(kid))
}

fn refreshed() -> FetchEvent {
    FetchEvent::Refreshed { keys: 1, has_kids: true, skipped: Vec::new() }
}

/// The error of a failed fetch, and the outcome of recording it.
fn failure(event: Option<FetchEvent>) -> (FetchError, FailureOutcome) {
    match event {
        Some(FetchEvent::Failed { error, outcome, .. }) => (error, outcome),
        other => panic!("expected a failure, got {other:?}"),
    }
}

fn knows(fetcher: &Fetcher, host: &SimulatedHost, kid: &str) -> bool {
    fetcher.cache().current(host.now()).is_some_and(|keys| keys.has_kid(Some(kid)))
}

#[test]
fn a_request_names_what_it_asks_for_and_what_it_reads() {
    let host = SimulatedHost::new();
    let request = fetcher(&host).poll_send(&host, false).unwrap();
    let user_agent = concat!("jwt-guard/", env!("CARGO_PKG_VERSION"));
    assert_eq!(
        request.headers(),
        [
            (":method", "GET"),
            (":scheme", "https"),
            (":authority", "a"),
            (":path", "/keys"),
            ("accept", "application/json"),
            ("accept-encoding", "identity"),
            ("user-agent", user_agent),
        ]
    );
    let conditional = FetchRequest { etag: Some("\"v\"".to_owned()), ..request };
    assert_eq!(conditional.headers().last(), Some(&("if-none-match", "\"v\"")));
}

#[test]
fn a_configured_endpoint_takes_one_request() {
    let host = SimulatedHost::new();
    let mut a = fetcher(&host);
    assert_eq!(a.poll_timeout(host.now()), Some(Duration::ZERO), "a fetch is due");
    let (cluster, timeout) = ("keys".to_owned(), times().timeout);
    let expected =
        FetchRequest { cluster, endpoint: endpoint(KEYS), etag: None, bearer_token: None, timeout };
    assert_eq!(a.poll_send(&host, false), Some(expected));
    a.on_sent(CALL);
    assert!(a.awaits(CALL) && !a.awaits(CALL + 1));
    assert_eq!(a.poll_send(&host, true), None, "only one request is sent at a time");
    assert_eq!(a.poll_timeout(host.now()), None, "the fetcher waits for the answer");
    assert_eq!(status(&mut a, &host, "200", &set("one")), Some(refreshed()));
    assert!(knows(&a, &host, "one") && !a.awaits(CALL));
    assert_eq!(a.poll_send(&host, false), None, "the keys are fresh");
    assert_eq!(a.poll_timeout(host.now()), Some(Duration::from_secs(240)), "they are refreshed after 80 %");
}

#[test]
fn a_discovered_endpoint_is_asked_after_the_document() {
    let host = SimulatedHost::new();
    let mut a = discovering(&host);
    assert_eq!(sends(&mut a, &host), Some(format!("discovery {OPENID}")));
    assert_eq!(status(&mut a, &host, "200", DOCUMENT), None, "the answer leads to another request");
    assert_eq!(a.poll_timeout(host.now()), Some(Duration::ZERO));
    assert_eq!(sends(&mut a, &host), Some(format!("keys {KEYS}")));
    assert_eq!(status(&mut a, &host, "200", &set("one")), Some(refreshed()));
    host.pass(240.0);
    assert_eq!(
        sends(&mut a, &host),
        Some(format!("discovery {OPENID}")),
        "each refresh requests the document again"
    );
}

#[test]
fn a_404_leads_to_the_next_document_and_the_last_one_is_a_failure() {
    let host = SimulatedHost::new();
    let mut a = discovering(&host);
    assert_eq!(sends(&mut a, &host), Some(format!("discovery {OPENID}")));
    assert_eq!(status(&mut a, &host, "404", b""), None);
    assert_eq!(sends(&mut a, &host), Some(format!("discovery {OAUTH}")));
    let event = status(&mut a, &host, "404", b"");
    let requested = Requested {
        document: RequestedDocument::Discovery(vec![OPENID.to_owned(), OAUTH.to_owned()]),
        cluster: "discovery".to_owned(),
    };
    let expected = FetchEvent::Failed {
        error: FetchError::Status(404),
        outcome: FailureOutcome::First(Freshness::Unusable),
        requested,
        skipped: Vec::new(),
    };
    assert_eq!(event, Some(expected));
    assert_eq!(sends(&mut a, &host), None, "the fetcher backs off");
    host.pass(1.2);
    assert_eq!(
        sends(&mut a, &host),
        Some(format!("discovery {OPENID}")),
        "it starts with the first URL again"
    );
    assert_eq!(status(&mut a, &host, "404", b""), None);
    assert_eq!(sends(&mut a, &host), Some(format!("discovery {OAUTH}")));
    assert_eq!(status(&mut a, &host, "200", DOCUMENT), None);
    assert_eq!(sends(&mut a, &host), Some(format!("keys {KEYS}")));
}

#[test]
fn only_a_404_leads_to_the_next_document() {
    let rows: [(&str, &[u8], FetchError); 4] = [
        ("403", b"", FetchError::Status(403)),
        ("503", b"", FetchError::Status(503)),
        ("200", b"[]", FetchError::Discovery(DiscoveryError::NotADocument)),
        (
            "200",
            br#"{"issuer":"https://a/x"}"#,
            FetchError::Discovery(DiscoveryError::NoKeysUri { found: None }),
        ),
    ];
    for (code, body, error) in rows {
        let host = SimulatedHost::new();
        let mut a = discovering(&host);
        assert!(sends(&mut a, &host).is_some());
        assert_eq!(failure(status(&mut a, &host, code, body)).0, error);
        assert_eq!(sends(&mut a, &host), None, "{error:?}: the fetcher backs off");
    }
}

#[test]
fn an_answer_without_usable_keys_is_a_failure_and_the_last_good_keys_serve() {
    type Headers = &'static [(&'static str, &'static str)];
    let rows: [(&str, Headers, &[u8], FetchError); 5] = [
        ("no answer", &[], b"", FetchError::NoAnswer),
        ("an error", &[(":status", "500")], b"", FetchError::Status(500)),
        ("no JSON", &[(":status", "200")], b"", FetchError::NotJson(NotJson::of(None, b""))),
        (
            "no usable key",
            &[(":status", "200")],
            br#"{"keys":[]}"#,
            FetchError::KeySet(KeySetError::NoUsableKey),
        ),
        ("another 304", &[(":status", "304")], b"", FetchError::NotModifiedUnasked),
    ];
    for (label, headers, body, error) in rows {
        let host = SimulatedHost::new();
        let mut a = fetcher(&host);
        assert!(sends(&mut a, &host).is_some());
        assert_eq!(status(&mut a, &host, "200", &set("one")), Some(refreshed()));
        for outcome in [FailureOutcome::First(Freshness::Fresh), FailureOutcome::Repeated] {
            host.pass(240.0);
            assert!(sends(&mut a, &host).is_some(), "{label}");
            assert_eq!(failure(answer(&mut a, &host, headers, body)), (error.clone(), outcome), "{label}");
            assert!(knows(&a, &host, "one"), "{label}");
            assert_eq!(sends(&mut a, &host), None, "{label}: the fetcher backs off");
        }
    }
}

#[test]
fn a_body_that_is_too_long_is_refused_by_its_length() {
    let host = SimulatedHost::new();
    let mut ok = HeaderMap::new();
    ok.append(":status", "200");
    let answer = HttpAnswer { headers: &ok, length: MAX_BYTES + 1, body: [].as_slice().into() };
    let too_large = FetchError::TooLarge { bytes: MAX_BYTES + 1, limit: MAX_BYTES };
    for mut a in [fetcher(&host), discovering(&SimulatedHost::new())] {
        let host = SimulatedHost::new();
        assert!(sends(&mut a, &host).is_some());
        assert_eq!(failure(a.on_response(&host, answer.clone())).0, too_large);
    }
    let keys = DocumentId::keys(IssuerIndex(0));
    assert_eq!((keys.readable(MAX_BYTES), keys.readable(MAX_BYTES + 1)), (MAX_BYTES, 0));
}

#[test]
fn the_first_failure_says_why_no_key_can_be_used() {
    let host = SimulatedHost::new();
    let mut a = fetcher(&host);
    let body = br#"{"keys":[{"kty":"oct","k":"AAAA"},{"kty":"new"}]}"#;
    for expected in [2, 0] {
        assert!(sends(&mut a, &host).is_some());
        let Some(FetchEvent::Failed { skipped, .. }) = status(&mut a, &host, "200", body) else {
            panic!("expected a failure")
        };
        assert_eq!(skipped.len(), expected);
        host.pass(20.0);
    }
}

#[test]
fn the_same_keys_renew_what_is_held() {
    let host = SimulatedHost::new();
    let mut a = fetcher(&host);
    assert_eq!(refresh(&mut a, &host, "one"), Some(refreshed()));
    host.pass(240.0);
    assert_eq!(refresh(&mut a, &host, "one"), Some(FetchEvent::Unchanged));
    host.pass(240.0);
    let request = a.poll_send(&host, false).unwrap();
    assert_eq!(request.etag.as_deref(), Some("\"v\""));
    a.on_sent(CALL);
    assert_eq!(status(&mut a, &host, "304", b""), Some(FetchEvent::Unchanged));
    assert_eq!(a.cache().age(host.now()), Some(Duration::ZERO));
    host.pass(240.0);
    assert!(sends(&mut a, &host).is_some());
    let _ = status(&mut a, &host, "500", b"");
    host.pass(20.0);
    assert!(sends(&mut a, &host).is_some());
    assert_eq!(status(&mut a, &host, "304", b""), Some(FetchEvent::Recovered));
}

#[test]
fn a_key_set_without_kids_is_told_apart() {
    let host = SimulatedHost::new();
    let mut a = fetcher(&host);
    assert!(sends(&mut a, &host).is_some());
    let text = String::from_utf8(set("one")).unwrap().replace(r#""kid":"one","#, "");
    let expected = FetchEvent::Refreshed { keys: 1, has_kids: false, skipped: Vec::new() };
    assert_eq!(status(&mut a, &host, "200", text.as_bytes()), Some(expected));
}

#[test]
fn a_request_that_is_not_sent_is_tried_again_and_the_second_failure_is_an_event() {
    for (label, mut a, document) in [
        ("a configured endpoint", fetcher(&SimulatedHost::new()), RequestedDocument::KeySet(KEYS.to_owned())),
        (
            "a discovered one",
            discovering(&SimulatedHost::new()),
            RequestedDocument::Discovery(vec![OPENID.to_owned()]),
        ),
    ] {
        let host = SimulatedHost::new();
        assert!(a.poll_send(&host, false).is_some(), "{label}");
        assert_eq!(a.on_not_sent(&host), None, "{label}: Envoy does not know its clusters at its start");
        assert_eq!(a.poll_send(&host, false), None, "{label}: this VM pauses");
        let until = a.poll_timeout(host.now()).unwrap();
        assert!((0.8..=1.2).contains(&until.as_secs_f64()), "{label}: {until:?}");
        host.pass(1.2);
        assert!(a.poll_send(&host, false).is_some(), "{label}");
        let Some(FetchEvent::Failed { error: FetchError::NotSent, outcome, requested, .. }) =
            a.on_not_sent(&host)
        else {
            panic!("{label}: expected an event")
        };
        assert_eq!(
            (outcome, requested.document),
            (FailureOutcome::First(Freshness::Unusable), document),
            "{label}"
        );
        host.pass(2.4);
        assert!(sends(&mut a, &host).is_some(), "{label}");
    }
}

#[test]
fn an_unknown_kid_that_requests_wait_for_is_asked_for_once_a_cooldown() {
    let host = SimulatedHost::new();
    let mut a = fetcher(&host);
    assert_eq!(refresh(&mut a, &host, "one"), Some(refreshed()));
    assert_eq!(a.poll_send(&host, false), None);
    assert!(a.poll_send(&host, true).is_some());
    a.on_sent(CALL);
    assert_eq!(status(&mut a, &host, "200", &set("one")), Some(FetchEvent::Unchanged));
    assert_eq!(a.poll_send(&host, true), None);
    assert!(matches!(
        a.cache_mut().sync_and_look_up(&host, RefreshReason::UnknownKid),
        KeyLookup::Unavailable { .. }
    ));
    host.pass(10.0);
    assert!(a.poll_send(&host, true).is_some());
}

#[test]
fn reports_that_fit_no_request_change_nothing() {
    let host = SimulatedHost::new();
    let mut a = fetcher(&host);
    a.on_sent(CALL);
    assert!(!a.awaits(CALL));
    assert_eq!(a.on_not_sent(&host), None);
    assert_eq!(status(&mut a, &host, "200", &set("one")), None);
    assert!(a.cache().current(host.now()).is_none());
}
