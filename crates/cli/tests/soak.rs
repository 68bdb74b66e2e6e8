//! The command `soak` as a scheduler of many machines uses it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn soak(directory: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kafka-sim"))
        .arg("soak")
        .args(args)
        .current_dir(directory)
        .output()
        .expect("the command was built")
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("one JSON object")
}

/// A directory of its own for each test, empty.
fn directory(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).expect("the directory of the build can be written");
    path
}

/// Writes what the shards of a search print, and returns the names of the files.
fn shards(directory: &Path, args: &[&str], count: usize) -> Vec<String> {
    let shard = |index: usize| {
        let (shard, file) = (format!("{index}/{count}"), format!("shard-{index}.json"));
        let output = soak(directory, &[args, &["--json", "--shard", &shard]].concat());
        std::fs::write(directory.join(&file), output.stdout).expect("the directory can be written");
        file
    };
    (0..count).map(shard).collect()
}

fn merge(files: &[String]) -> Vec<&str> {
    ["--merge"]
        .into_iter()
        .chain(files.iter().map(String::as_str))
        .collect()
}

const SEEDS: &[&str] = &["--seeds", "9", "--seed", "1", "--keep-going"];

#[test]
fn shards_merged_equal_the_unsharded_search_in_everything_but_speed() {
    let directory = directory("merge");
    let whole = soak(&directory, &[SEEDS, &["--json"]].concat());
    assert_eq!(whole.status.code(), Some(0));
    let files = shards(&directory, SEEDS, 3);
    let merged = soak(&directory, &[merge(&files), vec!["--json"]].concat());
    assert_eq!(
        merged.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&merged.stderr)
    );
    let without_speed = |output: &Output| {
        let mut object = json(output);
        for speed in ["core_seconds", "runs_per_second_per_core", "virtual_seconds_per_second"] {
            assert!(object[speed].as_f64().is_some_and(|speed| speed > 0.0), "{speed}");
            object[speed] = Value::Null;
        }
        object
    };
    assert_eq!(without_speed(&merged), without_speed(&whole));
    assert_eq!(json(&merged)["runs"], 9);
}

#[test]
fn a_missing_shard_and_a_bad_file_are_named_with_exit_status_2() {
    let directory = directory("refused");
    let files = shards(&directory, &["--seeds", "2"], 2);
    let refused = |files: &[String]| {
        let output = soak(&directory, &merge(files));
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8(output.stderr).expect("messages are text")
    };
    assert!(refused(&files[..1]).contains("shard 1/2 is missing"));
    assert!(refused(&[files[0].clone(), files[0].clone()]).contains("are both shard 0/2"));
    assert!(refused(&["nowhere.json".to_owned()]).contains("nowhere.json"));
    std::fs::write(directory.join("bad.json"), "{\"runs\": 3}").expect("the directory can be written");
    assert!(refused(&["bad.json".to_owned()]).contains("bad.json: not a report"));
}

#[test]
fn a_failing_seed_is_written_down_counted_and_ends_with_exit_status_1() {
    let directory = directory("failing");
    let args = [
        "--profile",
        "acks-one",
        "--beyond",
        "--seeds",
        "40",
        "--json",
        "--out",
        "found",
    ];
    let output = soak(&directory, &args);
    assert_eq!(output.status.code(), Some(1));
    let object = json(&output);
    assert_eq!(object["failures"], 1);
    let file = object["found"][0]["file"].as_str().expect("a failure has a file");
    assert!(directory.join(file).is_file(), "{file}");
    assert!(object["dangers"]["leader_changes"].as_u64() > Some(0));
}

#[test]
fn a_greybox_search_is_the_same_on_any_number_of_threads() {
    let directory = directory("greybox");
    let counted = |threads: &str| {
        let args = [
            "--greybox",
            "--seeds",
            "40",
            "--json",
            "--keep-going",
            "--threads",
            threads,
        ];
        let object = json(&soak(&directory, &args));
        assert!(object["combinations"].as_u64() > Some(50), "{object}");
        (
            object["dangers"].clone(),
            object["combinations"].clone(),
            object["failures"].clone(),
        )
    };
    assert_eq!(counted("1"), counted("3"));
}
