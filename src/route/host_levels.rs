//! A value for each host pattern, and the values that apply to a host.

use std::collections::HashMap;

use super::HostPattern;
use super::host::HostKind;

/// A value for each host in the routes, and one for routes without hosts.
#[derive(Debug, Clone, Default)]
pub(super) struct HostLevels<N> {
    hosts: HashMap<Box<[u8]>, N>,
    /// `{label}.suffix`, by the suffix.
    labels: HashMap<Box<[u8]>, N>,
    /// `*.suffix`, by the suffix.
    suffixes: HashMap<Box<[u8]>, N>,
    /// The lengths of the suffixes, longest first, so that a look-up for a long host costs no more than for a
    /// short one.
    suffix_lengths: Vec<usize>,
    any: N,
}

impl<N: Default> HostLevels<N> {
    /// Calls `place` with the value of each of these hosts; without hosts, with the value for every host.
    pub(super) fn each_of(&mut self, hosts: &[HostPattern], mut place: impl FnMut(&mut N)) {
        if hosts.is_empty() {
            place(&mut self.any);
        }
        for host in hosts {
            let name = host.name().as_bytes();
            let level = match host.kind() {
                HostKind::Exact => &mut self.hosts,
                HostKind::Label => &mut self.labels,
                HostKind::Suffix => &mut self.suffixes,
            };
            if !matches!(host.kind(), HostKind::Exact)
                && let Err(at) = self.suffix_lengths.binary_search_by(|length| name.len().cmp(length))
            {
                self.suffix_lengths.insert(at, name.len());
            }
            place(level.entry(name.into()).or_default());
        }
    }

    /// The values that apply to a host, the most specific first.
    pub(super) fn matching<'t>(&'t self, host: &[u8]) -> impl Iterator<Item = &'t N> {
        let suffixes = self.suffix_lengths.iter().flat_map(move |length| {
            let split = host.len().checked_sub(*length).and_then(|at| host.split_at_checked(at));
            // `*.example.com` matches neither `example.com` nor `badexample.com`.
            let label =
                split.and_then(|(before, _)| before.strip_suffix(b".")).filter(|label| !label.is_empty());
            let suffix = split.filter(|_| label.is_some()).map(|(_, suffix)| suffix);
            let is_one_label = label.is_some_and(|label| !label.contains(&b'.'));
            let of_label = suffix.filter(|_| is_one_label).and_then(|suffix| self.labels.get(suffix));
            of_label.into_iter().chain(suffix.and_then(|suffix| self.suffixes.get(suffix)))
        });
        let exact = if self.hosts.is_empty() { None } else { self.hosts.get(host) };
        exact.into_iter().chain(suffixes).chain(std::iter::once(&self.any))
    }
}
