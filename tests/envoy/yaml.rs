//! The tool parses plain YAML scalars in a Struct like Envoy, as shown by Envoy's `/config_dump`.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use jwtguard::inspect::documents;
use serde_json::{Value, json};

use crate::harness::{Request, wait_until};

/// The scalars and their expected values.
fn scalars() -> Vec<(&'static str, Value)> {
    vec![
        ("0", json!(0)),
        ("-0", json!(0)),
        ("7", json!(7)),
        ("+5", json!(5)),
        ("2147483647", json!(2_147_483_647)),
        ("2147483648", json!("2147483648")),
        ("-2147483648", json!(-2_147_483_648_i64)),
        ("-2147483649", json!("-2147483649")),
        ("9007199254740993", json!("9007199254740993")),
        ("9223372036854775808", json!("9223372036854775808")),
        ("1.5", json!("1.5")),
        ("300.0", json!("300.0")),
        ("1e3", json!("1e3")),
        (".5", json!(".5")),
        (".inf", json!(".inf")),
        ("010", json!(8)),
        ("-010", json!(-8)),
        ("08", json!("08")),
        ("0x1f", json!(31)),
        ("-0X1F", json!(-31)),
        ("0xffffffff", json!("4294967295")),
        ("0x", json!("0x")),
        ("0o17", json!("0o17")),
        ("0b11", json!("0b11")),
        ("1_000", json!("1_000")),
        ("2019-01-01", json!("2019-01-01")),
        ("y", json!(true)),
        ("Y", json!(true)),
        ("n", json!(false)),
        ("N", json!(false)),
        ("yes", json!(true)),
        ("yES", json!("yES")),
        ("On", json!(true)),
        ("off", json!(false)),
        ("TRUE", json!(true)),
        ("tRUE", json!("tRUE")),
        ("t", json!("t")),
        ("~", Value::Null),
        ("Null", Value::Null),
        ("", Value::Null),
        ("nULL", json!("nULL")),
        ("'2'", json!("2")),
        ("\"y\"", json!("y")),
        ("!!str 2", json!(2)),
        ("!!int 010", json!(8)),
        ("!!float 1.5", json!("1.5")),
        ("!!bool y", json!(true)),
        ("!!int '2'", json!(2)),
    ]
}

/// An Envoy with the folder of its files; both are removed on drop.
struct Bare {
    process: Child,
    folder: PathBuf,
}

impl Drop for Bare {
    fn drop(&mut self) {
        // An error means that the process has exited already.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Starts an Envoy with YAML and only an admin port. The harness writes JSON, for which Envoy has other rules.
fn start(yaml: &str) -> Bare {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("yaml-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("envoy.yaml"), yaml).unwrap();
    let process = Command::new(jwt_guard_testkit::envoy::program())
        .arg("--config-path")
        .arg(folder.join("envoy.yaml"))
        .arg("--admin-address-path")
        .arg(folder.join("admin.address"))
        .args(["--disable-hot-restart", "--concurrency", "1", "--log-level", "error"])
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    Bare { process, folder }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tool_reads_scalars_as_envoy_does() {
    let scalars = scalars();
    let rows: String =
        scalars.iter().enumerate().map(|(index, (text, _))| format!("      k{index}: {text}\n")).collect();
    // The tool recognizes an Envoy file by `@type`; inside a Struct it is an ordinary member.
    let yaml = format!(
        "admin: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: 0 }} }} }}\nnode:\n  id: a\n  cluster: b\n  \
         metadata:\n    scalars:\n      \"@type\": t\n{rows}      010: name\n      y: name\n      block: |-\n        010\n"
    );

    let envoy = start(&yaml);
    let address = envoy.folder.join("admin.address");
    let written = || std::fs::read_to_string(&address).unwrap_or_default().trim().parse().ok();
    wait_until("Envoy writes its admin address", || async { written().is_some() }).await;
    let dump = Request::new(written().unwrap(), "GET", "/config_dump").send().await.json();
    let of_envoy = &dump["configs"][0]["bootstrap"]["node"]["metadata"]["scalars"];

    let documents = documents("envoy.yaml", &yaml).unwrap();
    let tree = documents[0].tree.at(&["node", "metadata", "scalars"]).unwrap();
    let of_tool: Value = serde_json::from_str(&tree.to_json()).unwrap();

    for (index, (text, expected)) in scalars.iter().enumerate() {
        let name = format!("k{index}");
        assert_eq!(of_envoy.get(&name), Some(expected), "Envoy, of {text}");
        assert_eq!(of_tool.get(&name), Some(expected), "the tool, of {text}");
    }
    for (name, expected) in [("010", "name"), ("y", "name"), ("block", "010")] {
        assert_eq!((&of_envoy[name], &of_tool[name]), (&json!(expected), &json!(expected)), "{name}");
    }
}
