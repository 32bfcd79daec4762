//! `decode`: what a token says.

use serde_json::{Value, json};

use crate::commands::check;
use crate::commands::output::print_line;
use crate::commands::token_input::{parts, without_scheme};

/// Show a token's header and claims, never its signature. Nothing is verified.
#[derive(clap::Args)]
#[command(after_help = "\
What is printed can be pasted without lending anybody the token: without its signature it is none. Its claims may be
private all the same.

--json prints {\"header\": {...}, \"claims\": {...}}. jwtguard explain --claims and the key claims of a file for jwtguard
test take that as it is: the token is judged as it stands, and nothing is added to it.

Examples:
  jwtguard decode - < token.txt
  jwtguard mint --key key.json | jwtguard decode -
  jwtguard decode --json - < token.txt | jwtguard explain envoy.yaml --request /api/orders --claims -")]
pub struct Arguments {
    /// The token, with or without Bearer before it; - is standard input, which keeps it out of the shell's history
    token: String,
    /// One JSON object with the members header and claims instead of text
    #[arg(long)]
    json: bool,
}

/// `decode`
pub fn run(arguments: &Arguments) -> Result<(), String> {
    let text = if arguments.token == "-" { check::text("-")? } else { arguments.token.clone() };
    let (header, claims) = parts(without_scheme(&text))?;
    if arguments.json {
        print_line!("{:#}", json!({"header": header, "claims": claims}));
        return Ok(());
    }
    print_line!("header {header:#}");
    print_line!("claims {claims:#}");
    for (name, means) in [("iat", "issued"), ("nbf", "not before"), ("exp", "expires")] {
        if let Some(seconds) = claims.get(name).and_then(Value::as_f64) {
            print_line!("{means} {}", when(seconds, jwt_guard_testkit::now().as_secs_f64()));
        }
    }
    print_line!("the signature was not checked");
    Ok(())
}

/// A moment as a distance from now.
fn when(seconds: f64, now: f64) -> String {
    let (distance, way) = if seconds >= now { (seconds - now, "from now") } else { (now - seconds, "ago") };
    let units = [(86_400.0, "day"), (3600.0, "hour"), (60.0, "minute"), (1.0, "second")];
    let (unit, name) = units.into_iter().find(|(unit, _)| distance >= *unit).unwrap_or((1.0, "second"));
    let count = (distance / unit).floor();
    format!("{count} {name}{} {way}", if count == 1.0 { "" } else { "s" })
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
