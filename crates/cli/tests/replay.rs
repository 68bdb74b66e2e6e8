//! What `replay` says of files that hold no run.

use std::path::Path;
use std::process::Command;

/// Exit status and standard error.
fn replay(file: &Path) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_kafka-sim"))
        .arg("replay")
        .arg(file)
        .output()
        .expect("the command was built");
    (
        output.status.code(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

#[test]
fn a_file_that_is_not_there_is_wrong_usage_and_not_another_outcome() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("no-such-journal");
    let (status, said) = replay(&file);
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("no-such-journal"), "{said}");
}

#[test]
fn a_file_without_a_run_is_wrong_usage_and_says_what_was_expected() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("no-journal.jsonl");
    for content in ["", "{", "{}", "a run\n", "{\"kafka_sim_journal\":1}\n{"] {
        std::fs::write(&file, content).expect("the directory of the build can be written");
        let (status, said) = replay(&file);
        assert_eq!(status, Some(2), "{content:?}: {said}");
        assert!(
            said.contains("no-journal.jsonl") && said.contains("expected"),
            "{content:?}: {said}"
        );
    }
}
