//! `test`: a policy under test, without an Envoy.

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
use jwt_guard_testkit::now;

use crate::commands::explain;
use file::Suite;
use file_results::{FileResults, TestResult};

/// Try requests against a configuration and compare what becomes of them with what should.
#[derive(clap::Args)]
#[command(after_help = "\
A file names a configuration, seen from itself, and requests:

  config: envoy.yaml
  tests:
    - name: a user is no admin
      request: GET /api/admin/users
      claims: { sub: alice, roles: [user] }
      expect: { status: 403, reason: role }
    - name: an admin is, and the upstream is told who
      request: GET /api/admin/users
      claims: { sub: root, roles: [admin] }
      expect: { pass: true, upstream: { x-auth-sub: root, authorization: null } }

A test has request, and may have host, headers, claims or token, route_metadata. iss, aud, iat and exp are added to
claims where they are missing; claims may also be what jwtguard decode --json prints, to which nothing is added. token
may have Bearer before it. expect may have pass, status, error, reason, rule, upstream, would_deny; a number alone is a
status, pass alone is pass: true. The routes that no test touches are listed; the exit status does not depend on them.

--json prints one object with these members:
  passed, failed    how many tests
  files             of each: file, config, and tests with name, line, request, passed, differences (what is not as
                    expected, a sentence each) and why (what decided, where something is different)
  untouched_routes  of each configuration: config, configuration (its number in the file), routes (their names)

--junit writes a testsuite for each file and a testcase for each test, with a failure where something is different. It
is written with the exit status 2, too, and then says in an error what is wrong.

Exit status:
  0  every test is as expected
  1  at least one is not
  2  the tests were not all run: a flag, a file of tests or a configuration is wrong or cannot be read")]
pub struct Arguments {
    /// Files of tests
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// This configuration instead of the one that the file names
    #[arg(long, value_name = "FILE")]
    config: Option<String>,
    /// Print every test, not the failures alone
    #[arg(long, short)]
    verbose: bool,
    /// One JSON object instead of text
    #[arg(long, conflicts_with = "verbose")]
    json: bool,
    /// Write the results to that file as JUnit XML, too
    #[arg(long, value_name = "FILE")]
    junit: Option<String>,
}

/// `test`
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
            return Err(format!("{file}: config is missing: the file with the configuration to test"));
        }
    };
    let (config, tree) = explain::configuration(&path, suite.configuration)?;
    let mut simulator = Simulator::new(&config, &tree, now());
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

/// The routes of one configuration that no test of any file touches.
struct Untouched<'r> {
    config: &'r str,
    configuration: usize,
    routes: Vec<&'r str>,
}

/// One for each configuration, in the order of the files.
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

/// So many routes that no test touches are listed in text.
const MOST: usize = 20;

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
            print_line!("routes of {config}{number} that no test touches:");
        }
        for route in routes.iter().take(MOST) {
            print_line!("     {route}");
        }
        if routes.len() > MOST {
            print_line!("     and {} more", routes.len() - MOST);
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
