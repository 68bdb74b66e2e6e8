//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::stop::parse_stop;
use crate::topic::parse_topic;
use crate::trial::{BudgetArg, OwnSettings};

/// A Kafka cluster that can lose your data, and a verdict that proves it.
#[derive(Parser)]
#[command(name = "kafka-sim", version)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run a cluster that Kafka clients can connect to.
    Serve(ServeArgs),
    /// Put the catalogue of published advice on trial.
    Check(CheckArgs),
    /// Show which settings survive which kind of fault, and how often they do not.
    Matrix(crate::matrix::MatrixArgs),
    /// List the catalogue.
    Scenarios,
    /// Search seeds for faults that break what settings promise.
    Soak(crate::soak::SoakArgs),
    /// Judge a history of a real client, recorded as JSON lines.
    Judge(JudgeArgs),
    /// Search for planted flaws, to see whether searching finds them.
    #[cfg(feature = "mutants")]
    Mutants(crate::mutants::MutantsArgs),
    /// Repeat a run that `serve --record` or `soak` has written down.
    Replay(ReplayArgs),
}

/// Arguments of `serve`.
#[derive(clap::Args)]
pub(crate) struct ServeArgs {
    /// Number of brokers.
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub(crate) brokers: usize,
    /// A topic that exists from the start; may be repeated.
    #[arg(long = "topic", value_name = "NAME:PARTITIONS:REPLICAS[:KEY=VALUE,..]", value_parser = parse_topic)]
    pub(crate) topics: Vec<kafka_sim::Topic>,
    /// Port of broker 0; broker I listens on PORT + I. 0 takes a free port for each.
    #[arg(long, value_name = "PORT", default_value_t = 9092)]
    pub(crate) port: u16,
    /// A key of every broker's server.properties; may be repeated.
    #[arg(long = "config", value_name = "KEY=VALUE", value_parser = parse_pair)]
    pub(crate) config: Vec<(String, String)>,
    /// Where ids and placements come from.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
    /// Write everything down that comes from outside, for `replay`.
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    /// A schedule of faults as JSON; instants count from when the bootstrap line is printed.
    #[arg(long, value_name = "FILE")]
    pub(crate) faults: Option<PathBuf>,
    /// Take commands from standard input, one JSON value per line, and answer each with a line of JSON.
    ///
    /// A command is a fault of a schedule, which strikes at once unless it says when:
    /// {"fault": {"kill": {"leader_of": {"topic": "orders", "partition": 0}}}, "heal_after_ms": 5000},
    /// or "heal_all", or "view". The end of standard input ends the commands, not the cluster.
    #[arg(long, verbatim_doc_comment)]
    pub(crate) control: bool,
}

/// Arguments of `check`.
#[derive(clap::Args)]
pub(crate) struct CheckArgs {
    /// Scenarios to run; all of them if none is named.
    #[arg(value_name = "NAME", conflicts_with = "own")]
    pub(crate) names: Vec<String>,
    #[command(flatten)]
    pub(crate) own: OwnSettings,
    /// What your own settings are to survive.
    #[arg(long, value_enum, default_value_t = BudgetArg::OneBroker, requires = "own")]
    pub(crate) budget: BudgetArg,
    /// Only variants of this name, such as weak or safe.
    #[arg(long, value_name = "NAME")]
    pub(crate) variant: Option<String>,
    /// Runs of each variant: 20 unless a seed is given. For your own settings, schedules to try: 200.
    #[arg(long, value_name = "N")]
    pub(crate) seeds: Option<u64>,
    /// The first seed. Alone it runs just that one and tells the whole story.
    #[arg(long, value_name = "S", conflicts_with = "own")]
    pub(crate) seed: Option<u64>,
    /// Print one JSON object instead of the table.
    #[arg(long, conflicts_with = "hashes")]
    pub(crate) json: bool,
    /// Print one line per run: scenario, variant, seed, trace hash.
    #[arg(long, conflicts_with = "own")]
    pub(crate) hashes: bool,
    /// Print every event of the run of --seed, one per line, of one variant of one scenario.
    #[arg(long, requires = "seed", conflicts_with_all = ["json", "hashes", "seeds", "own"])]
    pub(crate) events: bool,
    /// Draw a run as a page: that of --seed, of the variant that is expected to break, if there is one; for your own
    /// settings the smallest that breaks them.
    #[arg(long, value_name = "FILE", conflicts_with = "hashes")]
    pub(crate) html: Option<PathBuf>,
}

/// Arguments of `judge`.
#[derive(clap::Args)]
pub(crate) struct JudgeArgs {
    /// A history: {"kafka_sim_history":1}, then one observation per line.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// What to judge, such as acked-survives; may be repeated. Everything that there is something to judge by if none is
    /// named.
    #[arg(long = "promise", value_name = "NAME", value_parser = parse_promise)]
    pub(crate) promises: Vec<kafka_sim::Promise>,
    /// Print every breach, not just the first few of each promise.
    #[arg(long)]
    pub(crate) all: bool,
}

/// Arguments of `replay`.
#[derive(clap::Args)]
pub(crate) struct ReplayArgs {
    /// A file that `serve --record` or `soak` has written.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Stop there: after that many seconds of the run, such as 12.5; after that many events, such as event:120; or at the
    /// n-th occurrence of a mark, such as produce_acked:orders-0:3 or broker_down:2.
    #[arg(long, value_name = "WHERE", value_parser = parse_stop)]
    pub(crate) until: Option<kafka_sim::Stop>,
    /// Print every event, one per line.
    #[arg(long)]
    pub(crate) events: bool,
    /// Print the state of every broker and replica.
    #[arg(long)]
    pub(crate) dump: bool,
    /// Draw a failure as a page.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}

fn parse_promise(name: &str) -> Result<kafka_sim::Promise, String> {
    use kafka_sim::Promise;
    Promise::named(name).ok_or_else(|| {
        let all = Promise::STORED.into_iter().chain(Promise::CONSUMED);
        let names: Vec<&str> = all.map(Promise::name).collect();
        let nearest = kafka_sim::nearest(name, names.iter().copied());
        let hint = nearest.map(|nearest| format!(", did you mean {nearest}?"));
        format!(
            "there is no promise named {name}{}; the promises are {}",
            hint.unwrap_or_default(),
            names.join(", ")
        )
    })
}

fn parse_pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text
        .split_once('=')
        .ok_or("expected KEY=VALUE, such as min.insync.replicas=2")?;
    if key.trim().is_empty() {
        return Err("the key is missing: expected KEY=VALUE, such as min.insync.replicas=2".to_owned());
    }
    Ok((key.trim().to_owned(), value.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn a_pair_without_a_key_or_a_sign_is_refused() {
        assert_eq!(parse_pair("a.b = c=d"), Ok(("a.b".to_owned(), "c=d".to_owned())));
        assert!(parse_pair("a.b").is_err() && parse_pair("=c").is_err());
    }
}
