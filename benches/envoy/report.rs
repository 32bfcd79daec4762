//! The report as Markdown and as JSON.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::Round;
use super::memory::Extras;
use super::plan::{Plan, Row};
use super::proxy;

pub struct Report<'a> {
    pub plan: &'a Plan,
    pub rounds: &'a [Round],
    pub extras: &'a Extras,
    pub stats: &'a BTreeMap<String, u64>,
}

/// The median and the two quartiles of values.
#[derive(Debug, Clone, Copy)]
struct Quartiles {
    low: f64,
    median: f64,
    high: f64,
}

impl Quartiles {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        let at = |quarter: usize| values[(values.len() - 1) * quarter / 4];
        Self { low: at(1), median: at(2), high: at(3) }
    }

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
            "| case | {}, µs (quartiles) | {}, µs (quartiles) | ratio (quartiles) | target |",
            self.plan.sides[0], self.plan.sides[1],
        );
        text.push_str("| --- | ---: | ---: | --- | --- |\n");
        for row in &self.plan.rows {
            let (ours, reference, ratio) = self.compared(row);
            let target = match row.target {
                None => String::new(),
                Some(target) if ratio.median <= target => format!("≤ {target}"),
                Some(target) => format!("≤ {target}: **missed**"),
            };
            let _ = writeln!(
                text,
                "| {} | {} | {} | **{:.2}** ({:.2} to {:.2}) | {target} |",
                row.title,
                ours.microseconds(),
                reference.microseconds(),
                ratio.median,
                ratio.low,
                ratio.high,
            );
        }
        let base = self.plan.base(self.plan.rows[0].ours);
        let base = Quartiles::of(self.rounds.iter().map(|round| round[base]));
        let _ = writeln!(
            text,
            "\nµs of CPU time that the filter adds to a request; the request costs {:.1} µs without a filter.",
            base.median
        );
        if self.extras.module_bytes > 0 {
            text.push_str(&self.extras_text());
        }
        text
    }

    fn extras_text(&self) -> String {
        let extras = self.extras;
        let mib = |kib: u64| kib as f64 / 1024.0;
        let mut text = format!(
            "\n- Module: {:.2} MiB.\n\
             - Start-up: {:.0} ms with the filter, {:.0} ms without.\n\
             - Memory after {} distinct tokens: {:.1} MiB wasm memory of the worker (after one token: {:.1}), \
             {:.0} MiB for the whole process (after one token: {:.0}).\n",
            mib(extras.module_bytes / 1024),
            extras.ready_with,
            extras.ready_without,
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

    /// The cost that the scenario adds in each round.
    fn added(&self, scenario: &str) -> impl Iterator<Item = f64> {
        let base = self.plan.base(scenario);
        self.rounds.iter().map(move |round| round[scenario] - round[base])
    }

    /// The lowest cost of all rounds: the measurement with the least disturbance by other processes.
    fn fastest(&self, scenario: &str) -> f64 {
        self.rounds.iter().map(|round| round[scenario]).fold(f64::INFINITY, f64::min)
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
                "target": row.target,
            })
        });
        let scenarios = self.plan.scenarios.iter().map(|scenario| {
            let total = Quartiles::of(self.rounds.iter().map(|round| round[scenario.name]));
            (
                scenario.name.to_owned(),
                json!({
                    "cpu_us": total.json(),
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
            "module_bytes": extras.module_bytes,
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
