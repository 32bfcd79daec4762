//! Printing to standard output, whose reader may close the pipe early.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write};

/// Prints a line. A closed pipe (`jwtguard explain … | head`) is not an error: the rest of the output is dropped, and the
/// exit status stays the same. Any other write error is printed and ends the command with the exit status 1.
pub fn line(text: Arguments<'_>) {
    let mut out = std::io::stdout().lock();
    let written = out.write_fmt(text).and_then(|()| out.write_all(b"\n"));
    if let Err(error) = written
        && error.kind() != ErrorKind::BrokenPipe
    {
        eprintln!("jwtguard: cannot write to standard output: {error}");
        std::process::exit(1);
    }
}

/// `println!` that ignores a closed pipe.
macro_rules! print_line {
    ($($text:tt)*) => {
        $crate::commands::output::line(format_args!($($text)*))
    };
}
pub(crate) use print_line;
