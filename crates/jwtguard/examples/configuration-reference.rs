//! Prints `docs/configuration.md`.

fn main() {
    print!("{}", jwtguard::inspect::schema::reference());
}
