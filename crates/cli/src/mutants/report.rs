//! What became of each mutant, for people and for programs.

use std::io::{self, Write};

use kafka_sim::Schedule;
use kafka_sim::search::Claim;
use kafka_sim::search::mutants::{Hunt, Hunted, Level, Limits, Schedules, Trial};
use serde::Serialize;

/// One mutant.
#[derive(Serialize)]
pub(super) struct Line {
    mutant: &'static str,
    flaw: &'static str,
    profile: String,
    /// `general` if neither settings nor schedules know of the flaw, `usual` if only the settings were chosen for it,
    /// `directed` if schedules were built around it.
    search: &'static str,
    first_seed: u64,
    /// Found, with a small schedule that repeats, and not without the mutant.
    pub(super) caught: bool,
    runs: u64,
    /// The run that proved it by an invariant of replication.
    invariant_after: Option<u64>,
    /// The run that proved it by a broken promise to users.
    judge_after: Option<u64>,
    /// Runs in which it has to be found.
    limit: u64,
    /// Runs in which a promise to users was waited for.
    judge_limit: u64,
    /// What the limit was made from: runs needed by searches from other seeds.
    measured_median: u64,
    measured_worst: u64,
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
    pub(super) fn new(trial: &Trial, hunt: &Hunt, hunted: &Hunted) -> Line {
        let Limits { median, worst, .. } = trial.limits(hunt.schedules);
        Line {
            mutant: trial.mutant.name(),
            flaw: trial.mutant.words(),
            profile: match hunt.schedules {
                Schedules::General => "drawn at random".to_owned(),
                Schedules::Directed => trial.profile_words(),
            },
            search: trial.search(hunt.schedules),
            first_seed: hunt.first_seed,
            caught: !hunted.caught.is_empty(),
            runs: hunted.runs,
            invariant_after: hunted.runs_until(Level::Invariant),
            judge_after: hunted.runs_until(Level::Judge),
            limit: hunt.most,
            judge_limit: hunt.most_judged,
            measured_median: median,
            measured_worst: worst,
            seconds: (hunted.took.as_secs_f64() * 10.0).round() / 10.0,
            failure: hunted.gravest().map(|caught| Failing {
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

fn measured(line: &Line) -> String {
    match line.measured_worst {
        0 => "how many it takes from other seeds was not measured".to_owned(),
        worst => format!(
            "searches from other seeds took {} in the median and {worst} at worst",
            line.measured_median
        ),
    }
}

fn invariant(line: &Line) -> String {
    match line.invariant_after {
        Some(runs) => format!("invariant after {runs} runs"),
        None => format!("invariant: none within {}", line.runs),
    }
}

fn judge(line: &Line) -> String {
    match line.judge_after {
        Some(runs) => format!("judge after {runs} runs"),
        None => format!("judge: none within {}", line.runs),
    }
}

/// One line for each mutant.
pub(super) fn table(out: &mut impl Write, lines: &[Line]) -> io::Result<()> {
    for line in lines {
        writeln!(
            out,
            "{:<32} {:<9} {:<29} {}",
            line.mutant,
            line.search,
            invariant(line),
            judge(line)
        )?;
    }
    Ok(())
}

pub(super) fn text(out: &mut impl Write, line: &Line) -> io::Result<()> {
    let verdict = if line.caught { "caught" } else { "SURVIVED" };
    writeln!(out, "{} {verdict}: {}", line.mutant, line.flaw)?;
    writeln!(
        out,
        "  search: {}, settings: {}, {} runs from seed {} in {:.1} s",
        line.search, line.profile, line.runs, line.first_seed, line.seconds
    )?;
    writeln!(out, "  {}, {}", invariant(line), judge(line))?;
    writeln!(out, "  has to be found within {} runs; {}", line.limit, measured(line))?;
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
