//! A Prometheus that scrapes Envoys and evaluates the alerts of `envoy/prometheus-alerts.yaml`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use super::{Envoy, Request, wait_until};
use jwt_guard_testkit::repository as root;

/// One Envoy to scrape, and the labels that the scrape adds.
pub struct Target<'a> {
    pub job: &'a str,
    pub instance: &'a str,
    pub envoy: &'a Envoy,
}

/// A running Prometheus, killed on drop.
pub struct Prometheus {
    process: Child,
    folder: PathBuf,
    address: SocketAddr,
}

impl Prometheus {
    /// Starts Prometheus and returns when it has scraped each target twice, so that `rate` and `increase` have a
    /// result. `None` if there is no Prometheus; `scripts/prometheus` prints the reason.
    pub async fn start(targets: &[Target<'_>], metric_relabel_configs: &Value) -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let found =
            Command::new(root().join("scripts/prometheus")).stderr(Stdio::inherit()).output().unwrap();
        if found.status.code() == Some(77) {
            return None;
        }
        assert!(found.status.success(), "scripts/prometheus failed");
        let program = String::from_utf8(found.stdout).unwrap();

        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("prometheus-{}-{count}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        // JSON is YAML too.
        let config = folder.join("prometheus.yml");
        std::fs::write(&config, configuration(targets, metric_relabel_configs).to_string()).unwrap();
        let log = File::create(folder.join("log")).unwrap();
        let process = Command::new(program.trim_end())
            .arg("--config.file")
            .arg(&config)
            .arg("--storage.tsdb.path")
            .arg(folder.join("data"))
            .args(["--web.listen-address", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut prometheus = Self { process, folder, address: "127.0.0.1:0".parse().unwrap() };
        wait_until("Prometheus listens", async || prometheus.listens().is_some()).await;
        prometheus.address = prometheus.listens().unwrap();
        let all: BTreeSet<_> = targets.iter().map(|target| target.instance.to_owned()).collect();
        wait_until("each Envoy is scraped twice", async || {
            let scraped = prometheus.query("sum by (instance) (sum_over_time(up[1m])) >= 2").await;
            scraped.into_keys().collect::<BTreeSet<_>>() == all
        })
        .await;
        Some(prometheus)
    }

    /// The alerts whose expression is true, with their instance. The duration in `for` is ignored, because tests do not
    /// wait five minutes.
    pub async fn alerts(&self) -> BTreeSet<(String, String)> {
        let found = self.get_json("/api/v1/alerts").await;
        let alerts = found["alerts"].as_array().unwrap().iter();
        let label = |alert: &Value, name: &str| alert["labels"][name].as_str().unwrap_or_default().to_owned();
        alerts.map(|alert| (label(alert, "alertname"), label(alert, "instance"))).collect()
    }

    /// The value of the expression for each instance.
    pub async fn query(&self, expression: &str) -> BTreeMap<String, f64> {
        let encoded: String = expression.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let found = self.get_json(&format!("/api/v1/query?query={encoded}")).await;
        let samples = found["result"].as_array().unwrap().iter();
        samples
            .map(|sample| {
                let instance = sample["metric"]["instance"].as_str().unwrap_or_default().to_owned();
                (instance, sample["value"][1].as_str().unwrap().parse().unwrap())
            })
            .collect()
    }

    /// Waits until exactly these alerts are true.
    pub async fn alerted(&self, expected: &[(&str, &str)]) {
        let expected = expected.iter().map(|(alert, instance)| ((*alert).to_owned(), (*instance).to_owned()));
        let expected: BTreeSet<_> = expected.collect();
        wait_until(&format!("the alerts are {expected:?}"), async || self.alerts().await == expected).await;
    }

    async fn get_json(&self, path: &str) -> Value {
        let answer = Request::new(self.address, "GET", path).header("connection", "close").send().await;
        let body = answer.json();
        assert_eq!(body["status"], "success", "{path}: {body}");
        body["data"].clone()
    }

    /// The address from its log.
    fn listens(&self) -> Option<SocketAddr> {
        let log = self.log();
        let (_, rest) = log.split_once("msg=\"Listening on\" address=")?;
        rest.split_whitespace().next()?.parse().ok().filter(|_| log.contains("Server is ready"))
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // An error means that the process has exited already.
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            eprintln!("Prometheus' log ({}):\n{}", self.folder.display(), self.log());
        } else {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

fn configuration(targets: &[Target<'_>], metric_relabel_configs: &Value) -> Value {
    let jobs: BTreeSet<&str> = targets.iter().map(|target| target.job).collect();
    let scrape = |job: &str| {
        let of_job = targets.iter().filter(|target| target.job == job);
        let targets: Vec<_> = of_job
            .map(|target| {
                json!({ "targets": [target.envoy.admin().to_string()], "labels": { "instance": target.instance } })
            })
            .collect();
        json!({
            "job_name": job,
            "metrics_path": "/stats/prometheus",
            "static_configs": targets,
            "metric_relabel_configs": metric_relabel_configs,
        })
    };
    json!({
        "global": { "scrape_interval": "500ms", "scrape_timeout": "500ms", "evaluation_interval": "500ms" },
        "rule_files": [root().join("envoy/prometheus-alerts.yaml")],
        "scrape_configs": jobs.into_iter().map(scrape).collect::<Vec<_>>(),
    })
}
