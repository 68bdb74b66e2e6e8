//! What this repository promises not to contain, checked by walking over it.
//!
//! Crate boundaries and lints come first; this is for what neither can say. Every test lists all offenders at once.

use std::fs;
use std::path::{Path, PathBuf};

/// Most lines of a source file, not counting its tests.
const MOST_LINES: usize = 700;

/// Crates without I/O, clocks or threads.
const PURE: [&str; 4] = ["core", "cluster", "client", "check"];

/// Directories that hold what was built or fetched, not what was written.
const GENERATED: [&str; 8] = [
    ".git",
    "target",
    ".venv",
    "node_modules",
    "artifacts",
    "corpus",
    "__pycache__",
    ".pytest_cache",
];

/// Endings of files people write and read.
const TEXT: [&str; 9] = ["rs", "toml", "md", "py", "sh", "yml", "yaml", "ini", "txt"];

fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests
        .parent()
        .expect("this package lies in a directory of the repository")
        .to_owned()
}

/// A file with its path from the root of the repository, with forward slashes on every system.
struct File {
    path: String,
    text: String,
}

impl File {
    fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs")
            || self.path.ends_with("_tests.rs")
            || self.path.contains("/tests/")
            || self.path.starts_with("tests/")
    }

    /// The lines before the tests at the end of the file, each with its number.
    fn lines_without_tests(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines: Vec<&str> = self.text.lines().collect();
        let opens_tests =
            |pair: &[&str]| pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod ") && pair[1].ends_with('{');
        let end = lines.windows(2).position(opens_tests).unwrap_or(lines.len());
        lines
            .into_iter()
            .take(end)
            .enumerate()
            .map(|(index, line)| (index + 1, line))
    }

    /// The same lines without comments.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.lines_without_tests()
            .map(|(number, line)| (number, line.split("//").next().unwrap_or_default()))
    }

    /// Whether this is a source file of the crate in `crates/<name>`, tests aside.
    fn is_source_of(&self, name: &str) -> bool {
        self.is_rust() && !self.is_test() && self.path.starts_with(&format!("crates/{name}/src/"))
    }
}

/// All files people wrote under `dir`, in a stable order.
fn files(dir: &str) -> Vec<File> {
    fn walk(root: &Path, dir: &Path, found: &mut Vec<File>) {
        let mut entries: Vec<PathBuf> = fs::read_dir(dir)
            .into_iter()
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.path()))
            .collect();
        entries.sort();
        for path in entries {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() {
                if !GENERATED.contains(&name.as_str()) {
                    walk(root, &path, found);
                }
                continue;
            }
            let ending = path.extension().unwrap_or_default().to_string_lossy().into_owned();
            let is_script = ending.is_empty() && !name.starts_with("LICENSE");
            if (TEXT.contains(&ending.as_str()) || is_script)
                && let Ok(text) = fs::read_to_string(&path)
            {
                let relative = path.strip_prefix(root).expect("found below the root");
                found.push(File {
                    path: relative.to_string_lossy().replace('\\', "/"),
                    text,
                });
            }
        }
    }
    let root = root();
    let mut found = Vec::new();
    walk(&root, &root.join(dir), &mut found);
    found
}

/// Everything people wrote, except this file: it has to name what it forbids.
fn everything() -> Vec<File> {
    let mut files = files("");
    files.retain(|file| file.path != "tests/tidy.rs" && !file.path.starts_with("fuzz/seeds/"));
    assert!(
        files.len() > 20,
        "the walk over the repository found only {} files",
        files.len()
    );
    files
}

fn none(what: &str, offenders: &[String]) {
    assert!(offenders.is_empty(), "{what}:\n  {}", offenders.join("\n  "));
}

/// `line` has `word` between characters that cannot belong to the same name.
fn has_word(line: &str, word: &str) -> bool {
    let part_of_name = |found: char| found.is_alphanumeric() || found == '_';
    line.match_indices(word).any(|(at, _)| {
        !line[..at].chars().next_back().is_some_and(part_of_name)
            && !line[at + word.len()..].chars().next().is_some_and(part_of_name)
    })
}

#[test]
fn no_source_file_is_longer_than_a_reader_can_hold() {
    let long: Vec<String> = files("crates")
        .iter()
        .filter(|file| file.is_rust() && file.path.contains("/src/") && !file.is_test())
        .map(|file| (file.lines_without_tests().count(), &file.path))
        .filter(|(lines, _)| *lines > MOST_LINES)
        .map(|(lines, path)| format!("{path}: {lines} lines"))
        .collect();
    none(&format!("more than {MOST_LINES} lines"), &long);
}

#[test]
fn nothing_is_left_for_later() {
    let words = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX")];
    let macros = [concat!("unimplemented", "!"), concat!("todo", "!")];
    let mut left = Vec::new();
    for file in everything()
        .iter()
        .filter(|file| file.is_rust() || file.path.ends_with(".py"))
    {
        for (number, line) in file.text.lines().enumerate() {
            if words.iter().any(|word| has_word(line, word)) || macros.iter().any(|name| line.contains(name)) {
                left.push(format!("{}:{}: {}", file.path, number + 1, line.trim()));
            }
        }
    }
    none("work is done or it is not in the tree", &left);
}

#[test]
fn faults_have_exact_names() {
    let vague: Vec<String> = files("crates/cluster/src")
        .iter()
        .filter(|file| file.is_rust() && !file.is_test() && file.path.starts_with("crates/cluster/src/fault"))
        .flat_map(|file| {
            let lines = file.code().filter(|(_, line)| line.to_lowercase().contains("crash"));
            lines
                .map(|(number, line)| format!("{}:{number}: {}", file.path, line.trim()))
                .collect::<Vec<_>>()
        })
        .collect();
    none(
        "kill, power_loss, pause, isolate, reset and wipe are different things",
        &vague,
    );
}

#[test]
fn lines_end_where_their_text_ends() {
    let mut untidy = Vec::new();
    for file in everything() {
        for (number, line) in file.text.lines().enumerate() {
            if line.ends_with([' ', '\t', '\r']) {
                untidy.push(format!("{}:{}: blanks at the end", file.path, number + 1));
            }
            if line.contains('\t') {
                untidy.push(format!("{}:{}: a tab", file.path, number + 1));
            }
        }
        if !file.text.is_empty() && !file.text.ends_with('\n') {
            untidy.push(format!("{}: no line feed at the end", file.path));
        }
    }
    none("blanks", &untidy);
}

#[test]
fn every_crate_and_every_api_says_what_it_is() {
    let crates = files("crates");
    let mute: Vec<String> = crates
        .iter()
        .filter(|file| {
            file.path.ends_with("/src/lib.rs")
                || file.path.ends_with("/src/main.rs")
                || (file.path.starts_with("crates/cluster/src/api/") && file.is_rust() && !file.is_test())
        })
        .filter(|file| !file.text.starts_with("//! "))
        .map(|file| file.path.clone())
        .collect();
    none("these files have to open with //!", &mute);
}

#[test]
fn the_machine_reaches_neither_clock_nor_thread_nor_operating_system() {
    const OUTSIDE: [&str; 9] = [
        "tokio",
        "Instant",
        "SystemTime",
        "std::thread",
        "std::fs",
        "std::net",
        "std::env",
        "std::process",
        "std::sync::Mutex",
    ];
    let mut outside = Vec::new();
    for name in PURE {
        for file in files("crates").iter().filter(|file| file.is_source_of(name)) {
            for (number, line) in file.code() {
                outside.extend(
                    OUTSIDE
                        .iter()
                        .filter(|word| has_word(line, word))
                        .map(|word| format!("{}:{number}: {word}", file.path)),
                );
            }
        }
    }
    none("time, randomness and I/O enter through arguments", &outside);
}

/// The names in the dependency tables of a manifest whose heading is one of `tables`.
fn dependencies(manifest: &str, tables: &[&str]) -> Vec<String> {
    let mut inside = false;
    let mut names = Vec::new();
    for line in manifest.lines().map(str::trim) {
        if let Some(heading) = line.strip_prefix('[') {
            let heading = heading.trim_end_matches(']');
            inside = tables.contains(&heading);
            let single = tables
                .iter()
                .find_map(|table| heading.strip_prefix(table)?.strip_prefix('.'));
            names.extend(single.map(str::to_owned));
        } else if inside && let Some((name, _)) = line.split_once(['.', '=', ' ']) {
            names.push(name.trim().to_owned());
        }
    }
    names
}

#[test]
fn crates_meet_in_bytes_alone() {
    let of = |name: &str| {
        let path = root().join("crates").join(name).join("Cargo.toml");
        let manifest = fs::read_to_string(&path).expect("every crate has a manifest");
        dependencies(&manifest, &["dependencies", "build-dependencies"])
    };
    assert_eq!(
        of("check"),
        Vec::<String>::new(),
        "the judge knows the standard library and nothing else"
    );
    let known = of("core");
    assert!(
        known.contains(&"bytes".to_owned()),
        "the manifest of core was read: {known:?}"
    );
    let forbidden = [
        (
            "core",
            ["tokio", "kafka-sim-cluster", "kafka-sim-client", "kafka-sim-check"],
        ),
        ("cluster", ["tokio", "kafka-sim-client", "kafka-sim-check", "kafka-sim"]),
        ("client", ["tokio", "kafka-sim-cluster", "kafka-sim-check", "kafka-sim"]),
        (
            "kafka-sim",
            ["clap", "indicatif", "tracing-subscriber", "kafka-sim-cli"],
        ),
    ];
    for (name, forbidden) in forbidden {
        let has: Vec<String> = of(name)
            .into_iter()
            .filter(|found| forbidden.contains(&found.as_str()))
            .collect();
        none(&format!("{name} must not depend on"), &has);
    }
}

#[test]
fn every_crate_obeys_the_lints_of_the_workspace() {
    let manifests = files("crates")
        .into_iter()
        .chain(files("tests"))
        .filter(|file| file.path.ends_with("Cargo.toml"));
    let free: Vec<String> = manifests
        .filter(|file| !file.text.contains("[lints]\nworkspace = true"))
        .map(|file| file.path)
        .collect();
    none("these manifests lack the lints of the workspace", &free);
}

/// A line that has to do with mutants outside of their own room is either the attribute that keeps it out of other
/// builds, or belongs to what that attribute stands before.
#[test]
fn mutants_are_compiled_only_where_they_are_asked_for() {
    const GATE: &str = "#[cfg(feature = \"mutants\")]";
    let gated_rooms = [
        "crates/cluster/src/mutant.rs",
        "crates/kafka-sim/src/search/mutants/",
        "crates/cli/src/mutants/",
    ];
    let (mut open, mut gates) = (Vec::new(), 0);
    for name in ["core", "cluster", "client", "check", "kafka-sim", "cli"] {
        for file in files(&format!("crates/{name}/src")) {
            if !file.is_source_of(name) || gated_rooms.iter().any(|room| file.path.starts_with(room)) {
                continue;
            }
            // How far what the last gate stands before is indented, until it has ended.
            let mut gated: Option<usize> = None;
            for (number, line) in file.code().filter(|(_, line)| !line.trim().is_empty()) {
                let indent = line.len() - line.trim_start().len();
                if line.trim() == GATE {
                    gates += 1;
                    gated = Some(indent);
                    continue;
                }
                let inside = gated.is_some();
                if line.to_lowercase().contains("mutant")
                    && !inside
                    && !line.contains("feature = \"mutants\"")
                    && !line.contains("compile_fail")
                {
                    open.push(format!("{}:{number}: {}", file.path, line.trim()));
                }
                let ends = line.trim_end().ends_with([';', ',', '}']) && !line.trim_end().ends_with("=> {");
                if gated == Some(indent) && ends {
                    gated = None;
                }
            }
        }
    }
    none("of mutants, in every build", &open);
    assert!(gates > 20, "only {gates} places know of mutants");
    let features = files("crates")
        .into_iter()
        .filter(|file| file.path.ends_with("Cargo.toml"));
    let switched_on: Vec<String> = features
        .filter(|file| {
            file.text
                .lines()
                .any(|line| line.starts_with("default") && line.contains("mutants"))
        })
        .map(|file| file.path)
        .collect();
    none("mutants are on by default", &switched_on);
}

#[test]
fn the_licences_are_here() {
    for name in ["LICENSE-MIT", "LICENSE-APACHE"] {
        let text = fs::read_to_string(root().join(name)).unwrap_or_default();
        assert!(text.len() > 500, "{name} is missing or cut off");
    }
}

#[test]
fn nothing_names_the_machine_or_the_tracker_it_was_written_with() {
    const NAMES: [&str; 5] = ["/work/", "/root/", "/tmp/", "/home/", "/Users/"];
    let mut named = Vec::new();
    for file in everything() {
        for (number, line) in file.text.lines().enumerate() {
            let lower = line.to_lowercase();
            // The default of Kafka's log.dir is the one such path that is a fact.
            let line = line.replace("/tmp/kafka-logs", "");
            if NAMES.iter().any(|name| line.contains(name)) || lower.contains("issue #") || lower.contains("issue#") {
                named.push(format!("{}:{}: {}", file.path, number + 1, line.trim()));
            }
        }
    }
    none("a reader elsewhere cannot follow these", &named);
}

#[test]
fn the_helpers_of_this_file_see_what_they_look_for() {
    assert!(has_word("use std::time::Instant;", "Instant"));
    assert!(!has_word("let instantly = Instantly;", "Instant"));
    let manifest = "[dependencies]\nbytes.workspace = true\ntokio = \"1\"\n[dev-dependencies]\nproptest = \"1\"\n";
    assert_eq!(dependencies(manifest, &["dependencies"]), ["bytes", "tokio"]);
    assert_eq!(
        dependencies("[dependencies.tokio]\nversion = \"1\"\n", &["dependencies"]),
        ["tokio"]
    );
    let file = File {
        path: "a.rs".to_owned(),
        text: "a // b\n#[cfg(test)]\nmod tests {\nc\n}\n".to_owned(),
    };
    assert_eq!(file.code().collect::<Vec<_>>(), [(1, "a ")]);
}
