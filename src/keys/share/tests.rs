//! Several VMs over one map, on virtual time, and what may come between any two of their steps.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use super::*;
use crate::keys::answer::{HttpAnswer, judge};
use proptest::prelude::*;

const START: UnixTime = UnixTime::from_secs(1_800_000_000);
const SOURCE: &str = "https://a/keys";

/// A modulus and exponent as in RFC 7515 appendix A.2; the kid tells sets apart.
fn set(kid: &str) -> Vec<u8> {
    format!(r#"{{"keys":[{{"kty":"RSA","kid":"{kid}","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}}]}}"#).into_bytes()
}

fn entries() -> Entries {
    Entries::of(b"plugin", "https://a", "cluster", &SOURCE)
}

fn times() -> KeyTimes {
    KeyTimes {
        ttl: Duration::from_secs(300),
        max_stale: Duration::from_secs(14_400),
        cooldown: Duration::from_secs(10),
        timeout: Duration::from_secs(5),
        fetches: 1,
    }
}

/// What happens between a VM's look at the record and its swap.
type Interference = Box<dyn FnOnce(&World)>;

/// The host's map, as fact 9 of the design has it, and a clock that a test moves.
struct World {
    now: Cell<UnixTime>,
    entries: RefCell<BTreeMap<String, (Vec<u8>, u32)>>,
    versions: Cell<u32>,
    before_swap: RefCell<Option<Interference>>,
}

impl World {
    fn new() -> Self {
        Self {
            now: Cell::new(START),
            entries: RefCell::default(),
            versions: Cell::new(0),
            before_swap: RefCell::default(),
        }
    }

    fn pass(&self, seconds: f64) {
        self.now.set(self.now.get().saturating_add(Duration::from_secs_f64(seconds)));
    }

    /// Lets that happen just before the next swap.
    fn interfere(&self, interference: impl FnOnce(&World) + 'static) {
        *self.before_swap.borrow_mut() = Some(Box::new(interference));
    }

    fn vm(&self, number: u64) -> Share {
        Share::new(times(), VmIdentity(number), entries(), Chance::from_bits(0))
    }

    fn record(&self) -> Control {
        self.read(&entries().control).bytes.as_deref().and_then(Control::decode).unwrap_or(Control::UNKNOWN)
    }
}

impl SharedData for World {
    fn now(&self) -> UnixTime {
        self.now.get()
    }

    fn chance(&self) -> Chance {
        Chance::from_bits(0)
    }

    fn read(&self, name: &str) -> Shared {
        let entries = self.entries.borrow();
        let entry = entries.get(name);
        Shared { bytes: entry.map(|entry| entry.0.clone()), cas: entry.map(|entry| entry.1) }
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        self.versions.set(self.versions.get() + 1);
        self.entries.borrow_mut().insert(name.to_owned(), (bytes.to_vec(), self.versions.get()));
    }

    fn swap(&self, name: &str, seen: &Shared, bytes: &[u8]) -> Swap {
        let interference = self.before_swap.borrow_mut().take();
        if let Some(interference) = interference {
            interference(self);
        }
        if self.read(name).cas != seen.cas {
            return Swap::Lost;
        }
        self.write(name, bytes);
        Swap::Done
    }
}

/// What an issuer answers, judged.
fn good(body: &[u8], etag: Option<&str>) -> GoodAnswer {
    let mut headers = vec![(":status".to_owned(), b"200".to_vec())];
    headers.extend(etag.map(|etag| ("etag".to_owned(), etag.as_bytes().to_vec())));
    judge(HttpAnswer { headers: &headers, length: body.len(), body }, false).unwrap()
}

const NOT_MODIFIED: GoodAnswer = GoodAnswer::NotModified { max_age: None };

fn answered(vm: &mut Share, world: &World, kid: &str) -> Stored {
    vm.succeeded(world, &good(&set(kid), Some("\"v\"")), None, SOURCE, &set(kid))
}

fn knows(vm: &Share, world: &World, kid: &str) -> bool {
    use crate::jose::algorithm::Algorithm;
    vm.keys(world.now()).is_some_and(|keys| keys.candidates(Some(kid), Algorithm::Rs256, &[]).is_ok())
}

/// Two VMs, of which the first has fetched a set with that kid.
fn warm(world: &World, kid: &str) -> [Share; 2] {
    let mut vms = [world.vm(1), world.vm(2)];
    assert!(vms[0].take_lease(world, false));
    assert_eq!(answered(&mut vms[0], world, kid), Stored::Changed);
    vms[1].synchronise(world);
    vms
}

#[test]
fn one_fetches_and_the_others_get_it() {
    let world = World::new();
    let [mut a, mut b] = [world.vm(1), world.vm(2)];
    assert!(a.take_lease(&world, false));
    assert!(!b.take_lease(&world, false) && !b.take_lease(&world, true));
    assert!(matches!(b.look_again(&world, Need::Scheduled), Hope::Worthwhile));
    assert_eq!(answered(&mut a, &world, "one"), Stored::Changed);
    assert!(knows(&a, &world, "one") && !knows(&b, &world, "one"));
    assert!(matches!(b.look_again(&world, Need::Scheduled), Hope::Newer(_)));
    assert!(knows(&b, &world, "one"));
    assert_eq!(a.held(), b.held());
}

#[test]
fn of_two_that_want_the_lease_at_once_one_gets_it() {
    let world = World::new();
    world.interfere(|world| assert!(world.vm(2).take_lease(world, false)));
    assert!(!world.vm(1).take_lease(&world, false));
    assert_eq!(world.record().lease_holder, 2);
}

#[test]
fn a_vm_that_died_with_the_lease_costs_the_lease_and_its_late_answer_counts_for_nothing() {
    let world = World::new();
    let [mut a, mut b] = [world.vm(1), world.vm(2)];
    assert!(a.take_lease(&world, false));
    world.pass(5.9);
    assert!(!b.take_lease(&world, false));
    world.pass(0.1);
    assert!(b.take_lease(&world, false));
    assert!(!a.holds_lease(world.now()));
    assert_eq!(answered(&mut a, &world, "late"), Stored::TooLate);
    assert_eq!(a.failed(&world), Kept::TooLate);
    assert_eq!(answered(&mut b, &world, "right"), Stored::Changed);
    a.synchronise(&world);
    assert!(knows(&a, &world, "right") && !knows(&a, &world, "late"));
}

#[test]
fn a_lease_that_ends_while_its_answer_is_being_stored_leaves_everybody_with_the_winners_set() {
    let world = World::new();
    let mut a = world.vm(1);
    assert!(a.take_lease(&world, false));
    // Between the look and the swap the lease ends, another fetches and stores, and the text that is there in the
    // end is the loser's.
    world.interfere(|world| {
        let losers_text = world.read(&entries().keys).bytes.unwrap();
        world.pass(6.0);
        let mut b = world.vm(2);
        assert!(b.take_lease(world, false));
        assert_eq!(answered(&mut b, world, "winner"), Stored::Changed);
        world.write(&entries().keys, &losers_text);
    });
    assert_eq!(answered(&mut a, &world, "loser"), Stored::TooLate);
    let mut c = world.vm(3);
    c.synchronise(&world);
    assert!(!knows(&c, &world, "loser"), "the record means another text");
    assert!(matches!(c.look_again(&world, Need::Scheduled), Hope::Worthwhile), "and it is fetched again");
    assert!(c.take_lease(&world, false));
    assert_eq!(answered(&mut c, &world, "winner"), Stored::Same { recovered: false });
    for vm in [&mut a, &mut c] {
        vm.synchronise(&world);
        assert!(knows(vm, &world, "winner"));
    }
}

#[test]
fn keys_that_cannot_be_read_are_fetched_again_once_a_cooldown() {
    for garbage in [&b""[..], b"garbage", &[0xFF; 64]] {
        let world = World::new();
        let [mut a, _] = warm(&world, "one");
        let mut fetches = 0;
        for _ in 0..100 {
            world.write(&entries().keys, garbage);
            let mut newcomer = world.vm(9);
            newcomer.synchronise(&world);
            assert!(newcomer.keys(world.now()).is_none());
            if newcomer.take_lease(&world, false) {
                fetches += 1;
                answered(&mut newcomer, &world, "one");
                assert!(knows(&newcomer, &world, "one"));
            }
            a.synchronise(&world);
            assert!(knows(&a, &world, "one"), "who has them keeps them");
            world.pass(0.25);
        }
        assert_eq!(fetches, 3, "in 25 s with a cooldown of 10 s");
    }
}

#[test]
fn last_good_keys_serve_in_their_own_time_where_newer_ones_cannot_be_read() {
    let world = World::new();
    let [mut a, mut b] = warm(&world, "old");
    world.pass(240.0);
    assert!(a.take_lease(&world, false));
    assert_eq!(answered(&mut a, &world, "new"), Stored::Changed);
    world.write(&entries().keys, b"garbage");
    b.synchronise(&world);
    assert!(knows(&b, &world, "old") && !knows(&b, &world, "new"));
    assert!(b.take_lease(&world, false), "it asks at once");
    b.failed(&world);
    world.pass(14_700.0 - 240.0);
    assert!(!knows(&b, &world, "old"), "the newer record does not lengthen their life");
}

#[test]
fn a_record_that_cannot_be_read_is_written_anew() {
    for garbage in [&b""[..], b"garbage", &[0xFF; 88], &[0xFF; 64]] {
        let world = World::new();
        let [mut a, mut b] = warm(&world, "one");
        world.write(&entries().control, garbage);
        a.synchronise(&world);
        assert!(knows(&a, &world, "one"), "last-good keys serve meanwhile");
        assert!(a.take_lease(&world, false), "{garbage:?}");
        assert_eq!(answered(&mut a, &world, "two"), Stored::Changed);
        b.synchronise(&world);
        assert!(knows(&b, &world, "two") && !knows(&b, &world, "one"));
    }
}

#[test]
fn a_count_that_starts_again_is_not_taken_for_the_old_one() {
    let world = World::new();
    let [mut a, mut b] = warm(&world, "one");
    world.entries.borrow_mut().clear();
    assert!(a.take_lease(&world, false));
    assert_eq!(answered(&mut a, &world, "two"), Stored::Changed);
    assert_eq!(world.record().set.generation, 1);
    b.synchronise(&world);
    assert!(knows(&b, &world, "two") && !knows(&b, &world, "one"), "generation 1 again, another set");
}

#[test]
fn a_304_renews_the_set_that_was_asked_about_and_no_other() {
    let world = World::new();
    let [mut a, mut b] = warm(&world, "one");
    let (etag, asked) = a.validator(SOURCE).unwrap();
    assert_eq!(etag, "\"v\"");
    assert_eq!(a.validator("https://a/moved"), None, "a validator means nothing to another URL");
    world.pass(240.0);
    assert!(a.take_lease(&world, false));
    assert_eq!(
        a.succeeded(&world, &NOT_MODIFIED, Some(asked), SOURCE, b""),
        Stored::Same { recovered: false }
    );
    b.synchronise(&world);
    assert_eq!(world.record().fetched_at, world.now());
    assert_eq!(b.holding(world.now()), (1, Duration::ZERO, false), "the other VM counts from there too");

    world.pass(240.0);
    assert!(b.take_lease(&world, false));
    let other = SetId { generation: 7, fingerprint: 7 };
    assert_eq!(b.succeeded(&world, &NOT_MODIFIED, Some(other), SOURCE, b""), Stored::TooLate);
    assert_eq!(b.succeeded(&world, &NOT_MODIFIED, None, SOURCE, b""), Stored::TooLate);
}

#[test]
fn the_same_text_again_leaves_the_set_as_it_is() {
    let world = World::new();
    let [mut a, _] = warm(&world, "one");
    let before = a.keys(world.now()).unwrap();
    world.pass(240.0);
    assert!(a.take_lease(&world, false));
    assert_eq!(answered(&mut a, &world, "one"), Stored::Same { recovered: false });
    assert!(Rc::ptr_eq(&before, &a.keys(world.now()).unwrap()), "nothing that hangs on the set is lost");
}

#[test]
fn each_change_is_told_once_for_the_process() {
    let world = World::new();
    let mut vms = [world.vm(1), world.vm(2)];
    let mut fail = |vm: usize, seconds| {
        world.pass(seconds);
        assert!(vms[vm].take_lease(&world, false));
        vms[vm].failed(&world)
    };
    assert_eq!(fail(0, 0.0), Kept::BeganToFail(Usable::No));
    assert_eq!(fail(1, 20.0), Kept::StillFailing);
    assert_eq!(fail(0, 20.0), Kept::StillFailing);
    world.pass(20.0);
    assert!(vms[1].take_lease(&world, false));
    assert_eq!(answered(&mut vms[1], &world, "one"), Stored::Changed);
    let mut fail = |vm: usize, seconds| {
        world.pass(seconds);
        assert!(vms[vm].take_lease(&world, false));
        vms[vm].failed(&world)
    };
    assert_eq!(fail(0, 280.0), Kept::BeganToFail(Usable::Fresh), "each outage, whichever VM meets it");
    assert_eq!(fail(1, 20.0), Kept::StillFailing);
    assert_eq!(fail(1, 14_300.0), Kept::StillFailing);
    assert_eq!(fail(0, 200.0), Kept::RanOut);
    assert_eq!(fail(1, 20.0), Kept::StillFailing);
    world.pass(20.0);
    assert!(vms[0].take_lease(&world, false));
    assert_eq!(answered(&mut vms[0], &world, "one"), Stored::Same { recovered: true });
}

#[test]
fn a_configuration_that_goes_gives_its_lease_back_and_no_other() {
    let world = World::new();
    let [mut a, mut b] = [world.vm(1), world.vm(2)];
    assert!(a.take_lease(&world, false));
    b.release(&world);
    assert!(a.holds_lease(world.now()), "not somebody else's");
    a.release(&world);
    assert!(b.take_lease(&world, false));
}

#[test]
fn a_kid_that_nobody_waits_for_is_looked_for_all_the_same() {
    let world = World::new();
    let [mut a, _] = warm(&world, "one");
    assert!(!a.take_lease(&world, false));
    assert!(matches!(a.look_again(&world, Need::UnknownKid), Hope::Worthwhile));
    assert!(a.take_lease(&world, false), "report-only does not wait, and the client may have left");
    answered(&mut a, &world, "one");
    assert!(matches!(a.look_again(&world, Need::UnknownKid), Hope::None { .. }));
    assert!(!a.take_lease(&world, false));
}

#[test]
fn a_worker_that_lags_behind_learns_of_newer_keys_and_then_of_the_cooldown() {
    let world = World::new();
    let [mut a, mut b] = warm(&world, "one");
    world.pass(240.0);
    assert!(a.take_lease(&world, false));
    answered(&mut a, &world, "two");
    assert!(matches!(b.look_again(&world, Need::UnknownKid), Hope::Newer(_)));
    assert!(matches!(b.look_again(&world, Need::UnknownKid), Hope::Worthwhile), "a third may be out already");
}

#[test]
fn swaps_that_others_keep_winning_end() {
    struct Contended(World);
    impl SharedData for Contended {
        fn now(&self) -> UnixTime {
            self.0.now()
        }
        fn chance(&self) -> Chance {
            self.0.chance()
        }
        fn read(&self, name: &str) -> Shared {
            self.0.read(name)
        }
        fn write(&self, name: &str, bytes: &[u8]) {
            self.0.write(name, bytes);
        }
        fn swap(&self, _: &str, _: &Shared, _: &[u8]) -> Swap {
            Swap::Lost
        }
    }
    let world = Contended(World::new());
    let mut vm = world.0.vm(1);
    assert!(!vm.take_lease(&world, false));
    assert!(vm.take_lease(&world.0, false));
    assert_eq!(vm.succeeded(&world, &good(&set("a"), None), None, SOURCE, &set("a")), Stored::TooLate);
    assert_eq!(vm.failed(&world), Kept::TooLate);
    vm.release(&world);
}

#[derive(Debug, Clone)]
enum Event {
    Pass(u64),
    /// The clock is set back.
    SetBack(u64),
    Attend {
        vm: usize,
        unknown_kids: bool,
    },
    Answer {
        vm: usize,
        outcome: Outcome,
    },
    Restart(usize),
    SpoilKeys,
    SpoilRecord,
}

#[derive(Debug, Clone)]
enum Outcome {
    Keys(u8),
    Failure,
    Never,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let vm = || 0_usize..4;
    let outcome = prop_oneof![4 => (0_u8..3).prop_map(Outcome::Keys), 3 => Just(Outcome::Failure), 1 => Just(Outcome::Never)];
    let event = prop_oneof![
        6 => (1_u64..8_000).prop_map(Event::Pass),
        1 => (200_000_u64..900_000).prop_map(Event::Pass),
        1 => (1_u64..3_000_000).prop_map(Event::SetBack),
        9 => (vm(), any::<bool>()).prop_map(|(vm, unknown_kids)| Event::Attend { vm, unknown_kids }),
        6 => (vm(), outcome).prop_map(|(vm, outcome)| Event::Answer { vm, outcome }),
        1 => vm().prop_map(Event::Restart),
        1 => Just(Event::SpoilKeys),
        1 => Just(Event::SpoilRecord),
    ];
    proptest::collection::vec(event, 1..250)
}

proptest! {
    #[test]
    fn whatever_happens_vms_agree_and_nobody_is_stuck(events in events()) {
        let world = World::new();
        let mut vms: Vec<Share> = (0..4).map(|number| world.vm(number + 1)).collect();
        let mut names = 10;
        // Who fetches, since when.
        let mut fetching: [Option<UnixTime>; 4] = [None; 4];
        let mut forced: Option<UnixTime> = None;
        let mut undisturbed = true;
        for event in events {
            match event {
                Event::Pass(milliseconds) => world.pass(milliseconds as f64 / 1000.0),
                Event::SetBack(milliseconds) => {
                    world.now.set(world.now().saturating_sub(Duration::from_millis(milliseconds)));
                    undisturbed = false;
                }
                Event::SpoilKeys => world.write(&entries().keys, b"spoiled"),
                Event::SpoilRecord => {
                    world.write(&entries().control, b"spoiled");
                    undisturbed = false;
                }
                Event::Restart(vm) => {
                    names += 1;
                    (vms[vm], fetching[vm]) = (world.vm(names), None);
                }
                Event::Attend { vm, unknown_kids } => {
                    if fetching[vm].is_some() && vms[vm].holds_lease(world.now()) {
                        continue;
                    }
                    fetching[vm] = None;
                    if vms[vm].take_lease(&world, unknown_kids) {
                        let now = world.now();
                        let others = fetching.iter().flatten().filter(|since| now.since(**since) < Duration::from_secs(6));
                        prop_assert!(!undisturbed || others.count() == 0, "two fetches at once");
                        let control = world.record();
                        if control.forced_at == now {
                            let too_soon = forced.is_some_and(|last| last != now && now.since(last) < Duration::from_secs(10));
                            prop_assert!(!undisturbed || !too_soon, "two forced in a cooldown");
                            forced = Some(now);
                        }
                        fetching[vm] = Some(now);
                    }
                }
                Event::Answer { vm, outcome } => {
                    if fetching[vm].take().is_some() {
                        match outcome {
                            Outcome::Keys(kid) => drop(answered(&mut vms[vm], &world, &kid.to_string())),
                            Outcome::Failure => drop(vms[vm].failed(&world)),
                            Outcome::Never => {}
                        }
                    }
                }
            }
            // Two VMs that hold what the record names hold the same.
            let record = world.record();
            let holders: Vec<_> = vms.iter().filter(|vm| record.set != SetId::NONE && vm.held() == record.set).collect();
            for kid in ["0", "1", "2"] {
                let knowing = |vm: &&&Share| vm.loaded.as_ref().is_some_and(|loaded| {
                    loaded.keys.candidates(Some(kid), crate::jose::algorithm::Algorithm::Rs256, &[]).is_ok()
                });
                let count = holders.iter().filter(knowing).count();
                prop_assert!(count == 0 || count == holders.len(), "VMs differ about one set");
            }
        }
        // Whatever happened: within the longest lease, pause and cooldown, a new VM gets keys.
        world.pass(200.0);
        let mut newcomer = world.vm(99);
        newcomer.synchronise(&world);
        if newcomer.keys(world.now()).is_none() {
            prop_assert!(newcomer.take_lease(&world, false), "stuck: {:?}", world.record());
            answered(&mut newcomer, &world, "0");
            prop_assert!(newcomer.keys(world.now()).is_some());
        }
    }
}
