//! What became of each mutant, for people and for programs.

use std::io::{self, Write};

use kafka_sim::Schedule;
use kafka_sim::search::Claim;
use kafka_sim::search::mutants::{Caught, Hunted, Trial};
use serde::Serialize;

/// One mutant.
#[derive(Serialize)]
pub(super) struct Line {
    mutant: &'static str,
    flaw: &'static str,
    profile: String,
    /// Found, with a small schedule that repeats, and not without the mutant.
    pub(super) caught: bool,
    seeds: u64,
    seeds_stated: u64,
    seconds: f64,
    failure: Option<Failing>,
}

#[derive(Serialize)]
struct Failing {
    seed: u64,
    claim: Claim,
    faults_found: usize,
    records: u32,
    schedule: Schedule,
    story: Vec<String>,
    reproduces: bool,
    unmutated_survives: bool,
}

impl Line {
    pub(super) fn new(trial: &Trial, hunted: &Hunted) -> Line {
        Line {
            mutant: trial.mutant.name(),
            flaw: trial.mutant.words(),
            profile: trial.profile_words(),
            caught: hunted.caught.as_ref().is_some_and(Caught::is_proof) && hunted.seeds <= trial.seeds,
            seeds: hunted.seeds,
            seeds_stated: trial.seeds,
            seconds: (hunted.took.as_secs_f64() * 10.0).round() / 10.0,
            failure: hunted.caught.as_ref().map(|caught| Failing {
                seed: caught.seed.0,
                claim: caught.claim,
                faults_found: caught.faults_found,
                records: caught.world.records,
                schedule: caught.schedule.clone(),
                story: caught.story.clone(),
                reproduces: caught.reproduces,
                unmutated_survives: caught.unmutated_survives,
            }),
        }
    }
}

#[derive(Serialize)]
struct Object<'a> {
    caught: usize,
    survived: usize,
    mutants: &'a [Line],
}

pub(super) fn json(out: &mut impl Write, lines: &[Line], survived: usize) -> io::Result<()> {
    let object = Object {
        caught: lines.len() - survived,
        survived,
        mutants: lines,
    };
    serde_json::to_writer_pretty(&mut *out, &object)?;
    writeln!(out)
}

pub(super) fn text(out: &mut impl Write, line: &Line) -> io::Result<()> {
    let verdict = if line.caught { "caught" } else { "SURVIVED" };
    writeln!(out, "{} {verdict}: {}", line.mutant, line.flaw)?;
    writeln!(
        out,
        "  {} of at most {} seeds in {:.1} s, profile {}",
        line.seeds, line.seeds_stated, line.seconds, line.profile
    )?;
    let Some(failing) = &line.failure else {
        return writeln!(out);
    };
    writeln!(out, "  seed {} broke: {}", failing.seed, failing.claim)?;
    writeln!(
        out,
        "  shrunk from {} faults to {}, and to {} messages:",
        failing.faults_found,
        failing.schedule.faults.len(),
        failing.records
    )?;
    for fault in &failing.schedule.faults {
        writeln!(out, "    {fault}")?;
    }
    for sentence in &failing.story {
        writeln!(out, "  {sentence}")?;
    }
    let again = if failing.reproduces { "does" } else { "DOES NOT DO" };
    let without = if failing.unmutated_survives {
        "survives"
    } else {
        "DOES NOT SURVIVE"
    };
    writeln!(
        out,
        "  the schedule alone {again} it again; the cluster without the flaw {without} it\n"
    )
}
