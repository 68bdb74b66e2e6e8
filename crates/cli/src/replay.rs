//! `kafka-sim replay`: a recorded run or a failure once more.

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use kafka_sim::journal::{Journal, ReplayOutcome, Until, replay};

use crate::args::ReplayArgs;
use crate::failure::Failure;
use crate::soak;

/// Replays a journal, or a failure that a search has found; the exit status is 1 if the run comes out otherwise than it was
/// recorded, and 2 if there is nothing that could be replayed.
pub(crate) fn run(args: ReplayArgs) -> Result<ExitCode, Failure> {
    if let Some(failure) = soak::failure_in(&args.file)? {
        return soak::replay(&args, &failure);
    }
    if args.html.is_some() {
        return Err(Failure::usage(
            "--html needs a failure that `soak` has written: a journal does not say what clients made of their answers",
        ));
    }
    let journal = Journal::read(&args.file).map_err(|error| Failure::usage(with_file(&args, &error)))?;
    let until = args.until.clone().map_or(Until::End, Until::from);
    let outcome = replay(&journal, until).map_err(|error| Failure::usage(with_file(&args, &error)))?;
    let mut out = BufWriter::new(io::stdout().lock());
    print(&mut out, &args, &journal, &outcome)?;
    out.flush()?;
    Ok(if outcome.is_identical() == Some(false) {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Some errors name the file already.
fn with_file(args: &ReplayArgs, error: &impl ToString) -> String {
    let (file, error) = (args.file.display().to_string(), error.to_string());
    if error.starts_with(&file) {
        error
    } else {
        format!("{file}: {error}")
    }
}

fn print(out: &mut impl Write, args: &ReplayArgs, journal: &Journal, outcome: &ReplayOutcome) -> io::Result<()> {
    if args.events {
        for (at, event) in &outcome.events {
            writeln!(out, "{at} {event:?}")?;
        }
    }
    writeln!(
        out,
        "replayed {} of {} entries, to {}",
        outcome.entries,
        journal.entries.len(),
        outcome.at
    )?;
    writeln!(out, "events {}", outcome.events.len())?;
    writeln!(out, "hash {:016x}", outcome.hash)?;
    match (outcome.is_identical(), outcome.recorded) {
        (Some(false), Some(end)) => {
            writeln!(
                out,
                "DIFFERENT: the recorded run had {} events and hash {:016x}",
                end.events, end.hash
            )?;
        }
        (Some(true), _) => writeln!(out, "identical to the recorded run")?,
        _ if journal.end.is_none() => writeln!(out, "the recording has no end, its process was killed")?,
        _ => {}
    }
    if args.dump {
        out.write_all(kafka_sim::dump(&outcome.view).as_bytes())?;
    }
    Ok(())
}
