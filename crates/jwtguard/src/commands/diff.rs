//! `diff` compares two policies and prints what became weaker, stricter or other.

mod report;

use std::process::ExitCode;

use jwtguard::diff::{Differences, Policies, compare_files};

use crate::commands::check::{self, UNREADABLE};
use crate::commands::output::print_line;
use jwt_guard_testkit::now;

/// Compare two policies and print what became weaker, stricter or other.
///
/// The command reads every file that check reads. It compares the requests that each policy lets pass, by host, method and
/// path, and each global key and each key of an issuer. A change counts as weaker if some request passes now that did not
/// pass, or if the command cannot prove that there is none. Where it can, the command prints a request as a witness, which
/// jwtguard explain answers in the same way.
#[derive(clap::Args)]
#[command(after_help = "\
In a path, * is a segment that no route or guard of the two files names in this place, and ** is everything below.

--json prints one object with these members:
  weaker, stricter, other  the number of changes of each kind
  configurations           one object per pair: configuration (its name), complete (false if there are too many regions to
                           compare), keys and regions. Each key has change, key, old, new and witness. Each region has change,
                           reason, paths (path and except), hosts and methods (null for all, or only or except with a list),
                           old, new and witness. A witness has method, path, host, headers, claims (null without a
                           token), second_tokens, now, old and new
  only_old, only_new       the names of configurations without a partner
  route_metadata           the places of requirements in the metadata of Envoy routes that differ

Exit status:
  0  Nothing became weaker.
  1  Something became weaker, or cannot be proven equal or stricter.
  2  A file cannot be read or has no valid configuration, or an argument is wrong.

Examples:
  jwtguard diff old.yaml new.yaml
  git show main:policy.yaml | jwtguard diff - policy.yaml")]
pub struct Arguments {
    /// The file with the old policy; - reads standard input
    old: String,
    /// The file with the new policy; - reads standard input
    new: String,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
}

/// Runs `diff`.
pub fn run(arguments: &Arguments) -> Result<ExitCode, String> {
    match differences(arguments) {
        Ok(differences) => {
            if arguments.json {
                print_line!("{:#}", report::as_json(&differences));
            } else {
                report::print(&differences);
            }
            Ok(if differences.is_weaker() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
        }
        Err(sentence) => {
            eprintln!("jwtguard: {sentence}");
            Ok(ExitCode::from(UNREADABLE))
        }
    }
}

fn differences(arguments: &Arguments) -> Result<Differences, String> {
    if arguments.old == "-" && arguments.new == "-" {
        return Err("both files are standard input (-); write one of them as a file".to_owned());
    }
    let policies = |file: &str| -> Result<Policies, String> {
        Policies::read(&check::read(file)?).map_err(|sentence| format!("{file}: {sentence}"))
    };
    Ok(compare_files(&policies(&arguments.old)?, &policies(&arguments.new)?, now()))
}
