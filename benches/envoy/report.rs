//! The report as Markdown and as JSON.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::figures::{Quartiles, percent_different, verdict};
use super::memory::{self, Extras};
use super::plan::Plan;
use super::{Measured, Round, Run, proxy};

pub struct Report<'a> {
    pub plan: &'a Plan,
    pub rounds: &'a [Round],
    pub extras: &'a Extras,
    pub stats: &'a BTreeMap<String, u64>,
}

/// One of the three scenarios of a row.
type Side = fn(&Measured) -> [Run; 2];
/// Ours, the reference, and the base.
const SIDES: [Side; 3] = [|row| row.ours, |row| row.reference, |row| row.base];

/// A row is marked if the worker slept longer than the rest of the time in one of its scenarios.
const BUSY: f64 = 0.9;

impl Quartiles {
    fn microseconds(self) -> String {
        format!("{:.1} ({:.1} to {:.1})", self.median, self.low, self.high)
    }

    fn json(self) -> Value {
        json!({ "median": self.median, "quartiles": [self.low, self.high] })
    }
}

impl Report<'_> {
    /// Writes both formats into the folder.
    pub fn write(&self, folder: &Path) {
        fs::write(folder.join("speed.md"), self.markdown()).unwrap();
        fs::write(folder.join("speed.json"), format!("{:#}\n", self.json())).unwrap();
    }

    pub fn markdown(&self) -> String {
        let mut text = format!("{}\n\n", self.conditions());
        let _ = writeln!(
            text,
            "| case | {}, µs (quartiles) | {}, µs (quartiles) | ratio (quartiles) | two runs differ | target, remarks |",
            self.plan.sides[0], self.plan.sides[1],
        );
        text.push_str("| --- | ---: | ---: | --- | ---: | --- |\n");
        for (index, row) in self.plan.rows.iter().enumerate() {
            let (ours, reference, ratio) = self.compared(index);
            let _ = writeln!(
                text,
                "| {} | {} | {} | {:.2} ({:.2} to {:.2}) | {:.1} %, {:.1} % | {} |",
                row.title,
                ours.microseconds(),
                reference.microseconds(),
                ratio.median,
                ratio.low,
                ratio.high,
                self.runs_differ(index, |row| row.ours),
                self.runs_differ(index, |row| row.reference),
                self.notes(index, ratio),
            );
        }
        let base_cost = Quartiles::of(self.costs(0, |row| row.base));
        let _ = writeln!(
            text,
            "\nµs of CPU time that the filter adds to a request; the request costs {:.1} µs without a filter, and its two \
             runs differ by {:.1} %. Two runs differ: the even and the odd slices of a round, the median of the rounds, of the \
             CPU time with the request.",
            base_cost.median,
            self.runs_differ(0, |row| row.base),
        );
        text.push_str(&self.busy_text());
        if self.extras.module_bytes > 0 {
            text.push_str(&self.extras_text());
        }
        text
    }

    /// What the last column says: the target, and why a figure is not to be quoted.
    fn notes(&self, index: usize, ratio: Quartiles) -> String {
        let mut notes = vec![verdict(ratio, self.plan.rows[index].target)];
        notes.retain(|note| !note.is_empty());
        for (name, busy, _) in self.shares(index).into_iter().filter(|(_, busy, _)| *busy < BUSY) {
            notes.push(format!("worker slept {:.0} % of `{name}`", (1.0 - busy) * 100.0));
        }
        notes.join("; ")
    }

    /// For each scenario of the row, the median shares of the time in which the worker was busy, and in which Envoy was on a
    /// core.
    fn shares(&self, index: usize) -> [(&'static str, f64, f64); 3] {
        let names = self.plan.scenarios_of(&self.plan.rows[index]).map(|scenario| scenario.name);
        let median = |share: fn(Run) -> f64, side: Side| {
            Quartiles::of(self.runs(index, side).flatten().map(share)).median
        };
        let shares = |side: Side| (median(|run| run.busy, side), median(|run| run.ran, side));
        let [(a, b), (c, d), (e, f)] = SIDES.map(shares);
        [(names[0], a, b), (names[1], c, d), (names[2], e, f)]
    }

    fn busy_text(&self) -> String {
        let mut shares: Vec<_> = (0..self.plan.rows.len()).flat_map(|index| self.shares(index)).collect();
        shares.sort_by(|(_, one, _), (_, other, _)| one.total_cmp(other));
        let ran = shares.iter().map(|(_, _, ran)| *ran).fold(f64::INFINITY, f64::min);
        let lowest: Vec<String> = shares
            .iter()
            .take(3)
            .map(|(name, busy, _)| format!("{:.0} % of `{name}`", busy * 100.0))
            .collect();
        format!(
            "\nThe worker was busy, on a core or waiting for one, for most of the time; the lowest shares are {}. It was on \
             a core for at least {:.0} % of each scenario; a low share means that other processes used the cores.\n",
            lowest.join(", "),
            ran * 100.0,
        )
    }

    fn extras_text(&self) -> String {
        let extras = self.extras;
        let mib = |kib: u64| kib as f64 / 1024.0;
        let later = extras.ready_with - extras.ready_without;
        let [without, with] = extras.two_workers;
        let target = |value: f64, target: f64, unit: &str| {
            let missed = if value <= target { "" } else { ": **missed**" };
            format!("target ≤ {target} {unit}{missed}")
        };
        let mut text = format!(
            "\n- Module: {} bytes ({:.2} MiB); {}.\n\
             - Ready {:.0} ms later with the filter: after {:.0} ms, without after {:.0} ms; {}.\n\
             - Memory that one policy adds to an Envoy with two workers: {:.0} MiB, from {:.0} to {:.0} MiB; {}.\n\
             - Memory after {} distinct tokens: {:.1} MiB wasm memory of the worker (after one token: {:.1}), \
             {:.0} MiB for the whole process (after one token: {:.0}).\n",
            extras.module_bytes,
            extras.module_bytes as f64 / 1024.0 / 1024.0,
            target(extras.module_bytes as f64, memory::MODULE_BYTES, "bytes"),
            later,
            extras.ready_with,
            extras.ready_without,
            target(later, memory::READY_LATER, "ms"),
            with - without,
            without,
            with,
            target(with - without, memory::TWO_WORKERS, "MiB"),
            extras.distinct,
            mib(extras.wasm_after),
            mib(extras.wasm_before),
            mib(extras.resident_after),
            mib(extras.resident_before),
        );
        if let Some((requests, wasm, resident)) = extras.soak {
            let _ = writeln!(
                text,
                "- Memory after {requests} more requests: wasm {:.1} → {:.1} MiB, process {:.0} → {:.0} MiB.",
                mib(wasm[0]),
                mib(wasm[1]),
                mib(resident[0]),
                mib(resident[1]),
            );
        }
        text
    }

    /// Both runs of a scenario of the row, in each round.
    fn runs(&self, index: usize, side: Side) -> impl Iterator<Item = [Run; 2]> {
        self.rounds.iter().map(move |round| side(&round[index]))
    }

    /// The cost of a request in each round.
    fn costs(&self, index: usize, side: Side) -> impl Iterator<Item = f64> {
        self.runs(index, side).map(|[first, second]| (first.cost + second.cost) / 2.0)
    }

    /// The cost that the filter adds in each round.
    fn added(&self, index: usize, side: Side) -> impl Iterator<Item = f64> {
        self.costs(index, side).zip(self.costs(index, |row| row.base)).map(|(cost, base)| cost - base)
    }

    /// How far the two runs of a round differ, in per cent of their mean; the median of the rounds.
    fn runs_differ(&self, index: usize, side: Side) -> f64 {
        let differences =
            self.runs(index, side).map(|[first, second]| percent_different(first.cost, second.cost));
        Quartiles::of(differences).median
    }

    /// What we add, what the reference adds, and the ratio.
    fn compared(&self, index: usize) -> (Quartiles, Quartiles, Quartiles) {
        let both = || self.added(index, |row| row.ours).zip(self.added(index, |row| row.reference));
        (
            Quartiles::of(both().map(|(ours, _)| ours)),
            Quartiles::of(both().map(|(_, reference)| reference)),
            Quartiles::of(both().map(|(ours, reference)| ours / reference)),
        )
    }

    fn conditions(&self) -> String {
        let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
        format!(
            "Envoy {}, one worker; {} cores of {}; {} rounds.",
            proxy::version(),
            std::thread::available_parallelism().map_or(0, usize::from),
            model.trim_start_matches([' ', '\t', ':']),
            self.rounds.len(),
        )
    }

    fn json(&self) -> Value {
        let rows = self.plan.rows.iter().enumerate().map(|(index, row)| {
            let (ours, reference, ratio) = self.compared(index);
            let side = |added: Quartiles, (name, busy, ran): (&str, f64, f64), side: Side| {
                json!({
                    "scenario": name,
                    "added_us": added.json(),
                    "cpu_us": Quartiles::of(self.costs(index, side)).json(),
                    "runs_differ_percent": self.runs_differ(index, side),
                    "busy": busy,
                    "on_a_core": ran,
                })
            };
            let [our_shares, reference_shares, _] = self.shares(index);
            json!({
                "case": row.title,
                "ours": side(ours, our_shares, |row| row.ours),
                "reference": side(reference, reference_shares, |row| row.reference),
                "base_us": Quartiles::of(self.costs(index, |row| row.base)).json(),
                "ratio": ratio.json(),
                "quotable": ratio.is_quotable(),
                "target": row.target,
            })
        });
        let extras = self.extras;
        json!({
            "conditions": self.conditions(),
            "rows": rows.collect::<Vec<_>>(),
            "targets": {
                "module_bytes": memory::MODULE_BYTES,
                "ready_later_ms": memory::READY_LATER,
                "two_workers_added_mib": memory::TWO_WORKERS,
            },
            "module_bytes": extras.module_bytes,
            "two_workers_mib": { "without": extras.two_workers[0], "with": extras.two_workers[1] },
            "ready_ms": { "without": extras.ready_without, "with": extras.ready_with },
            "memory_kib": {
                "distinct_tokens": extras.distinct,
                "wasm": [extras.wasm_before, extras.wasm_after],
                "process": [extras.resident_before, extras.resident_after],
                "soak": extras.soak.map(|(requests, wasm, process)| json!({
                    "requests": requests, "wasm": wasm, "process": process,
                })),
            },
            "stats": self.stats,
        })
    }
}
