//! What the kernel says of the memories of wasm VMs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: an unexpected result fails the test with its location"
)]

/// The resident memory of each wasm VM of that process, in KiB: V8 places each before gigabytes of addresses that must
/// not be touched, so that it need not check bounds.
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
    fn a_memory_is_what_can_be_written_before_what_cannot_be_touched() {
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
