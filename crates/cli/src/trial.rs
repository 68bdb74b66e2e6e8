//! `kafka-sim check --producer FILE ..`: a user's own settings on trial.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::ValueEnum;
use clap::builder::PossibleValuesParser;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use kafka_sim::search::{Budget, Consumers};
use kafka_sim::trial::{Broken, Given, Trial, TrialReport, TrialVerdict};
use kafka_sim::{Topic, diagram, parse_properties};

use crate::args::CheckArgs;
use crate::failure::Failure;
use crate::threads::cores;
use crate::topic::parse_topic;

/// Schedules tried when nobody says how many.
const DEFAULT_SEEDS: u64 = 200;

/// What is put on trial.
#[derive(clap::Args)]
#[group(id = "own", multiple = true)]
pub(crate) struct OwnSettings {
    /// Put these producer.properties on trial instead of the catalogue.
    #[arg(long, value_name = "FILE")]
    pub(crate) producer: Option<PathBuf>,
    /// Put these consumer.properties on trial: two members of the group, with --pattern.
    #[arg(long, value_name = "FILE")]
    pub(crate) consumer: Option<PathBuf>,
    /// Put these server.properties on trial.
    #[arg(long, value_name = "FILE")]
    pub(crate) broker: Option<PathBuf>,
    /// The topic of the trial; orders:3:3 unless given.
    #[arg(long, value_name = "NAME:PARTITIONS:REPLICAS[:KEY=VALUE,..]", value_parser = parse_topic)]
    pub(crate) topic: Option<Topic>,
    /// How the consuming application processes and commits.
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(Consumers::patterns()))]
    pub(crate) pattern: Option<String>,
}

/// What settings are to survive.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub(crate) enum BudgetArg {
    /// Short faults of the network, and stops of clients.
    Network,
    /// Any fault of the network, and one broker at a time killed, without power, cut off or standing still, healed before
    /// the next.
    #[default]
    OneBroker,
    /// Anything at any time, several brokers at once included.
    Any,
}

impl From<BudgetArg> for Budget {
    fn from(budget: BudgetArg) -> Budget {
        match budget {
            BudgetArg::Network => Budget::Network,
            BudgetArg::OneBroker => Budget::OneBroker,
            BudgetArg::Any => Budget::Beyond,
        }
    }
}

impl OwnSettings {
    pub(crate) fn is_given(&self) -> bool {
        let files = [&self.producer, &self.consumer, &self.broker];
        files.iter().any(|file| file.is_some()) || self.topic.is_some() || self.pattern.is_some()
    }
}

/// The exit status is 1 if the settings do not hold within the budget.
pub(crate) fn run(args: &CheckArgs) -> Result<ExitCode, Failure> {
    let trial = Trial {
        world: given(&args.own)?.world,
        budget: args.budget.into(),
        seeds: args.seeds.unwrap_or(DEFAULT_SEEDS),
        threads: cores(),
    };
    if trial.seeds == 0 {
        return Err(Failure::usage("--seeds 0: expected at least 1"));
    }
    let bar = progress();
    let verdict = trial.run(&|| bar.inc(1)).map_err(Failure::usage)?;
    bar.finish_and_clear();
    let report = TrialReport::from(&verdict);
    let mut out = io::stdout().lock();
    if args.json {
        let text = serde_json::to_string_pretty(&report).map_err(Failure::failed)?;
        writeln!(out, "{text}")?;
    } else {
        write!(out, "{report}")?;
    }
    if let Some(file) = &args.html {
        draw(file, &verdict)?;
    }
    Ok(if verdict.holds() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn given(own: &OwnSettings) -> Result<Given, Failure> {
    let mut given = Given::new();
    let in_file = |file: &Path, error: kafka_sim::ConfigError| Failure::usage(format!("{}: {error}", file.display()));
    if let Some(file) = &own.producer {
        given = given
            .producer(properties(file)?)
            .map_err(|error| in_file(file, error))?;
    }
    if let Some(file) = &own.broker {
        given = given.broker(properties(file)?).map_err(|error| in_file(file, error))?;
    }
    if let Some(topic) = &own.topic {
        let overrides = topic.configs.iter();
        let made = given.topic(&topic.name, topic.partitions, topic.replicas, overrides);
        given = made.map_err(|error| Failure::usage(format!("--topic {}: {error}", topic.name)))?;
    }
    match (&own.consumer, &own.pattern) {
        (Some(file), pattern) => {
            let made = given.consumer(properties(file)?, pattern.as_deref());
            given = made.map_err(|error| in_file(file, error))?;
        }
        (None, Some(pattern)) => {
            let earliest = [("auto.offset.reset", "earliest")];
            given = given.consumer(earliest, Some(pattern)).map_err(Failure::usage)?;
        }
        (None, None) => {}
    }
    for (whose, key) in &given.ignored {
        tracing::info!("{whose}: {key} is not modelled, and has no effect");
    }
    Ok(given)
}

fn properties(file: &Path) -> Result<Vec<(String, String)>, Failure> {
    let named = |error: &dyn std::fmt::Display| Failure::usage(format!("{}: {error}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| named(&error))?;
    parse_properties(&text).map_err(|error| named(&error))
}

/// The smallest run that broke something, within the budget or else beyond it.
fn draw(file: &Path, verdict: &TrialVerdict) -> Result<(), Failure> {
    let beyond = verdict.beyond.as_ref().and_then(|beyond| beyond.broken.as_ref());
    let Some(Broken {
        seed, shrunk, claim, ..
    }) = verdict.within.broken.as_ref().or(beyond)
    else {
        return Err(Failure::failed(format!(
            "nothing was broken, so that there is nothing to draw in {}",
            file.display()
        )));
    };
    let (run, report) = shrunk.world.run(*seed, &shrunk.schedule).map_err(Failure::failed)?;
    crate::page::write(file, &diagram::html(&format!("untrue: {claim}"), &run, &report))
}

/// Drawn only where somebody watches: on a terminal.
fn progress() -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {pos} runs, {per_sec}").expect("the template is well-formed");
    ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_style(style)
}
