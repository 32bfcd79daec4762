//! Several VMs of one process mark proofs in one store.

use super::*;
use crate::keys::simulated_host::SimulatedHost;
use std::rc::Rc;

/// The host of several VMs.
type Process = Rc<SimulatedHost>;

impl SharedData for Process {
    fn now(&self) -> UnixTime {
        (**self).now()
    }
    fn jitter(&self) -> crate::keys::Jitter {
        (**self).jitter()
    }
    fn random_bits(&self) -> u64 {
        (**self).random_bits()
    }
    fn secret(&self) -> Option<[u8; 16]> {
        (**self).secret()
    }
    fn read(&self, name: &str) -> crate::keys::key_cache::SharedEntry {
        (**self).read(name)
    }
    fn write(&self, name: &str, bytes: &[u8]) {
        (**self).write(name, bytes);
    }
    fn swap(&self, name: &str, seen: &crate::keys::key_cache::SharedEntry, bytes: &[u8]) -> Swap {
        (**self).swap(name, seen, bytes)
    }
}

fn process() -> Process {
    Rc::new(SimulatedHost::new())
}

fn vm(process: &Process) -> SharedReplayStore<Process> {
    SharedReplayStore::new(Rc::clone(process))
}

fn seconds(process: &Process) -> u64 {
    process.now.get().as_millis() / 1000
}

/// A proof that was issued that long ago (negative: in the future).
fn proof(process: &Process, subject: &str, id: &str, age: i64) -> UsedProof {
    UsedProof {
        proof: Proof { id: id.to_owned(), issued_at: seconds(process).saturating_add_signed(-age) },
        key: [7; 32],
        issuer: "https://issuer.example".to_owned(),
        subject: Some(subject.to_owned()),
        max_age: Duration::from_secs(60),
    }
}

fn mark(vm: &SharedReplayStore<Process>, used: &UsedProof) -> Result<(), ReplayError> {
    vm.mark(used, vm.host.now())
}

#[test]
fn a_proof_passes_once_in_all_vms() {
    let process = process();
    let vms = [vm(&process), vm(&process), vm(&process)];
    let used = proof(&process, "alice", "1", 0);
    assert_eq!(mark(&vms[0], &used), Ok(()));
    for vm in &vms {
        assert_eq!(mark(vm, &used), Err(ReplayError::Replayed));
    }
    assert_eq!(mark(&vms[1], &proof(&process, "alice", "2", 0)), Ok(()), "another jti");
    let other_key = UsedProof { key: [8; 32], ..used.clone() };
    assert_eq!(mark(&vms[1], &other_key), Ok(()), "another key may use the same jti");
    // A VM of the next configuration, after all VMs of this one are gone.
    drop(vms);
    assert_eq!(mark(&vm(&process), &used), Err(ReplayError::Replayed));
}

#[test]
fn a_proof_never_passes_twice_however_long_it_waits() {
    for age in [-60, -30, 0, 30, 60] {
        let process = process();
        let (one, other) = (vm(&process), vm(&process));
        let used = proof(&process, "alice", "1", age);
        assert_eq!(mark(&one, &used), Ok(()), "{age}");
        for _ in 0..200 {
            process.pass(1.0);
            assert!(mark(&other, &used).is_err(), "{age}, at {}", seconds(&process));
        }
    }
}

#[test]
fn a_mark_is_dropped_when_its_proof_is_too_old_for_every_vm() {
    let process = process();
    let vm = vm(&process);
    let bytes = |process: &Process| -> usize {
        process
            .entries
            .borrow()
            .iter()
            .filter(|(name, _)| !name.ends_with("key"))
            .map(|(_, entry)| entry.0.len())
            .sum()
    };
    // More proofs of one bucket than it has room for, over the time in which they are remembered four times.
    for round in 0..4 {
        for id in 0..5000 {
            assert_eq!(mark(&vm, &proof(&process, "alice", &format!("{round}/{id}"), 0)), Ok(()));
        }
        assert!(bytes(&process) <= 64 * (FLOOR + 170 * MARK), "{}", bytes(&process));
        process.pass(61.0);
    }
}

/// The `jti` of a proof whose mark is in the bucket of the `jti` 1.
fn in_the_bucket_of_the_first(vm: &SharedReplayStore<Process>) -> String {
    let bucket =
        |id: &str| hash(&vm.key().unwrap(), &[b"bucket", &[7; 32], id.as_bytes()]) % BUCKETS_PER_GROUP;
    (2..).map(|id| id.to_string()).find(|id| bucket(id) == bucket("1")).unwrap()
}

#[test]
fn a_clock_that_goes_back_lets_nothing_pass_twice() {
    let process = process();
    let vm = vm(&process);
    let used = proof(&process, "alice", "1", 0);
    assert_eq!(mark(&vm, &used), Ok(()));
    process.pass(100.0);
    // Another proof in the same bucket drops the mark of the first.
    let id = in_the_bucket_of_the_first(&vm);
    assert_eq!(mark(&vm, &proof(&process, "alice", &id, 0)), Ok(()));
    let back = UnixTime::from_millis(process.now.get().as_millis() - 100_000);
    process.now.set(back);
    assert_eq!(mark(&vm, &used), Err(ReplayError::Forgotten));
    assert_eq!(mark(&vm, &proof(&process, "alice", &id, -100)), Err(ReplayError::Replayed));
}

#[test]
fn a_longer_limit_does_not_revive_a_dropped_mark() {
    let process = process();
    let vm = vm(&process);
    let used = proof(&process, "alice", "1", 0);
    assert_eq!(mark(&vm, &used), Ok(()));
    process.pass(61.0);
    let longer = UsedProof { max_age: Duration::from_secs(600), ..used.clone() };
    assert_eq!(mark(&vm, &longer), Err(ReplayError::Replayed), "the mark is still there");
    let id = in_the_bucket_of_the_first(&vm);
    assert_eq!(mark(&vm, &proof(&process, "alice", &id, 0)), Ok(()), "this drops the mark");
    assert_eq!(mark(&vm, &longer), Err(ReplayError::Forgotten));
}

#[test]
fn a_flood_fills_its_own_group() {
    let process = process();
    let vm = vm(&process);
    let group = |subject: &str| {
        hash(&vm.key().unwrap(), &[b"group", b"https://issuer.example", subject.as_bytes()]) % GROUPS
    };
    let victim = (0..).map(|n| format!("v{n}")).find(|subject| group(subject) != group("mallory")).unwrap();
    let mut refused = 0;
    for id in 0..40_000 {
        match mark(&vm, &proof(&process, "mallory", &format!("m{id}"), 0)) {
            Ok(()) => {}
            Err(error) => {
                assert_eq!(error, ReplayError::Full);
                refused += 1;
            }
        }
    }
    assert!(refused >= 40_000 - 64 * MAX_MARKS, "{refused}");
    let largest = process.entries.borrow().values().map(|entry| entry.0.len()).max().unwrap();
    assert!(largest <= MAX_BYTES, "{largest}");
    assert!(process.entries.borrow().len() <= 64 + 1);
    for id in 0..1000 {
        assert_eq!(mark(&vm, &proof(&process, &victim, &format!("v{id}"), 0)), Ok(()), "{id}");
    }
    process.pass(61.0);
    assert_eq!(mark(&vm, &proof(&process, "mallory", "later", 0)), Ok(()));
}

#[test]
fn a_thousand_proofs_a_second_for_a_minute_stay_within_bounds() {
    let process = process();
    let vms = [vm(&process), vm(&process)];
    let mut passed = Vec::new();
    for second in 0..60 {
        for number in 0..1000 {
            let used = proof(&process, &format!("user-{}", number % 50), &format!("{second}-{number}"), 0);
            assert_eq!(mark(&vms[number % 2], &used), Ok(()), "{second} {number}");
            if number % 100 == 0 {
                passed.push(used);
            }
        }
        process.pass(1.0);
    }
    let (largest, all) = {
        let entries = process.entries.borrow();
        let sizes: Vec<usize> = entries.values().map(|entry| entry.0.len()).collect();
        (sizes.iter().copied().max().unwrap(), sizes.iter().sum::<usize>())
    };
    assert!(largest <= MAX_BYTES && all <= 4096 * MAX_BYTES, "{largest} {all}");
    for used in &passed {
        assert!(mark(&vms[0], used).is_err() && mark(&vms[1], used).is_err());
    }
}

#[test]
fn lost_swaps_are_repeated_and_then_refuse() {
    let process = process();
    let (one, other) = (vm(&process), vm(&process));
    let used = proof(&process, "alice", "1", 0);
    assert!(one.key().is_some());
    // Another VM marks the same proof between the read and the swap.
    let twin = used.clone();
    process.interfere(move |host| {
        let shared: Process = Rc::new(SimulatedHost::new());
        *shared.entries.borrow_mut() = host.entries.borrow().clone();
        let vm = vm(&shared);
        assert_eq!(mark(&vm, &twin), Ok(()));
        let marked = shared.entries.borrow().clone();
        for (name, (bytes, _)) in marked {
            host.write(&name, &bytes);
        }
    });
    assert_eq!(mark(&one, &used), Err(ReplayError::Replayed));
    assert_eq!(mark(&other, &used), Err(ReplayError::Replayed));

    struct Contended(Process);
    impl SharedData for Contended {
        fn now(&self) -> UnixTime {
            self.0.now()
        }
        fn jitter(&self) -> crate::keys::Jitter {
            self.0.jitter()
        }
        fn random_bits(&self) -> u64 {
            self.0.random_bits()
        }
        fn secret(&self) -> Option<[u8; 16]> {
            self.0.secret()
        }
        fn read(&self, name: &str) -> crate::keys::key_cache::SharedEntry {
            self.0.read(name)
        }
        fn write(&self, name: &str, bytes: &[u8]) {
            self.0.write(name, bytes);
        }
        fn swap(&self, _: &str, _: &crate::keys::key_cache::SharedEntry, _: &[u8]) -> Swap {
            Swap::Lost
        }
    }
    let contended = SharedReplayStore::new(Contended(Rc::clone(&process)));
    let unused = proof(&process, "alice", "2", 0);
    assert_eq!(contended.mark(&unused, process.now()), Err(ReplayError::Unavailable));
    assert_eq!(mark(&one, &unused), Ok(()), "a refused proof is not marked");
}

#[test]
fn an_entry_of_another_form_refuses() {
    let process = process();
    let vm = vm(&process);
    let used = proof(&process, "alice", "1", 0);
    assert_eq!(mark(&vm, &used), Ok(()));
    let name = process.entries.borrow().keys().find(|name| !name.ends_with("key")).unwrap().clone();
    for bytes in [&b""[..], b"short", &[0; FLOOR + 1], &[0; FLOOR + (MAX_MARKS + 1) * MARK]] {
        process.write(&name, bytes);
        assert_eq!(mark(&vm, &used), Err(ReplayError::Unavailable), "{} bytes", bytes.len());
    }
}

proptest::proptest! {
    /// Whatever the clock does, and whichever VM and limit judges it, no proof passes twice.
    #[test]
    fn no_proof_passes_twice(
        issued in proptest::collection::vec(0_u64..1500, 4),
        steps in proptest::collection::vec((-700_i64..700, 0_usize..2, 0_usize..3, 0_usize..4), 1..60),
    ) {
        let process = process();
        let start = seconds(&process);
        let vms = [vm(&process), vm(&process)];
        // All in one bucket, so that each of them can drop the marks of the others.
        let bucket = |id: &str| hash(&vms[0].key().unwrap(), &[b"bucket", &[7; 32], id.as_bytes()]) % BUCKETS_PER_GROUP;
        let ids: Vec<String> = (0..).map(|id| id.to_string()).filter(|id| bucket(id) == 0).take(4).collect();
        let mut passed = [false; 4];
        for (pass, vm, limit, index) in steps {
            let now = seconds(&process).saturating_add_signed(pass).clamp(start, start + 2000);
            process.now.set(UnixTime::from_secs(now));
            let (limit, issued_at) = ([1, 60, 600][limit], start + issued[index]);
            if now.abs_diff(issued_at) > limit {
                continue;
            }
            let used = UsedProof {
                proof: Proof { id: ids[index].clone(), issued_at },
                max_age: Duration::from_secs(limit),
                ..proof(&process, "alice", "", 0)
            };
            if mark(&vms[vm], &used).is_ok() {
                proptest::prop_assert!(!passed[index], "proof {} passed twice", index);
                passed[index] = true;
            }
        }
    }

    #[test]
    fn any_bytes_decode_to_nothing_or_to_themselves(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..80)) {
        if let Some(bucket) = Bucket::decode(&bytes) {
            proptest::prop_assert_eq!(bucket.encode(), bytes);
        }
    }
}
