//! Standard output, of which whoever reads it may want only the head.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write};

/// Prints a line. A reader that has gone (`jwtguard explain … | head`) wants no more: that is no mistake, and the exit
/// status still tells the answer. What cannot be written otherwise is told, and ends the command.
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

/// `println!` that ends quietly with its reader.
macro_rules! print_line {
    ($($text:tt)*) => {
        $crate::commands::output::line(format_args!($($text)*))
    };
}
pub(crate) use print_line;
