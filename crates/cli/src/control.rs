//! Commands to a running cluster: one JSON value per line comes in, one goes out.

use std::convert::Infallible;
use std::io::{self, BufRead as _, Write as _};

use kafka_sim::cluster::view::View;
use kafka_sim::{BrokerId, Schedule, ScheduledFault, Server, SimTime, Trigger};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::failure::Failure;

/// What a line may ask for.
#[derive(PartialEq, Eq, Debug)]
enum Command {
    /// A fault; instants count from the arrival of the line.
    Fault(ScheduledFault),
    Word(Word),
}

/// Commands without parameters, written as JSON strings.
#[derive(Deserialize, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
enum Word {
    /// Heals everything and starts every broker that is down.
    HealAll,
    /// Shows what no client can see.
    View,
}

/// The answer to one line.
#[derive(Serialize)]
struct Answer {
    /// Number of the line, from 1; empty lines count and are not answered.
    line: u64,
    #[serde(flatten)]
    outcome: Outcome,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    /// The fault has struck these brokers.
    Struck(Vec<BrokerId>),
    /// The fault will strike: what, and when.
    Scheduled(String),
    /// True.
    Healed(bool),
    View(Box<View>),
    /// What is wrong with the line. Nothing was done.
    Error(String),
}

/// Carries out what standard input says and answers on standard output. Once either has ended the cluster goes on
/// without commands, so this never returns, unless answers cannot be written for another reason.
pub(crate) async fn obey(server: &Server) -> Failure {
    let mut lines = lines();
    while let Some((line, text)) = lines.recv().await {
        if text.trim_ascii().is_empty() {
            continue;
        }
        let outcome = match parse(&text) {
            Ok(command) => carry_out(server, command).await,
            Err(error) => Outcome::Error(error),
        };
        match write(&Answer { line, outcome }) {
            Ok(()) => {}
            Err(Failure::NobodyReads) => break,
            Err(failure) => return failure,
        }
    }
    match std::future::pending::<Infallible>().await {}
}

/// The lines of standard input with their numbers, read by a thread of their own: a read from a terminal or a pipe
/// cannot be called off, and must not hold up the end of the process.
fn lines() -> mpsc::Receiver<(u64, Vec<u8>)> {
    let (sender, receiver) = mpsc::channel(1);
    std::thread::spawn(move || {
        let mut input = io::stdin().lock();
        for line in 1.. {
            let mut text = Vec::new();
            match input.read_until(b'\n', &mut text) {
                Ok(0) => return,
                Ok(_) if sender.blocking_send((line, text)).is_err() => return,
                Ok(_) => {}
                Err(error) => return tracing::error!(%error, "standard input can no longer be read"),
            }
        }
    });
    receiver
}

fn parse(text: &[u8]) -> Result<Command, String> {
    let parsed = if text.trim_ascii_start().starts_with(b"\"") {
        serde_json::from_slice(text).map(Command::Word)
    } else {
        serde_json::from_slice(text).map(Command::Fault)
    };
    parsed.map_err(|error| {
        // Every command is one line, so the line that JSON counts says nothing.
        let (said, column) = (error.to_string(), error.column());
        let what = said.strip_suffix(&format!(" at line {} column {column}", error.line()));
        format!("{} at column {column}; expected {EXPECTED}", what.unwrap_or(&said))
    })
}

const EXPECTED: &str =
    r#"a fault such as {"fault": {"kill": {"broker": 0}}, "heal_after_ms": 5000}, "heal_all" or "view""#;

async fn carry_out(server: &Server, command: Command) -> Outcome {
    match command {
        Command::Fault(fault) if fault.at == Trigger::At(SimTime::ZERO) => Outcome::Struck(match fault.heal_after {
            Some(after) => server.inject_for(fault.fault, after).await,
            None => server.inject(fault.fault).await,
        }),
        Command::Fault(fault) => {
            let words = fault.to_string();
            server.schedule(Schedule::from(vec![fault])).await;
            Outcome::Scheduled(words)
        }
        Command::Word(Word::HealAll) => {
            server.heal_all().await;
            Outcome::Healed(true)
        }
        Command::Word(Word::View) => Outcome::View(Box::new(server.view().await)),
    }
}

fn write(answer: &Answer) -> Result<(), Failure> {
    let mut line = serde_json::to_vec(answer).map_err(Failure::failed)?;
    line.push(b'\n');
    let mut out = io::stdout().lock();
    out.write_all(&line)?;
    Ok(out.flush()?)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kafka_sim::{Fault, Role};

    use super::*;

    #[test]
    fn a_line_is_a_fault_of_a_schedule_or_a_word() {
        let kill = Fault::Kill(Role::coordinator_of("billing"));
        let text = br#"{"fault": {"kill": {"coordinator_of": {"group": "billing"}}}, "heal_after_ms": 500}"#;
        let healed = kill.clone().at(SimTime::ZERO).healed_after(Duration::from_millis(500));
        assert_eq!(parse(text), Ok(Command::Fault(healed)));
        let text = br#" {"at": {"ms": 20}, "fault": {"kill": {"coordinator_of": {"group": "billing"}}}}"#;
        assert_eq!(parse(text), Ok(Command::Fault(kill.at(SimTime::from_millis(20)))));
        assert_eq!(parse(b"\"heal_all\"\n"), Ok(Command::Word(Word::HealAll)));
        assert_eq!(parse(b" \"view\""), Ok(Command::Word(Word::View)));
    }

    #[test]
    fn a_bad_line_is_told_where_it_is_wrong_and_what_was_expected() {
        let bad: [(&[u8], &str); 6] = [
            (b"kill", "expected value at column 1;"),
            (b"{}", "missing field `fault` at column 2;"),
            (br#"{"fault": {"crash": "all_brokers"}}"#, "unknown variant `crash`"),
            (
                br#"{"fault": {"kill": "all_brokers"}, "heal": 1}"#,
                "unknown field `heal`",
            ),
            (
                b"\"halt\"",
                "unknown variant `halt`, expected `heal_all` or `view` at column 6;",
            ),
            (b"{\xff}", "at column 2;"),
        ];
        for (text, expected) in bad {
            let error = parse(text).expect_err("the line is no command");
            assert!(error.contains(expected) && error.ends_with(EXPECTED), "{error}");
        }
    }
}
