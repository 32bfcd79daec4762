//! The memory usage of wasm VMs, as reported by the kernel.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: an unexpected result fails the test with its location"
)]

/// The resident memory of each wasm VM of that process, in KiB. V8 reserves gigabytes of inaccessible addresses after
/// each memory, so that it does not need bounds checks; this guard region identifies the memory.
pub fn wasm_memories(process: u32) -> Vec<u64> {
    of_smaps(&std::fs::read_to_string(format!("/proc/{process}/smaps")).unwrap())
}

fn of_smaps(text: &str) -> Vec<u64> {
    const GUARD: u64 = 1 << 30;
    let (mut memories, mut candidate, mut resident) = (vec![], false, 0);
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let first = words.next().unwrap_or_default();
        if let Some((from, to)) = first.split_once('-') {
            let number = |text| u64::from_str_radix(text, 16).unwrap_or_default();
            let access = words.next().unwrap_or_default();
            if access.starts_with("---") && number(to).saturating_sub(number(from)) > GUARD && candidate {
                memories.push(resident);
            }
            candidate = access.starts_with("rw-p");
        } else if first == "Rss:" {
            resident = words.next().unwrap().parse().unwrap();
        }
    }
    memories
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_writable_mapping_before_a_guard_region_is_a_memory() {
        let mapping = |from: u64, bytes: u64, access: &str, kib: u64| {
            format!("{from:x}-{:x} {access} 00000000 00:00 0\nSize: 1 kB\nRss:     {kib} kB\n", from + bytes)
        };
        let (small, guard) = (1 << 20, 8 << 30);
        let text = [
            mapping(0, small, "rw-p", 1),
            mapping(small, small, "---p", 0),
            mapping(2 * small, small, "rw-p", 20),
            mapping(3 * small, guard, "---p", 0),
            mapping(guard + 4 * small, small, "r--p", 300),
            mapping(guard + 5 * small, guard, "---p", 0),
        ];
        assert_eq!(of_smaps(&text.concat()), [20]);
    }
}
