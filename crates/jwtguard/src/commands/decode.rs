//! `decode` prints the header and the claims of a token.

use serde_json::{Value, json};

use crate::commands::check;
use crate::commands::output::print_line;
use crate::commands::token_input::{parts, without_scheme};

/// Print the header and the claims of a token, without verifying it.
#[derive(clap::Args)]
#[command(after_help = "\
The output omits the signature, so you can share it without sharing a usable token. The claims may still be private.

--json prints {\"header\": {...}, \"claims\": {...}}. Both jwtguard explain --claims and the key claims in a test file
accept this object. They then evaluate exactly this header and these claims, and add nothing.

Exit status:
  0  The token was printed.
  1  The token cannot be decoded, or standard input cannot be read.
  2  An argument is wrong.

Examples:
  jwtguard decode - < token.txt
  jwtguard mint --key key.json | jwtguard decode -
  jwtguard decode --json - < token.txt | jwtguard explain envoy.yaml --request /api/orders --claims -")]
pub struct Arguments {
    /// The token, with or without the prefix Bearer; - reads standard input, so that the token stays out of the shell
    /// history
    token: String,
    /// Print one JSON object with the members header and claims instead of text
    #[arg(long)]
    json: bool,
}

/// Runs `decode`.
pub fn run(arguments: &Arguments) -> Result<(), String> {
    let text = if arguments.token == "-" { check::text("-")? } else { arguments.token.clone() };
    let (header, claims) = parts(without_scheme(&text))?;
    if arguments.json {
        print_line!("{:#}", json!({"header": header, "claims": claims}));
        return Ok(());
    }
    print_line!("header {header:#}");
    print_line!("claims {claims:#}");
    for (name, label) in [("iat", "issued"), ("nbf", "not before"), ("exp", "expires")] {
        if let Some(seconds) = claims.get(name).and_then(Value::as_f64) {
            print_line!("{label} {}", when(seconds, jwt_guard_testkit::now().as_secs_f64()));
        }
    }
    print_line!("the signature was not verified");
    Ok(())
}

/// Formats a time relative to now, such as `2 minutes ago`.
fn when(seconds: f64, now: f64) -> String {
    let (distance, direction) =
        if seconds >= now { (seconds - now, "from now") } else { (now - seconds, "ago") };
    let units = [(86_400.0, "day"), (3600.0, "hour"), (60.0, "minute"), (1.0, "second")];
    let (unit, name) = units.into_iter().find(|(unit, _)| distance >= *unit).unwrap_or((1.0, "second"));
    let count = (distance / unit).floor();
    format!("{count} {name}{} {direction}", if count == 1.0 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_distances() {
        for (seconds, expected) in [
            (1000.0, "0 seconds from now"),
            (999.0, "1 second ago"),
            (1150.0, "2 minutes from now"),
            (1e6, "11 days from now"),
        ] {
            assert_eq!(when(seconds, 1000.0), expected);
        }
    }
}
