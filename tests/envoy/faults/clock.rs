//! A clock that is set forward and back under a running Envoy.
//!
//! The process uses a replacement of `clock_gettime`, compiled with the `cc` that links every Rust program. Only the
//! time of day jumps: the monotonic clock for Envoy's timeouts does not change.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use jwt_guard::time::UnixTime;
use serde_json::json;
use tokio::time::Instant;

use super::{Load, kinds, policy, waiting};
use crate::harness::{Answer, JWKS_PATH, Stack, StackBuilder, wait_until};
use crate::outcome::assert_no_crash;

const DAY: i64 = 86_400;

/// The offset of Envoy's clock, in a file that is removed on drop.
pub struct Clock {
    file: PathBuf,
}

impl Clock {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let unique = COUNT.fetch_add(1, Ordering::Relaxed);
        let file =
            PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("clock-{}-{unique}", std::process::id()));
        let clock = Self { file };
        clock.set(0);
        clock
    }

    /// A clock that starts at that moment.
    pub fn at(moment: UnixTime) -> Self {
        let clock = Self::new();
        let seconds = |time: UnixTime| i64::try_from(time.as_millis() / 1000).unwrap();
        clock.set(seconds(moment) - seconds(crate::harness::now()));
        clock
    }

    /// Sets the offset in seconds.
    pub fn set(&self, seconds: i64) {
        use std::os::unix::fs::FileExt;
        // Overwrite the file in place, because Envoy has mapped it.
        let file =
            std::fs::OpenOptions::new().write(true).create(true).truncate(false).open(&self.file).unwrap();
        file.write_all_at(&seconds.to_ne_bytes(), 0).unwrap();
    }

    /// Makes this the clock of the Envoy.
    pub fn of(&self, builder: StackBuilder) -> StackBuilder {
        let environment = vec![
            ("LD_PRELOAD".to_owned(), library().display().to_string()),
            ("CLOCK_OFFSET_FILE".to_owned(), self.file.display().to_string()),
        ];
        builder.envoy(|envoy| envoy.environment = environment)
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.file);
    }
}

fn library() -> &'static PathBuf {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let source = crate::harness::root().join("tests/envoy/faults/clock.c");
        let library = folder.join(format!("clock-{}.so", std::process::id()));
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O2", "-o"]).arg(&library).arg(source).arg("-ldl");
        assert!(compiler.status().unwrap().success(), "cc could not compile clock.c");
        library
    })
}

/// A token that is valid by a clock with that offset.
fn token(stack: &Stack, off: i64) -> String {
    let now = crate::harness::now();
    let moment = match off {
        0.. => now.saturating_add(Duration::from_secs(off.unsigned_abs())),
        _ => now.saturating_sub(Duration::from_secs(off.unsigned_abs())),
    };
    jwt_guard_testkit::mint::Token::new(moment).sign(&stack.key).unwrap()
}

async fn status(stack: &Stack, token: &str) -> u16 {
    stack.get_with("/orders", token).await.status
}

/// A day ahead: valid tokens have expired, cached or not, and the keys are too old until they are fetched, once. A day
/// back: tokens of that time are valid again, and keys from the future do not stay valid forever.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_jump_of_a_day_causes_one_fetch() {
    let clock = Clock::new();
    let stack = clock.of(Stack::builder().plugin(policy(json!({}))).workers(2)).start().await;
    let (today, tomorrow) = (token(&stack, 0), token(&stack, DAY));
    for _ in 0..8 {
        assert_eq!(status(&stack, &today).await, 200);
    }
    assert_eq!(status(&stack, &tomorrow).await, 401, "not valid yet");
    assert_eq!(stack.issuer.fetches(), 1);
    // Other requests run at the same time, with any outcome.
    let mut mixed = kinds(&stack);
    for kind in &mut mixed {
        (kind.statuses, kind.error) = (vec![200, 401, 403], "");
    }

    let mut fetches = 1;
    for (off, good, bad) in
        [(DAY, &tomorrow, &today), (0, &today, &tomorrow), (-DAY, &token(&stack, -DAY), &today)]
    {
        let load = Load::start(&mixed, 4);
        load.wait_for_more(&stack, 20).await;
        clock.set(off);
        let began = Instant::now();
        wait_until("its tokens pass", async || status(&stack, good).await == 200).await;
        println!("clock at {off}: good again after {:?}", began.elapsed());
        assert!(began.elapsed() < Duration::from_secs(10));
        for _ in 0..8 {
            assert_eq!(status(&stack, bad).await, 401, "clock at {off}");
        }
        fetches += 1;
        wait_until("the keys are fetched", async || stack.issuer.fetches() == fetches).await;
        load.wait_for_more(&stack, 50).await;
        let tally = load.stop().await;
        assert_eq!(tally.cut, 0);
        assert_eq!(
            tally.count("no token", 200) + tally.count("garbage", 200) + tally.count("forged", 200),
            0
        );
        assert!(tally.answers.keys().all(|(_, status)| *status != 503), "{:?}", tally.answers);
        assert_eq!(stack.issuer.fetches(), fetches, "one fetch for each jump, clock at {off}");
    }
    assert_eq!(waiting(&stack).await, 0);
    assert_no_crash(&stack);
}

/// Without an issuer: keys of yesterday are not trusted, and setting the clock back does not extend their lifetime.
#[tokio::test(flavor = "multi_thread")]
async fn without_an_issuer_a_clock_jump_neither_extends_keys_nor_causes_a_fetch_storm() {
    let clock = Clock::new();
    let plugin = policy(json!({ "jwks_ttl_seconds": 2, "jwks_max_stale_seconds": 3600 }));
    let stack = clock.of(Stack::builder().plugin(plugin).workers(2)).start().await;
    assert_eq!(status(&stack, &token(&stack, 0)).await, 200);
    stack.issuer.answer(JWKS_PATH, Answer::status(500));
    let failed = async || stack.envoy.stat("wasmcustom.jwt_guard.jwks.issuer_example.refresh_failed").await;
    wait_until("it fails", async || failed().await >= 1).await;

    clock.set(-DAY);
    let (began, before) = (Instant::now(), stack.issuer.fetches());
    let before_back = failed().await;
    wait_until("it fails by the other clock", async || failed().await >= before_back + 2).await;
    assert_eq!(status(&stack, &token(&stack, -DAY)).await, 200, "the keys are stale, but not too old");
    assert_eq!(stack.envoy.stat("wasmcustom.jwt_guard.jwks.issuer_example.stale").await, 1);
    // More than an hour later.
    clock.set(-DAY + 4000);
    let late = token(&stack, -DAY + 4000);
    wait_until("they are too old", async || status(&stack, &late).await == 503).await;
    let fetches = stack.issuer.fetches() - before;
    println!("{fetches} fetches in {:?}", began.elapsed());
    // Pauses of at least 0.8 s for a TTL of 2 s, and one fetch for each jump.
    assert!(fetches as f64 <= began.elapsed().as_secs_f64() / 0.8 + 3.0, "{fetches}");
    stack.issuer.publish([&stack.key]);
    wait_until("they are fetched", async || status(&stack, &late).await == 200).await;
    assert_no_crash(&stack);
}

/// Requests that wait while the clock is set forward or back are answered, at the latest at their timeout. Requests
/// whose tokens are not valid by the new clock are denied.
#[tokio::test(flavor = "multi_thread")]
async fn a_parked_request_is_answered_when_the_clock_is_set() {
    for off in [DAY, -DAY] {
        let clock = Clock::new();
        let builder = Stack::builder().plugin(policy(json!({}))).issuer_answers(Answer::held);
        let stack = clock.of(builder).start().await;
        let day = Duration::from_secs(DAY.unsigned_abs());
        let yesterday = jwt_guard_testkit::mint::Token::new(crate::harness::now().saturating_sub(day));
        // A token that is valid by every clock of this test, and one that is valid only today.
        let good = yesterday.lifetime(3 * day).sign(&stack.key).unwrap();
        let today = token(&stack, 0);
        let mut parked = vec![];
        for number in 0..10 {
            let (token, status) = if number % 2 == 0 { (&good, 503) } else { (&today, 401) };
            let mut client = stack.connect().await;
            client.write(&stack.request("GET", "/orders").bearer(token).to_bytes()).await;
            parked.push((client, status));
        }
        wait_until("they wait", async || waiting(&stack).await == 10).await;
        let began = Instant::now();
        clock.set(off);
        for (client, status) in &mut parked {
            assert_eq!(client.response().await.status, *status);
        }
        println!("clock at {off}: answered after {:?}", began.elapsed());
        assert!(began.elapsed() < Duration::from_secs(7));
        assert_eq!(waiting(&stack).await, 0);
        stack.issuer.publish([&stack.key]);
        stack.issuer.release();
        wait_until("there are keys", async || status(&stack, &good).await == 200).await;
        assert!(stack.issuer.fetches() <= 3, "{}", stack.issuer.fetches());
        assert_no_crash(&stack);
    }
}
