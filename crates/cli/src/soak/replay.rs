//! `kafka-sim replay` of a failure that `soak` has written.

use std::io::{self, BufWriter, Read as _, Write};
use std::path::Path;
use std::process::ExitCode;

use kafka_sim::search::{FailureFile, Replayed};

use crate::args::ReplayArgs;
use crate::failure::Failure;

/// Enough of a file to tell a failure from a journal.
const HEAD: u64 = 100;

/// The failure in a file; none if it looks like something else, or cannot be read at all.
pub(crate) fn failure_in(file: &Path) -> Result<Option<FailureFile>, Failure> {
    let mut head = Vec::new();
    let read = std::fs::File::open(file).and_then(|file| file.take(HEAD).read_to_end(&mut head));
    if read.is_err() || !FailureFile::is_likely(&head) {
        return Ok(None);
    }
    match FailureFile::read(file) {
        Ok(failure) => Ok(Some(failure)),
        Err(error) => Err(Failure::usage(format!("{}: {error}", file.display()))),
    }
}

/// Repeats a failure and tells its story; the exit status is 1 if it comes out otherwise than it was found.
pub(crate) fn replay(args: &ReplayArgs, failure: &FailureFile) -> Result<ExitCode, Failure> {
    if args.until.is_some() {
        return Err(Failure::usage(
            "--until needs a journal that `serve --record` has written",
        ));
    }
    let replayed = failure
        .replay()
        .map_err(|error| Failure::usage(format!("{}: {error}", args.file.display())))?;
    let mut out = BufWriter::new(io::stdout().lock());
    print(&mut out, args, failure, &replayed)?;
    out.flush()?;
    if let Some(file) = &args.html {
        let title = format!(
            "{}: seed {} of profile {}",
            failure.broken, failure.seed, failure.profile
        );
        let page = kafka_sim::diagram::html(&title, &replayed.run, &replayed.report);
        crate::page::write(file, &page)?;
    }
    Ok(if replayed.identical {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn print(out: &mut impl Write, args: &ReplayArgs, failure: &FailureFile, replayed: &Replayed) -> io::Result<()> {
    let run = &replayed.run;
    if args.events {
        for (at, event) in &run.events {
            writeln!(out, "{at} {event:?}")?;
        }
    }
    writeln!(out, "profile {}, seed {}, faults:", failure.profile, failure.seed)?;
    for fault in &failure.schedule.faults {
        writeln!(out, "  {fault}")?;
    }
    write!(out, "{}", replayed.report)?;
    if !run.converged {
        writeln!(
            out,
            "the healed cluster did not come to rest, or could not be read to its end"
        )?;
    }
    match failure.cures.as_slice() {
        [] => writeln!(out, "no single setting would have prevented it")?,
        cures => writeln!(out, "prevented by: {}", cures.join(", or "))?,
    }
    writeln!(out, "events {}", run.events.len())?;
    writeln!(out, "hash {:016x}", run.trace_hash)?;
    if replayed.identical {
        writeln!(out, "identical to the run that was found")?;
    } else {
        writeln!(
            out,
            "DIFFERENT: the run that was found had hash {:016x}, by kafka-sim {}",
            failure.trace_hash, failure.version
        )?;
    }
    if args.dump {
        out.write_all(kafka_sim::dump(&run.view).as_bytes())?;
    }
    Ok(())
}
