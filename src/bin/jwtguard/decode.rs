//! `decode`: what a token says.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::check;
use crate::output::say;

/// Show a token's header and claims, never its signature. Nothing is verified.
#[derive(clap::Args)]
#[command(after_help = "\
What is printed can be pasted without lending anybody the token: without its signature it is none. Its claims may be
private all the same.

Examples:
  jwtguard decode - < token.txt
  jwtguard mint --key key.json | jwtguard decode -")]
pub struct Arguments {
    /// The token, with or without Bearer before it; - is standard input, which keeps it out of the shell's history
    token: String,
}

/// `decode`
pub fn run(arguments: &Arguments) -> Result<(), String> {
    let text = if arguments.token == "-" { check::text("-")? } else { arguments.token.clone() };
    let text = text.trim();
    let bearer = text.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer "));
    let token = if bearer { text.get(7..).unwrap_or_default().trim() } else { text };
    let parts: Vec<&str> = token.split('.').collect();
    let [header, claims, _signature] = parts.as_slice() else {
        let encrypted = if parts.len() == 5 {
            "; five are an encrypted token, which has to be decrypted first"
        } else {
            ""
        };
        return Err(format!("a token has three parts between dots, and this has {}{encrypted}", parts.len()));
    };
    let (header, claims) = (part("header", header)?, part("claims", claims)?);
    say!("header {header:#}");
    say!("claims {claims:#}");
    for (name, means) in [("iat", "issued"), ("nbf", "not before"), ("exp", "expires")] {
        if let Some(seconds) = claims.get(name).and_then(Value::as_f64) {
            say!("{means} {}", when(seconds, crate::now().as_secs_f64()));
        }
    }
    say!("the signature was not checked");
    Ok(())
}

fn part(what: &str, text: &str) -> Result<Value, String> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| {
        format!("the {what} is not base64url without padding, which the filter would refuse too")
    })?;
    serde_json::from_slice(&bytes).map_err(|error| format!("the {what} is not JSON: {error}"))
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
