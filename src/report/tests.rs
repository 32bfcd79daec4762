//! The metrics, filter state and log lines of each event.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Arguments;
use std::rc::Rc;
use std::time::Duration;

use super::*;
use crate::http::HeaderMap;
use crate::issuer_index::IssuerIndex;
use crate::jose::algorithm::{Algorithm, WasmVerifier};
use crate::jose::jwks::{KeySet, SkippedKey};
use crate::keys::document::DocumentStatus;
use crate::keys::fetch_error::FetchError;
use crate::keys::fetch_event::FetchEvent;
use crate::keys::key_cache::FailureOutcome;
use crate::keys::requested::{Requested, RequestedDocument};
use crate::keys::{DocumentId, Freshness, KeyLookup, KeySource, RefreshReason};
use crate::metrics::IssuerMetric;
use crate::policy::{AnyAll, NonEmpty, Refusal, Unmet};
use crate::request::{self, Annotations, AuthContext, Decision, Metadata, Request, Step, Wait};
use crate::time::UnixTime;
use crate::token_cache::TokenCache;

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
const ISSUER: IssuerIndex = IssuerIndex(0);

/// An observer that records all reports.
#[derive(Default)]
struct Recorder {
    names: RefCell<Vec<String>>,
    metrics: RefCell<BTreeMap<String, i64>>,
    filter_state: RefCell<Vec<(String, String)>>,
    lines: RefCell<Vec<(Level, String)>>,
}

impl Recorder {
    fn change(&self, metric: u32, change: impl Fn(&mut i64)) {
        let name = self.names.borrow()[metric as usize].clone();
        change(self.metrics.borrow_mut().entry(name).or_default());
    }
}

impl Observer for Recorder {
    fn define_metric(&self, _: MetricKind, name: &str) -> Option<u32> {
        self.names.borrow_mut().push(name.to_owned());
        // The host may refuse to define a metric.
        if name == "jwt_guard.denied.missing_token" {
            None
        } else {
            u32::try_from(self.names.borrow().len() - 1).ok()
        }
    }

    fn add_to_metric(&self, metric: u32, amount: i64) {
        self.change(metric, |value| *value += amount);
    }

    fn set_metric(&self, metric: u32, value: u64) {
        self.change(metric, |known| *known = i64::try_from(value).unwrap());
    }

    fn set_filter_state(&self, name: &str, value: &[u8]) {
        let value = String::from_utf8(value.to_vec()).unwrap();
        self.filter_state.borrow_mut().push((name.to_owned(), value));
    }

    fn log(&self, level: Level, line: Arguments<'_>) {
        self.lines.borrow_mut().push((level, line.to_string()));
    }
}

fn config(members: &str) -> Config {
    let text = format!(r#"{{"issuer":"https://a","audience":"b","jwks_cluster":"c","name":"iss"{members}}}"#);
    Config::parse(text.as_bytes()).unwrap()
}

fn reporter() -> Reporter<Recorder> {
    Reporter::new(&config(""), Recorder::default())
}

impl Reporter<Recorder> {
    /// The log lines since the last call.
    fn lines(&self) -> Vec<(Level, String)> {
        std::mem::take(&mut *self.observer.lines.borrow_mut())
    }

    /// The metrics that changed since the last call, after the tick.
    fn changed(&self) -> Vec<(String, i64)> {
        self.flush();
        std::mem::take(&mut *self.observer.metrics.borrow_mut()).into_iter().collect()
    }
}

fn failed(outcome: FailureOutcome, skipped: Vec<SkippedKey>) -> FetchEvent {
    let requested =
        Requested { document: RequestedDocument::KeySet("https://a/keys".into()), cluster: "c".into() };
    FetchEvent::Failed { error: FetchError::Status(500), outcome, requested, skipped }
}

fn skipped(count: usize) -> Vec<SkippedKey> {
    let keys = vec![r#"{"kty":"new"}"#; count].join(",");
    KeySet::skipped(format!(r#"{{"keys":[{keys}]}}"#).as_bytes())
}

#[test]
fn each_outcome_of_a_fetch_is_counted_and_each_change_is_logged() {
    let refreshed = |has_kids, skipped| FetchEvent::Refreshed { keys: 2, has_kids, skipped };
    let until = "requested the key set \"https://a/keys\" through the cluster \"c\"";
    let failure = |what: &str, meanwhile: &str| {
        vec![(Level::Warning, format!("issuer iss: {what}: status 500; {meanwhile}; {until}"))]
    };
    let none = "the filter has no keys for this issuer, and requests with its tokens get 503";
    let last_good = "the filter keeps using the last good keys, until jwks_max_stale_seconds after their TTL";
    let no_kids = "issuer iss: no key of the set has a kid, so every token with a kid is refused (unknown_kid), \
                   and such a token triggers no key fetch; give each key of the set a kid";
    let came = || (Level::Info, "issuer iss: fetched a key set; usable keys: 2".to_owned());
    let rows = [
        (refreshed(true, Vec::new()), true, vec![came()]),
        (refreshed(false, Vec::new()), true, vec![came(), (Level::Warning, no_kids.to_owned())]),
        (
            FetchEvent::Recovered,
            true,
            vec![(Level::Warning, "issuer iss: fetching keys succeeds again".to_owned())],
        ),
        (FetchEvent::Unchanged, true, Vec::new()),
        (FetchEvent::Late, true, Vec::new()),
        (
            failed(FailureOutcome::First(Freshness::Unusable), Vec::new()),
            false,
            failure("fetching keys failed", none),
        ),
        (
            failed(FailureOutcome::First(Freshness::Fresh), Vec::new()),
            false,
            failure("fetching keys failed", last_good),
        ),
        (
            failed(FailureOutcome::First(Freshness::Stale), Vec::new()),
            false,
            failure("fetching keys failed", last_good),
        ),
        (
            failed(FailureOutcome::KeysExpired, Vec::new()),
            false,
            failure("fetching keys still fails, and the last good keys have expired", none),
        ),
        (failed(FailureOutcome::Repeated, Vec::new()), false, Vec::new()),
        (failed(FailureOutcome::LeaseLost, Vec::new()), false, Vec::new()),
    ];
    for (event, is_success, lines) in rows {
        let reporter = reporter();
        reporter.fetched(DocumentId::keys(ISSUER), "iss", false, &event);
        let counter = if is_success { "refresh_ok" } else { "refresh_failed" };
        assert_eq!(reporter.changed(), [(format!("jwt_guard.jwks.iss.{counter}"), 1)], "{event:?}");
        assert_eq!(reporter.lines(), lines, "{event:?}");
    }
}

#[test]
fn each_outcome_of_a_fetch_of_a_list_is_counted_and_each_change_is_logged() {
    let until = "requested the revocation list \"https://a/list\" through the cluster \"c\"";
    let failed = |outcome| {
        let document = RequestedDocument::RevocationList("https://a/list".into());
        let requested = Requested { document, cluster: "c".into() };
        FetchEvent::Failed { error: FetchError::Status(500), outcome, requested, skipped: Vec::new() }
    };
    let warning = |text: String| vec![(Level::Warning, text)];
    let failure = |what: &str, meanwhile: &str| {
        warning(format!("issuer iss: fetching the revocation list {what}: status 500; {meanwhile}; {until}"))
    };
    let closed = "the filter has no revocation list of this issuer, and requests with its tokens get 503";
    let open = "the filter has no revocation list of this issuer, and because of revocation_list_fail_open revoked \
                tokens pass";
    let last_good =
        "the filter keeps using the last good list, until revocation_list_max_stale_seconds after its TTL";
    let emptied = "issuer iss: fetched a revocation list without items, and the list before had 3: the filter accepts \
                   the tokens that were revoked; check that the issuer did not lose its list";
    let fetched = |items| (Level::Info, format!("issuer iss: fetched a revocation list; items: {items}"));
    let list = |items, previous| FetchEvent::ListRefreshed { items, previous };
    let rows = [
        (list(2, 0), false, true, vec![fetched(2)]),
        (list(1, 3), false, true, vec![fetched(1)]),
        (list(0, 0), false, true, vec![fetched(0)]),
        (list(0, 3), false, true, warning(emptied.to_owned())),
        (FetchEvent::Unchanged, false, true, Vec::new()),
        (
            FetchEvent::Recovered,
            false,
            true,
            warning("issuer iss: fetching the revocation list succeeds again".to_owned()),
        ),
        (failed(FailureOutcome::First(Freshness::Unusable)), false, false, failure("failed", closed)),
        (failed(FailureOutcome::First(Freshness::Unusable)), true, false, failure("failed", open)),
        (failed(FailureOutcome::First(Freshness::Stale)), false, false, failure("failed", last_good)),
        (
            failed(FailureOutcome::KeysExpired),
            false,
            false,
            failure("still fails, and the last good list has expired", closed),
        ),
        (failed(FailureOutcome::Repeated), false, false, Vec::new()),
    ];
    for (event, fail_open, is_success, lines) in rows {
        let config = r#"{"issuer":"https://iss","name":"iss","audience":"api","jwks_cluster":"c",
                         "revocation_list_endpoint":"/list"}"#;
        let reporter = Reporter::new(&Config::parse(config.as_bytes()).unwrap(), Recorder::default());
        reporter.fetched(DocumentId::revocation_list(ISSUER), "iss", fail_open, &event);
        let counter = if is_success { "refresh_ok" } else { "refresh_failed" };
        assert_eq!(
            reporter.changed(),
            [(format!("jwt_guard.revocation_list.iss.{counter}"), 1)],
            "{event:?}"
        );
        assert_eq!(reporter.lines(), lines, "{event:?}");
        let status = DocumentStatus { count: 2, age: Duration::from_millis(61_900), stale: true };
        reporter.document_status(DocumentId::revocation_list(ISSUER), status);
        let expected = [("age_seconds", 61), ("items", 2), ("stale", 1)]
            .map(|(name, value)| (format!("jwt_guard.revocation_list.iss.{name}"), value));
        assert_eq!(reporter.changed(), expected);
    }
    let without = reporter();
    without.fetched(DocumentId::revocation_list(ISSUER), "iss", false, &list(2, 0));
    assert!(without.changed().is_empty(), "an issuer without a list has no such metric");
}

#[test]
fn keys_that_cannot_be_used_are_named_up_to_a_limit() {
    for (count, lines, more) in
        [(1, 1, None), (16, 16, None), (20, 17, Some("4 more keys of the set are not used"))]
    {
        let reporter = reporter();
        reporter.fetched(
            DocumentId::keys(ISSUER),
            "iss",
            false,
            &FetchEvent::Refreshed { keys: 1, has_kids: true, skipped: skipped(count) },
        );
        let logged = reporter.lines();
        assert_eq!(logged.len(), 1 + lines);
        assert!(logged[1].1.starts_with("issuer iss: key 0 is not used: "), "{logged:?}");
        if let Some(more) = more {
            assert_eq!(logged[lines].1, format!("issuer iss: {more}"));
        }
    }
    let reporter = reporter();
    let event = failed(FailureOutcome::First(Freshness::Unusable), skipped(2));
    reporter.fetched(DocumentId::keys(ISSUER), "iss", false, &event);
    assert_eq!(reporter.lines().len(), 3, "in addition to the failure that they cause");
}

#[test]
fn the_keys_of_a_vm_are_gauges() {
    let reporter = reporter();
    let status = DocumentStatus { count: 2, age: Duration::from_millis(61_900), stale: true };
    reporter.document_status(DocumentId::keys(ISSUER), status);
    let expected = [("age_seconds", 61), ("keys", 2), ("stale", 1)]
        .map(|(name, value)| (format!("jwt_guard.jwks.iss.{name}"), value));
    assert_eq!(reporter.changed(), expected);
    reporter.waiting(1);
    reporter.waiting(-1);
    reporter.token_cache((2, 0));
    reporter.token_cache((0, 0));
    let expected = [("jwt_guard.token_cache.hit", 2), ("jwt_guard.waiting", 0)];
    assert_eq!(reporter.changed(), expected.map(|(name, value)| (name.to_owned(), value)));
}

/// An issuer without keys.
struct NoKeys;

impl KeySource for NoKeys {
    fn current(&self, _: IssuerIndex) -> Option<Rc<KeySet>> {
        None
    }

    fn sync_and_look_up(&self, _: IssuerIndex, _: RefreshReason) -> KeyLookup {
        KeyLookup::Unavailable { retry_after: Duration::ZERO }
    }
}

/// The decision on a request without a token.
fn decide<'r>(config: &'r Config, request: &'r Request<'_>) -> Decision<'r> {
    let cache = TokenCache::new(0);
    let with = AuthContext::new(config, &NoKeys, &WasmVerifier, &cache, NOW, Wait::NotAllowed);
    request::decide(&with, request)
}

fn headers() -> HeaderMap {
    [(":method", "GET"), (":path", "/"), (":authority", "api.example")].into_iter().collect()
}

#[test]
fn a_request_is_counted_logged_and_named_in_filter_state() {
    let reporter = reporter();
    let headers = headers();
    let request =
        Request { headers: &headers, metadata: Metadata::Absent, annotations: Annotations::default() };
    let config_of = |policy: &str| config(&format!(r#","identity_in_filter_state":true{policy}"#));

    let open = config_of(r#","default_policy":{"allow_anonymous":true,"shadow":{"deny":true}}"#);
    let mut decision = decide(&open, &request);
    let role = AnyAll::Any(NonEmpty::new(["admin".to_owned()]).unwrap());
    decision.trace.shadow_refusals.push(Refusal {
        requirement: 1,
        unmet: Unmet::Role(&role),
        scopes: vec![],
    });
    let Step::Forward(forward) = &decision.step else { panic!("{decision:?}") };
    reporter.forwarded(forward, &decision, &open, NOW);
    let expected =
        ["jwt_guard.allowed.anonymous", "jwt_guard.would_deny.denied", "jwt_guard.would_deny.role"];
    assert_eq!(reporter.changed(), expected.map(|name| (name.to_owned(), 1)));
    let would_deny = |rest: &str| (Level::Info, format!("would deny: reason={rest}"));
    let expected = [
        "denied detail=\"the rule denies every request\" rule=default_policy method=\"GET\" path=\"/\"",
        "role detail=\"a required role is missing\" method=\"GET\" path=\"/\"",
    ];
    assert_eq!(reporter.lines(), expected.map(would_deny));

    let closed = config_of(r#","default_policy":{"deny":true}"#);
    let decision = decide(&closed, &request);
    reporter.refused(&decision.refusal().unwrap(), NOW);
    assert_eq!(reporter.changed(), [("jwt_guard.denied.denied".to_owned(), 1)]);
    let line = "denied: reason=denied detail=\"the rule denies every request\" rule=default_policy method=\"GET\" path=\"/\"";
    assert_eq!(reporter.lines(), [(Level::Info, line.to_owned())]);
    let state = reporter.observer.filter_state.take();
    let reasons = ["denied", "role", "denied"];
    assert_eq!(state, reasons.map(|reason| ("jwt_guard.reason".to_owned(), reason.to_owned())));

    let ordinary = config_of("");
    let decision = decide(&ordinary, &request);
    reporter.refused(&decision.refusal().unwrap(), NOW);
    assert_eq!(reporter.changed(), [], "the host refused to define that counter");
}

#[test]
fn the_events_of_requests_reach_the_counters_with_the_next_flush() {
    let reporter = reporter();
    (0..3).for_each(|_| reporter.count_issuer(ISSUER, IssuerMetric::Accepted));
    reporter.waiting(1);
    let metric = |name: &str| reporter.observer.metrics.borrow().get(name).copied();
    assert_eq!(metric("jwt_guard.issuer.iss.accepted"), None);
    assert_eq!(metric("jwt_guard.waiting"), Some(1), "the gauge does not lag");
    for _ in 0..2 {
        reporter.flush();
        assert_eq!(metric("jwt_guard.issuer.iss.accepted"), Some(3), "each event is added once");
    }
}

#[test]
fn refusals_past_the_limit_of_a_second_are_told_by_their_number() {
    let reporter = reporter();
    let (config, headers) = (config(""), headers());
    let request =
        Request { headers: &headers, metadata: Metadata::Absent, annotations: Annotations::default() };
    let decision = decide(&config, &request);
    let refuse = |now| reporter.refused(&decision.refusal().unwrap(), now);
    (0..12).for_each(|_| refuse(NOW));
    assert_eq!(reporter.lines().len(), 10);
    reporter.log_suppressed(NOW);
    assert_eq!(reporter.lines(), []);
    let later = NOW.saturating_add(Duration::from_secs(1));
    reporter.log_suppressed(later);
    let number = |count: usize| format!("{count} more lines about denied requests were not logged");
    assert_eq!(reporter.lines(), [(Level::Info, number(2))]);
    (0..11).for_each(|_| refuse(later));
    reporter.lines();
    refuse(later.saturating_add(Duration::from_secs(1)));
    let lines = reporter.lines();
    assert_eq!((lines.len(), &lines[0].1), (2, &number(1)));
}

#[test]
fn a_configuration_is_announced_with_what_verifies_its_signatures() {
    let announced = |members: &str, host_algorithms: &[Algorithm]| {
        let (reporter, config) = (reporter(), config(members));
        reporter.configured(&config, host_algorithms);
        let lines = reporter.lines();
        let digest = config.digest;
        lines.into_iter().map(|(_, line)| line.replace(&digest, "DIGEST")).collect::<Vec<_>>()
    };
    let version = env!("CARGO_PKG_VERSION");
    let line = format!("version {version} configured: digest DIGEST, issuers iss, signatures verified ");
    assert_eq!(announced("", &[]), [format!("{line}in the wasm module")]);
    assert_eq!(
        announced("", &[Algorithm::Rs256, Algorithm::Es256]),
        [format!("{line}by the host for RS256 ES256, in the wasm module for the other algorithms")]
    );
    assert_eq!(
        announced(r#","enabled":false,"report_only":true"#, &[])[1..],
        [
            "enabled: false: requests pass without a check and without identity headers",
            "report_only: true: the filter denies no request"
        ]
    );
}
