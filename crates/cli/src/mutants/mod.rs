//! `kafka-sim mutants`: whether searching finds planted flaws.

mod measure;
mod report;

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use kafka_sim::search::mutants::{Hunt, Mutant, Schedules, Trial};

use crate::failure::Failure;
use crate::threads::cores;
use report::Line;

/// Arguments of `mutants`.
#[derive(clap::Args)]
pub(crate) struct MutantsArgs {
    /// Mutants to hunt; all of them if none is named.
    #[arg(value_name = "NAME")]
    names: Vec<Mutant>,
    /// The first seed of each search.
    #[arg(long, value_name = "S", default_value_t = 0)]
    first_seed: u64,
    /// Seeds to try for each, instead of the number that each states.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    seeds: Option<u64>,
    /// Search by schedules that know nothing of the flaw, also where such a search takes too long to be the rule.
    #[arg(long, conflicts_with = "directed")]
    general: bool,
    /// Search a world that was chosen for the flaw, by schedules most of which are built around it.
    #[arg(long)]
    directed: bool,
    /// Instead of proving each once, search for each so often, from seeds far apart, and tell how many runs it took.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    repeats: Option<u64>,
    /// With --repeats: steer general schedules by what runs have met.
    #[arg(long, requires = "repeats", conflicts_with = "directed")]
    greybox: bool,
    /// With --repeats: go on until a promise to users breaks, whatever invariants broke before.
    #[arg(long, requires = "repeats")]
    judge: bool,
    /// Run general schedules without any flaw, as many as --seeds says, and write down those that break something all the
    /// same.
    #[arg(long, requires = "seeds", conflicts_with_all = ["names", "repeats", "general", "directed"])]
    unmutated: bool,
    /// Where --unmutated writes what it found.
    #[arg(long, value_name = "DIR", default_value = "soak-failures")]
    out: PathBuf,
    /// Threads; as many as there are cores unless given. What is found does not depend on them.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
}

impl MutantsArgs {
    fn threads(&self) -> usize {
        self.threads.map_or_else(cores, usize::from)
    }

    fn schedules(&self, trial: &Trial) -> Schedules {
        match (self.general, self.directed) {
            (true, _) => Schedules::General,
            (_, true) => Schedules::Directed,
            _ => trial.schedules(),
        }
    }

    fn trials(&self) -> impl Iterator<Item = &'static Trial> {
        let wanted = |trial: &&Trial| self.names.is_empty() || self.names.contains(&trial.mutant);
        Trial::ALL.iter().filter(wanted)
    }
}

/// Hunts every mutant; the exit status is 1 if one survives.
pub(crate) fn run(args: MutantsArgs) -> Result<ExitCode, Failure> {
    if args.unmutated {
        return measure::unmutated(&args);
    }
    if let Some(repeats) = args.repeats {
        return measure::all(&args, repeats);
    }
    let mut out = io::stdout().lock();
    let mut lines = Vec::new();
    for trial in args.trials() {
        let schedules = args.schedules(trial);
        let limits = trial.limits(schedules);
        let hunt = Hunt {
            schedules,
            first_seed: args.first_seed,
            most: args.seeds.unwrap_or(limits.most),
            most_judged: args.seeds.unwrap_or(limits.most_judged),
            threads: args.threads(),
        };
        let hunted = trial.hunt(&hunt).map_err(Failure::usage)?;
        let line = Line::new(trial, &hunt, &hunted);
        if !args.json {
            report::text(&mut out, &line)?;
            out.flush()?;
        }
        lines.push(line);
    }
    let survived = lines.iter().filter(|line| !line.caught).count();
    if args.json {
        report::json(&mut out, &lines, survived)?;
    } else {
        report::table(&mut out, &lines)?;
        writeln!(out, "mutants: {} caught, {survived} survived", lines.len() - survived)?;
    }
    Ok(if survived == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
