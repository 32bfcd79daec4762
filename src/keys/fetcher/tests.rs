//! One fetcher on virtual time: the requests that it sends, and the result of each answer.

mod leases;

use super::*;
use crate::http::HeaderMap;
use crate::keys::fetch_error::{DiscoveryError, MAX_BYTES};
use crate::keys::not_json::NotJson;
use crate::keys::world::{World, set, times};
use crate::keys::{KeyLookup, KeyTimes, Need, Usable};

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

fn fetcher(world: &World) -> Fetcher {
    Fetcher::new(source(Location::Endpoint(endpoint(KEYS))), world.vm(1))
}

fn discovering(world: &World) -> Fetcher {
    let location = Location::Discovery {
        cluster: "discovery".to_owned(),
        other_host: false,
        iss: "https://a/x".to_owned(),
        issuer: endpoint("https://a/x"),
    };
    let times = KeyTimes { fetches: 3, ..times() };
    Fetcher::new(source(location), world.vm_with(times, 1))
}

/// The request that the fetcher sends now, as `cluster URL`.
fn sends(fetcher: &mut Fetcher, world: &World) -> Option<String> {
    let request = fetcher.poll_send(world, false)?;
    fetcher.on_sent(CALL);
    Some(format!("{} {}", request.cluster, request.endpoint))
}

fn answer(fetcher: &mut Fetcher, world: &World, lines: &[(&str, &str)], body: &[u8]) -> Option<FetchEvent> {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, *value);
    }
    fetcher.on_response(world, HttpAnswer { headers: &headers, length: body.len(), body })
}

fn status(fetcher: &mut Fetcher, world: &World, status: &str, body: &[u8]) -> Option<FetchEvent> {
    answer(fetcher, world, &[(":status", status)], body)
}

/// Fetches the keys of the issuer, with an `ETag`.
fn refresh(fetcher: &mut Fetcher, world: &World, kid: &str) -> Option<FetchEvent> {
    assert!(sends(fetcher, world).is_some(), "a fetch is due");
    answer(fetcher, world, &[(":status", "200"), ("etag", "\"v\"")], &set(kid))
}

fn refreshed() -> FetchEvent {
    FetchEvent::Refreshed { keys: 1, has_kids: true, skipped: Vec::new() }
}

/// The error of a failed fetch, and the outcome of recording it.
fn failure(event: Option<FetchEvent>) -> (FetchError, Kept) {
    match event {
        Some(FetchEvent::Failed { error, kept, .. }) => (error, kept),
        other => panic!("expected a failure, got {other:?}"),
    }
}

fn knows(fetcher: &Fetcher, world: &World, kid: &str) -> bool {
    fetcher.share().keys(world.now()).is_some_and(|keys| keys.has_kid(Some(kid)))
}

#[test]
fn a_request_names_what_it_asks_for_and_what_it_reads() {
    let world = World::new();
    let request = fetcher(&world).poll_send(&world, false).unwrap();
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
    let world = World::new();
    let mut a = fetcher(&world);
    assert_eq!(a.poll_timeout(world.now()), Some(Duration::ZERO), "a fetch is due");
    let (cluster, timeout) = ("keys".to_owned(), times().timeout);
    let expected = FetchRequest { cluster, endpoint: endpoint(KEYS), etag: None, timeout };
    assert_eq!(a.poll_send(&world, false), Some(expected));
    a.on_sent(CALL);
    assert!(a.awaits(CALL) && !a.awaits(CALL + 1));
    assert_eq!(a.poll_send(&world, true), None, "only one request is sent at a time");
    assert_eq!(a.poll_timeout(world.now()), None, "the fetcher waits for the answer");
    assert_eq!(status(&mut a, &world, "200", &set("one")), Some(refreshed()));
    assert!(knows(&a, &world, "one") && !a.awaits(CALL));
    assert_eq!(a.poll_send(&world, false), None, "the keys are fresh");
    assert_eq!(a.poll_timeout(world.now()), Some(Duration::from_secs(240)), "they are refreshed after 80 %");
}

#[test]
fn a_discovered_endpoint_is_asked_after_the_document() {
    let world = World::new();
    let mut a = discovering(&world);
    assert_eq!(sends(&mut a, &world), Some(format!("discovery {OPENID}")));
    assert_eq!(status(&mut a, &world, "200", DOCUMENT), None, "the answer leads to another request");
    assert_eq!(a.poll_timeout(world.now()), Some(Duration::ZERO));
    assert_eq!(sends(&mut a, &world), Some(format!("keys {KEYS}")));
    assert_eq!(status(&mut a, &world, "200", &set("one")), Some(refreshed()));
    world.pass(240.0);
    assert_eq!(
        sends(&mut a, &world),
        Some(format!("discovery {OPENID}")),
        "each refresh requests the document again"
    );
}

#[test]
fn a_404_leads_to_the_next_document_and_the_last_one_is_a_failure() {
    let world = World::new();
    let mut a = discovering(&world);
    assert_eq!(sends(&mut a, &world), Some(format!("discovery {OPENID}")));
    assert_eq!(status(&mut a, &world, "404", b""), None);
    assert_eq!(sends(&mut a, &world), Some(format!("discovery {OAUTH}")));
    let event = status(&mut a, &world, "404", b"");
    let requested = Requested {
        document: Document::Discovery(vec![OPENID.to_owned(), OAUTH.to_owned()]),
        cluster: "discovery".to_owned(),
    };
    let expected = FetchEvent::Failed {
        error: FetchError::Status(404),
        kept: Kept::BeganToFail(Usable::No),
        requested,
        skipped: Vec::new(),
    };
    assert_eq!(event, Some(expected));
    assert_eq!(sends(&mut a, &world), None, "the fetcher backs off");
    world.pass(1.2);
    assert_eq!(
        sends(&mut a, &world),
        Some(format!("discovery {OPENID}")),
        "it starts with the first URL again"
    );
    assert_eq!(status(&mut a, &world, "404", b""), None);
    assert_eq!(sends(&mut a, &world), Some(format!("discovery {OAUTH}")));
    assert_eq!(status(&mut a, &world, "200", DOCUMENT), None);
    assert_eq!(sends(&mut a, &world), Some(format!("keys {KEYS}")));
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
        let world = World::new();
        let mut a = discovering(&world);
        assert!(sends(&mut a, &world).is_some());
        assert_eq!(failure(status(&mut a, &world, code, body)).0, error);
        assert_eq!(sends(&mut a, &world), None, "{error:?}: the fetcher backs off");
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
        let world = World::new();
        let mut a = fetcher(&world);
        assert!(sends(&mut a, &world).is_some());
        assert_eq!(status(&mut a, &world, "200", &set("one")), Some(refreshed()));
        for kept in [Kept::BeganToFail(Usable::Fresh), Kept::StillFailing] {
            world.pass(240.0);
            assert!(sends(&mut a, &world).is_some(), "{label}");
            assert_eq!(failure(answer(&mut a, &world, headers, body)), (error.clone(), kept), "{label}");
            assert!(knows(&a, &world, "one"), "{label}");
            assert_eq!(sends(&mut a, &world), None, "{label}: the fetcher backs off");
        }
    }
}

#[test]
fn a_body_that_is_too_long_is_refused_by_its_length() {
    let world = World::new();
    let mut ok = HeaderMap::new();
    ok.append(":status", "200");
    let answer = HttpAnswer { headers: &ok, length: MAX_BYTES + 1, body: b"" };
    let too_large = FetchError::TooLarge { bytes: MAX_BYTES + 1 };
    for mut a in [fetcher(&world), discovering(&World::new())] {
        let world = World::new();
        assert!(sends(&mut a, &world).is_some());
        assert_eq!(failure(a.on_response(&world, answer)).0, too_large);
    }
    assert_eq!(answer::readable(MAX_BYTES), MAX_BYTES);
    assert_eq!(answer::readable(MAX_BYTES + 1), 0);
}

#[test]
fn the_first_failure_says_why_no_key_can_be_used() {
    let world = World::new();
    let mut a = fetcher(&world);
    let body = br#"{"keys":[{"kty":"oct","k":"AAAA"},{"kty":"new"}]}"#;
    for expected in [2, 0] {
        assert!(sends(&mut a, &world).is_some());
        let Some(FetchEvent::Failed { skipped, .. }) = status(&mut a, &world, "200", body) else {
            panic!("expected a failure")
        };
        assert_eq!(skipped.len(), expected);
        world.pass(20.0);
    }
}

#[test]
fn the_same_keys_renew_what_is_held() {
    let world = World::new();
    let mut a = fetcher(&world);
    assert_eq!(refresh(&mut a, &world, "one"), Some(refreshed()));
    world.pass(240.0);
    assert_eq!(refresh(&mut a, &world, "one"), Some(FetchEvent::Unchanged));
    world.pass(240.0);
    let request = a.poll_send(&world, false).unwrap();
    assert_eq!(request.etag.as_deref(), Some("\"v\""));
    a.on_sent(CALL);
    assert_eq!(status(&mut a, &world, "304", b""), Some(FetchEvent::Unchanged));
    assert_eq!(a.share().age(world.now()), Some(Duration::ZERO));
    world.pass(240.0);
    assert!(sends(&mut a, &world).is_some());
    let _ = status(&mut a, &world, "500", b"");
    world.pass(20.0);
    assert!(sends(&mut a, &world).is_some());
    assert_eq!(status(&mut a, &world, "304", b""), Some(FetchEvent::Recovered));
}

#[test]
fn a_key_set_without_kids_is_told_apart() {
    let world = World::new();
    let mut a = fetcher(&world);
    assert!(sends(&mut a, &world).is_some());
    let text = String::from_utf8(set("one")).unwrap().replace(r#""kid":"one","#, "");
    let expected = FetchEvent::Refreshed { keys: 1, has_kids: false, skipped: Vec::new() };
    assert_eq!(status(&mut a, &world, "200", text.as_bytes()), Some(expected));
}

#[test]
fn a_request_that_is_not_sent_is_tried_again_and_the_second_failure_is_an_event() {
    for (label, mut a, document) in [
        ("a configured endpoint", fetcher(&World::new()), Document::KeySet(KEYS.to_owned())),
        ("a discovered one", discovering(&World::new()), Document::Discovery(vec![OPENID.to_owned()])),
    ] {
        let world = World::new();
        assert!(a.poll_send(&world, false).is_some(), "{label}");
        assert_eq!(a.on_not_sent(&world), None, "{label}: Envoy does not know its clusters at its start");
        assert_eq!(a.poll_send(&world, false), None, "{label}: this VM pauses");
        let until = a.poll_timeout(world.now()).unwrap();
        assert!((0.8..=1.2).contains(&until.as_secs_f64()), "{label}: {until:?}");
        world.pass(1.2);
        assert!(a.poll_send(&world, false).is_some(), "{label}");
        let Some(FetchEvent::Failed { error: FetchError::NotSent, kept, requested, .. }) =
            a.on_not_sent(&world)
        else {
            panic!("{label}: expected an event")
        };
        assert_eq!((kept, requested.document), (Kept::BeganToFail(Usable::No), document), "{label}");
        world.pass(2.4);
        assert!(sends(&mut a, &world).is_some(), "{label}");
    }
}

#[test]
fn an_unknown_kid_that_requests_wait_for_is_asked_for_once_a_cooldown() {
    let world = World::new();
    let mut a = fetcher(&world);
    assert_eq!(refresh(&mut a, &world, "one"), Some(refreshed()));
    assert_eq!(a.poll_send(&world, false), None);
    assert!(a.poll_send(&world, true).is_some());
    a.on_sent(CALL);
    assert_eq!(status(&mut a, &world, "200", &set("one")), Some(FetchEvent::Unchanged));
    assert_eq!(a.poll_send(&world, true), None);
    assert!(matches!(a.share_mut().look_again(&world, Need::UnknownKid), KeyLookup::Unavailable { .. }));
    world.pass(10.0);
    assert!(a.poll_send(&world, true).is_some());
}

#[test]
fn reports_that_fit_no_request_change_nothing() {
    let world = World::new();
    let mut a = fetcher(&world);
    a.on_sent(CALL);
    assert!(!a.awaits(CALL));
    assert_eq!(a.on_not_sent(&world), None);
    assert_eq!(status(&mut a, &world, "200", &set("one")), None);
    assert!(a.share().keys(world.now()).is_none());
}
