//! A configuration that was read.

use super::{Observer, Reporter};
use crate::config::Config;
use crate::jose::algorithm::Algorithm;

impl<O: Observer> Reporter<O> {
    /// A configuration that begins to serve. `host_algorithms` are those whose signatures the host verifies.
    pub fn configured(&self, config: &Config, host_algorithms: &[Algorithm]) {
        for warning in &config.warnings {
            self.warn(format_args!("{warning}"));
        }
        let names: Vec<&str> = config.issuers.iter().map(|issuer| issuer.name.as_str()).collect();
        let host_algorithms: Vec<&str> = host_algorithms.iter().copied().map(Algorithm::name).collect();
        self.info(format_args!(
            "version {} configured: digest {}, issuers {}, signatures verified {}",
            env!("CARGO_PKG_VERSION"),
            config.digest,
            names.join(" "),
            match host_algorithms.join(" ") {
                none if none.is_empty() => "in the module".to_owned(),
                some => format!("by the host for {some}, else in the module"),
            },
        ));
        if !config.enabled {
            self.warn(format_args!("enabled is false: requests pass unchecked, without identity headers"));
        }
        if config.report_only {
            self.warn(format_args!("report_only: no request is denied"));
        }
    }
}
