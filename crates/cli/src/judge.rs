//! `kafka-sim judge`: which promises a recorded history keeps.

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use kafka_sim::Promise;
use kafka_sim::check::{Dangers, History, Report, Unclean, judge};

use crate::args::JudgeArgs;
use crate::failure::Failure;

/// Judges a history; the exit status is 1 if a promise is broken or cannot be decided.
pub(crate) fn run(args: JudgeArgs) -> Result<ExitCode, Failure> {
    let history = kafka_sim::recorded::read(&args.file).map_err(|error| {
        let (file, error) = (args.file.display().to_string(), error.to_string());
        let named = error.starts_with(&file);
        Failure::Usage(if named { error } else { format!("{file}: {error}") })
    })?;
    let promises = if args.promises.is_empty() {
        all_that_can_be_judged(&history)
    } else {
        args.promises
    };
    let verdict = judge(&history, &promises).with_dangers(Dangers::shown_by(&history));
    let holds = verdict.holds();
    let report = Report::new(verdict, Vec::new());
    let mut out = BufWriter::new(io::stdout().lock());
    if args.all {
        write!(out, "{report:#}")?;
    } else {
        write!(out, "{report}")?;
    }
    out.flush()?;
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What is stored if anything was sent, and what groups promise if there is something to judge it by.
fn all_that_can_be_judged(history: &History) -> Vec<Promise> {
    let sent = history.messages().next().is_some();
    let stored = Promise::STORED.into_iter().filter(|_| sent);
    let consumed = Promise::CONSUMED.into_iter().filter(|&promise| {
        let reasons = judge(history, &[promise]).reasons();
        !reasons.contains(&Unclean::NothingToJudge { promise })
    });
    stored.chain(consumed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn promises_that_find_nothing_to_judge_are_not_asked_for() {
        let text = "{\"kafka_sim_history\":1}\n{\"joined\":{\"at\":1,\"reader\":1,\"group\":\"billing\"}}\n{\"effect\":{\"at\":2,\"reader\":1,\"message\":3}}\n";
        let history = kafka_sim::recorded::parse(text.as_bytes()).unwrap();
        assert_eq!(
            all_that_can_be_judged(&history),
            [Promise::EffectOnce, Promise::Converges]
        );
        assert_eq!(all_that_can_be_judged(&History::new()), []);
    }
}
