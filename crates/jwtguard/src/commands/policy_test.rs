//! `test` runs policy tests without Envoy.

mod differences;
mod file;
mod file_results;
mod junit;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;

use jwtguard::inspect::simulation::Simulator;
use serde_json::{Value, json};

use crate::commands::check::{self, UNREADABLE};
use crate::commands::output::print_line;
use jwt_guard::time::UnixTime;
use jwt_guard_testkit::now;

use crate::commands::explain;
use file::Suite;
use file_results::{FileResults, TestResult};

/// Simulate the requests in test files and compare each decision with the expected one.
#[derive(clap::Args)]
#[command(after_help = "\
A test file names a configuration, as a path relative to the test file, and lists requests:

  config: envoy.yaml
  tests:
    - name: a user is not an admin
      request: GET /api/admin/users
      claims: { sub: alice, roles: [user] }
      expect: { status: 403, reason: role }
    - name: an admin passes, and the upstream gets the subject
      request: GET /api/admin/users
      claims: { sub: root, roles: [admin] }
      expect: { pass: true, upstream: { x-auth-sub: root, authorization: null } }

The file can also set jwks (a file with the issuer's keys), configuration (the number of the configuration in its file)
and host (the default host of the requests).

Each test requires request and expect. It can also have name, host, headers, claims or token, tokens, route_metadata,
route_annotation and gateway_annotation (the annotations of the HTTPRoute and of the Gateway, as JSON text or an object).
tokens has the claims or the token of each second token, by its name in second_tokens. The command adds iss, aud, iat and exp to claims if they are missing. claims can also be the output of jwtguard decode --json,
to which the command adds nothing. token can have the prefix Bearer. expect can have pass, status, error, reason, rule,
upstream and would_deny; a number is short for status, and the word pass for pass: true. The command lists the routes
that no test covers. They do not change the exit status.

--json prints one object with these members:
  passed, failed    the number of tests that passed and failed
  files             one object per test file: file, config and tests; each test has name, line, request, passed,
                    differences (one sentence per difference) and why (the rule and the reason, if there are differences)
  untouched_routes  one object per configuration: config, configuration (its number in the file), routes (the routes that
                    no test covers)

--junit writes a testsuite per file and a testcase per test, with a failure if there are differences. The command also
writes this file if it exits with 2. The file then contains an error that says what is wrong.

Exit status:
  0  Every test passed.
  1  At least one test failed.
  2  At least one test did not run: an argument is wrong, or a file or a configuration is wrong or cannot be read.

Examples:
  jwtguard test envoy/policy-tests.yaml
  jwtguard test --config staging.yaml --junit results.xml policy-tests.yaml")]
pub struct Arguments {
    /// The test files to run; - reads standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// Use this configuration instead of the one that the test file names
    #[arg(long, value_name = "FILE")]
    config: Option<String>,
    /// Print every test, not only failures
    #[arg(long, short)]
    verbose: bool,
    /// Print one JSON object instead of text
    #[arg(long, conflicts_with = "verbose")]
    json: bool,
    /// Also write the results to this file as JUnit XML
    #[arg(long, value_name = "FILE")]
    junit: Option<String>,
}

/// Runs `test`.
pub fn run(arguments: &Arguments) -> Result<ExitCode, String> {
    let mut results = Vec::new();
    let mut unreadable = None;
    for file in &arguments.files {
        match run_file(file, arguments) {
            Ok(of_file) => results.push(of_file),
            Err(sentence) => {
                unreadable = Some((file.as_str(), sentence));
                break;
            }
        }
    }
    let unreadable = unreadable.as_ref().map(|(file, sentence)| (*file, sentence.as_str()));
    if let Some(path) = &arguments.junit
        && let Err(error) = std::fs::write(path, junit::document(&results, unreadable))
    {
        eprintln!("jwtguard: cannot write {path}: {error}");
        return Ok(ExitCode::from(UNREADABLE));
    }
    if let Some((_, sentence)) = unreadable {
        eprintln!("jwtguard: {sentence}");
        return Ok(ExitCode::from(UNREADABLE));
    }
    if arguments.json {
        print_line!("{:#}", as_json(&results));
    } else {
        print(&results, arguments.verbose);
    }
    let failed = results.iter().any(|file| file.failed() > 0);
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn run_file(file: &str, arguments: &Arguments) -> Result<FileResults, String> {
    let suite = Suite::read(file)?;
    let beside = |name: &str| match Path::new(file).parent().filter(|_| file != "-") {
        Some(folder) => folder.join(name).display().to_string(),
        None => name.to_owned(),
    };
    let path = match (&arguments.config, &suite.config) {
        (Some(config), _) => config.clone(),
        (None, Some(config)) => beside(config),
        (None, None) => {
            return Err(format!(
                "{file}: the key config is missing; write config with the path of the configuration, or add --config FILE"
            ));
        }
    };
    let (config, tree) = explain::configuration(&path, suite.configuration)?;
    let real_time = now();
    let mut simulator = Simulator::new(&config, &tree, real_time);
    if let Some(jwks) = &suite.jwks {
        let path = beside(jwks);
        simulator.add_keys(&check::text(&path)?).map_err(|problem| format!("{path}: {problem}"))?;
    }
    let mut results = FileResults {
        file: file.to_owned(),
        config: path,
        configuration: suite.configuration,
        routes: simulator.route_names(),
        touched: BTreeSet::new(),
        results: Vec::new(),
    };
    for test in suite.tests {
        simulator.now = test.now.map_or(real_time, UnixTime::from_secs);
        let outcome = simulator
            .run(&test.test_request, &test.credential)
            .map_err(|problem| format!("{file}:{}: {}: {problem}", test.line, test.name))?;
        results.touched.extend(outcome.rules.iter().filter_map(|rule| rule.route));
        let differences = differences::differences(&test.expected, &outcome);
        let why = if differences.is_empty() { Vec::new() } else { differences::why(&outcome) };
        let (name, line, request) = (test.name, test.line, test.request);
        results.results.push(TestResult { name, line, request, differences, why });
    }
    Ok(results)
}

/// The routes of one configuration that no test covers.
struct Untouched<'r> {
    config: &'r str,
    configuration: usize,
    routes: Vec<&'r str>,
}

/// The uncovered routes of each configuration, in the order of the files.
fn untouched(results: &[FileResults]) -> Vec<Untouched<'_>> {
    let mut all: Vec<Untouched<'_>> = Vec::new();
    for one in results {
        let same =
            |other: &FileResults| other.config == one.config && other.configuration == one.configuration;
        if all.iter().any(|known| known.config == one.config && known.configuration == one.configuration) {
            continue;
        }
        let touched: BTreeSet<usize> = results
            .iter()
            .filter(|other| same(other))
            .flat_map(|other| other.touched.iter().copied())
            .collect();
        let routes = one.routes.iter().enumerate().filter(|(index, _)| !touched.contains(index));
        let routes = routes.map(|(_, name)| name.as_str()).collect();
        all.push(Untouched { config: &one.config, configuration: one.configuration, routes });
    }
    all
}

/// How many uncovered routes the text output lists.
const MAX_LISTED_ROUTES: usize = 20;

fn print(results: &[FileResults], verbose: bool) {
    for file in results {
        for result in &file.results {
            if result.passed() {
                if verbose {
                    print_line!("ok   {}", result.name);
                }
                continue;
            }
            print_line!("FAIL {} ({}:{})", result.name, file.file, result.line);
            for line in result.differences.iter().chain(&result.why) {
                print_line!("     {line}");
            }
        }
    }
    for Untouched { config, configuration, routes } in untouched(results) {
        let number =
            if configuration == 1 { String::new() } else { format!(", configuration {configuration}") };
        if !routes.is_empty() {
            print_line!("routes of {config}{number} that no test covers:");
        }
        for route in routes.iter().take(MAX_LISTED_ROUTES) {
            print_line!("     {route}");
        }
        if routes.len() > MAX_LISTED_ROUTES {
            print_line!("     and {} more", routes.len() - MAX_LISTED_ROUTES);
        }
    }
    let failed: usize = results.iter().map(FileResults::failed).sum();
    let passed = results.iter().map(|file| file.results.len()).sum::<usize>() - failed;
    print_line!("{passed} passed, {failed} failed");
}

fn as_json(results: &[FileResults]) -> Value {
    let failed: usize = results.iter().map(FileResults::failed).sum();
    let files = results.iter().map(|file| {
        let tests = file.results.iter().map(|result| {
            json!({
                "name": result.name,
                "line": result.line,
                "request": result.request,
                "passed": result.passed(),
                "differences": result.differences,
                "why": result.why,
            })
        });
        json!({"file": file.file, "config": file.config, "tests": tests.collect::<Vec<_>>()})
    });
    let untouched = untouched(results).into_iter().map(|untouched| {
        let Untouched { config, configuration, routes } = untouched;
        json!({"config": config, "configuration": configuration, "routes": routes})
    });
    json!({
        "passed": results.iter().map(|file| file.results.len()).sum::<usize>() - failed,
        "failed": failed,
        "files": files.collect::<Vec<_>>(),
        "untouched_routes": untouched.collect::<Vec<_>>(),
    })
}
