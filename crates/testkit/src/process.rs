//! Runs a server until it is stopped.

/// Runs the command until it ends or until SIGINT or SIGTERM, then stops its child processes. After a signal it returns
/// `stopped`.
///
/// # Errors
/// The error of the command, or the reason why it could not start.
pub fn until_stopped(
    command: impl Future<Output = Result<(), String>>,
    stopped: Result<(), String>,
) -> Result<(), String> {
    let runtime = tokio::runtime::Runtime::new().map_err(|error| format!("cannot start: {error}"))?;
    runtime.block_on(async {
        let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
            .map_err(|error| format!("cannot listen for SIGTERM: {error}"))?;
        tokio::select! {
            outcome = command => outcome,
            _ = tokio::signal::ctrl_c() => stopped,
            _ = terminated.recv() => stopped,
        }
    })
}
