//! `check`: whether configurations are sound, and what they mean.

use std::io::Read;
use std::process::ExitCode;

use jwtguard::inspect::check::{Report, check};
use jwtguard::inspect::{FileDocument, Severity, documents};
use serde_json::{Value, json};

use crate::commands::output::print_line;

/// Check configurations and print the policy as a table.
///
/// Reads plugin JSON or YAML, Envoy's own configuration and its /config_dump, Istio's WasmPlugin and Envoy Gateway's
/// EnvoyExtensionPolicy, and looks at what stands around the filter there. Objects in several files are taken
/// together: a DestinationRule in one may be what a WasmPlugin in another needs.
#[derive(clap::Args)]
#[command(after_help = "\
--json prints one object: errors and warnings (how many), findings (of each severity, file, line or null, path, problem)
and policies (of each valid configuration its name as configuration, issuers, token_from, modes and rows: of each route,
methods, hosts, token_from or null for that of the configuration, who).

Exit status: 0 nothing is wrong (there may be warnings), 1 something is, 2 a file cannot be read or holds no
configuration of jwt-guard.

Examples:
  jwtguard check envoy/envoy.yaml
  jwtguard check --strict istio/*.yaml
  curl -s http://127.0.0.1:9901/config_dump | jwtguard check -")]
pub struct Arguments {
    /// Files to check; - is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// One JSON object instead of text
    #[arg(long)]
    json: bool,
    /// Exit with 1 for warnings too
    #[arg(long)]
    strict: bool,
    /// Findings only, no table
    #[arg(long)]
    quiet: bool,
}

/// What a file that cannot be read ends with.
pub const UNREADABLE: u8 = 2;

/// `check`
pub fn run(arguments: &Arguments) -> Result<ExitCode, String> {
    let mut documents = Vec::new();
    for file in &arguments.files {
        match read(file) {
            Ok(read) => documents.extend(read),
            Err(sentence) => return Ok(unreadable(&sentence)),
        }
    }
    let report = check(&documents);
    if report.configurations == 0 {
        let others = match report.other_validators.as_slice() {
            [] => String::new(),
            others => format!(
                "; there is {}: docs/migration.md says what the same policy is here, and what answers differently",
                others.join(", ")
            ),
        };
        return Ok(unreadable(&format!(
            "there is no configuration of jwt-guard in {}: neither a plugin configuration with issuer and audience, \
             nor one in an Envoy, Istio or Envoy Gateway file{others}",
            arguments.files.join(", ")
        )));
    }
    if arguments.json {
        print_line!("{:#}", as_json(&report));
    } else {
        print(&report, arguments);
    }
    let refused =
        report.count(Severity::Error) > 0 || (arguments.strict && report.count(Severity::Warning) > 0);
    Ok(if refused { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn unreadable(sentence: &str) -> ExitCode {
    eprintln!("jwtguard: {sentence}");
    ExitCode::from(UNREADABLE)
}

/// The documents of a file; `-` is standard input.
pub fn read(file: &str) -> Result<Vec<FileDocument>, String> {
    let text = text(file)?;
    let name = if file == "-" { "standard input" } else { file };
    documents(name, &text).map_err(|problem| format!("{name}: {problem}"))
}

/// The text of a file; `-` is standard input.
pub fn text(file: &str) -> Result<String, String> {
    if file != "-" {
        return std::fs::read_to_string(file).map_err(|error| format!("cannot read {file}: {error}"));
    }
    let mut text = String::new();
    let read = std::io::stdin().read_to_string(&mut text);
    read.map(|_| text).map_err(|error| format!("cannot read standard input: {error}"))
}

/// Tables on standard output, findings on standard error: each can be had alone.
fn print(report: &Report, arguments: &Arguments) {
    if !arguments.quiet {
        for table in &report.tables {
            print_line!("{table}");
        }
    }
    for finding in &report.findings {
        eprintln!("{finding}");
    }
    let (errors, warnings) = (report.count(Severity::Error), report.count(Severity::Warning));
    let of = |count, what| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    eprintln!(
        "{}: {}, {}",
        of(report.configurations, "configuration"),
        of(errors, "error"),
        of(warnings, "warning")
    );
}

fn as_json(report: &Report) -> Value {
    let findings: Vec<_> = report
        .findings
        .iter()
        .map(|finding| {
            json!({
                "severity": finding.severity.as_str(),
                "file": finding.file,
                "line": (finding.line > 0).then_some(finding.line),
                "path": finding.path,
                "problem": finding.problem,
            })
        })
        .collect();
    let policies: Vec<_> = report
        .tables
        .iter()
        .map(|table| {
            let rows: Vec<_> = table
                .rows
                .iter()
                .map(|row| {
                    json!({
                        "route": row.route,
                        "methods": row.methods,
                        "hosts": row.hosts,
                        "token_from": row.token_from,
                        "who": row.who,
                    })
                })
                .collect();
            json!({
                "configuration": table.heading,
                "issuers": table.issuers,
                "token_from": table.token_from,
                "modes": table.modes,
                "rows": rows,
            })
        })
        .collect();
    json!({
        "errors": report.count(Severity::Error),
        "warnings": report.count(Severity::Warning),
        "findings": findings,
        "policies": policies,
    })
}
