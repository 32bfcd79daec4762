//! The report as Markdown and as JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::figures::{Quartiles, percent_different, verdict};
use super::memory::{self, Extras};
use super::plan::{Plan, Row};
use super::{Round, Run, proxy};

pub struct Report<'a> {
    pub plan: &'a Plan,
    pub rounds: &'a [Round],
    pub extras: &'a Extras,
    pub stats: &'a BTreeMap<String, u64>,
}

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
        for row in &self.plan.rows {
            let (ours, reference, ratio) = self.compared(row);
            let _ = writeln!(
                text,
                "| {} | {} | {} | {:.2} ({:.2} to {:.2}) | {:.1} %, {:.1} % | {} |",
                row.title,
                ours.microseconds(),
                reference.microseconds(),
                ratio.median,
                ratio.low,
                ratio.high,
                self.runs_differ(row.ours),
                self.runs_differ(row.reference),
                self.notes(row, ratio),
            );
        }
        let base = self.plan.base(self.plan.rows[0].ours);
        let base_cost = Quartiles::of(self.costs(base));
        let _ = writeln!(
            text,
            "\nµs of CPU time that the filter adds to a request; the request costs {:.1} µs without a filter, and its two \
             runs differ by {:.1} %. Two runs differ: the median of the rounds, of the CPU time with the request.",
            base_cost.median,
            self.runs_differ(base),
        );
        text.push_str(&self.busy_text());
        if self.extras.module_bytes > 0 {
            text.push_str(&self.extras_text());
        }
        text
    }

    /// What the last column says: the target, and why a figure is not to be quoted.
    fn notes(&self, row: &Row, ratio: Quartiles) -> String {
        let mut notes = vec![verdict(ratio, row.target)];
        notes.retain(|note| !note.is_empty());
        for name in self.not_busy(row) {
            notes.push(format!("worker slept {:.0} % of `{name}`", (1.0 - self.busy(name)) * 100.0));
        }
        notes.join("; ")
    }

    /// The scenarios of the row, and their bases, in which the worker slept too long.
    fn not_busy(&self, row: &Row) -> BTreeSet<&'static str> {
        let names = [row.ours, row.reference, self.plan.base(row.ours), self.plan.base(row.reference)];
        names.into_iter().filter(|name| self.busy(name) < BUSY).collect()
    }

    fn busy_text(&self) -> String {
        let mut scenarios: Vec<&str> = self.plan.scenarios.iter().map(|scenario| scenario.name).collect();
        scenarios.sort_by(|one, other| self.busy(one).total_cmp(&self.busy(other)));
        let lowest =
            scenarios.iter().take(3).map(|name| format!("{:.0} % of `{name}`", self.busy(name) * 100.0));
        let lowest: Vec<String> = lowest.collect();
        let ran = scenarios.iter().map(|name| self.ran(name)).fold(f64::INFINITY, f64::min);
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

    /// Both runs of the scenario, in each round.
    fn runs(&self, scenario: &str) -> impl Iterator<Item = [Run; 2]> {
        self.rounds.iter().map(move |round| round[scenario])
    }

    /// The cost of a request of the scenario in each round.
    fn costs(&self, scenario: &str) -> impl Iterator<Item = f64> {
        self.runs(scenario).map(|[first, second]| (first.cost + second.cost) / 2.0)
    }

    /// The cost that the scenario adds in each round.
    fn added(&self, scenario: &str) -> impl Iterator<Item = f64> {
        self.costs(scenario).zip(self.costs(self.plan.base(scenario))).map(|(cost, base)| cost - base)
    }

    /// How far the two runs of a round differ, in per cent of their mean; the median of the rounds.
    fn runs_differ(&self, scenario: &str) -> f64 {
        let differences =
            self.runs(scenario).map(|[first, second]| percent_different(first.cost, second.cost));
        Quartiles::of(differences).median
    }

    /// The median share of the time in which the worker was busy.
    fn busy(&self, scenario: &str) -> f64 {
        Quartiles::of(self.runs(scenario).flatten().map(|run| run.busy)).median
    }

    /// The median share of the time in which Envoy was on a core.
    fn ran(&self, scenario: &str) -> f64 {
        Quartiles::of(self.runs(scenario).flatten().map(|run| run.ran)).median
    }

    /// The lowest cost of all runs: the measurement with the least disturbance by other processes.
    fn fastest(&self, scenario: &str) -> f64 {
        self.runs(scenario).flatten().map(|run| run.cost).fold(f64::INFINITY, f64::min)
    }

    fn compared(&self, row: &Row) -> (Quartiles, Quartiles, Quartiles) {
        let ratios =
            self.added(row.ours).zip(self.added(row.reference)).map(|(ours, reference)| ours / reference);
        (Quartiles::of(self.added(row.ours)), Quartiles::of(self.added(row.reference)), Quartiles::of(ratios))
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
        let rows = self.plan.rows.iter().map(|row| {
            let (ours, reference, ratio) = self.compared(row);
            json!({
                "case": row.title,
                "ours": { "scenario": row.ours, "added_us": ours.json() },
                "reference": { "scenario": row.reference, "added_us": reference.json() },
                "ratio": ratio.json(),
                "quotable": ratio.is_quotable(),
                "runs_differ_percent": [self.runs_differ(row.ours), self.runs_differ(row.reference)],
                "worker_slept_in": self.not_busy(row),
                "target": row.target,
            })
        });
        let scenarios = self.plan.scenarios.iter().map(|scenario| {
            let total = Quartiles::of(self.costs(scenario.name));
            (
                scenario.name.to_owned(),
                json!({
                    "cpu_us": total.json(),
                    "runs_differ_percent": self.runs_differ(scenario.name),
                    "busy": self.busy(scenario.name),
                    "on_a_core": self.ran(scenario.name),
                    "added_us": Quartiles::of(self.added(scenario.name)).json(),
                    "fastest_added_us": self.fastest(scenario.name) - self.fastest(scenario.base),
                }),
            )
        });
        let extras = self.extras;
        json!({
            "conditions": self.conditions(),
            "rows": rows.collect::<Vec<_>>(),
            "scenarios": scenarios.collect::<serde_json::Map<_, _>>(),
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
