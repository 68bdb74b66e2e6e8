//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::topic::parse_topic;

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
    /// List the catalogue.
    Scenarios,
    /// Search seeds for faults that break what settings promise.
    Soak(crate::soak::SoakArgs),
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
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// Runs of each variant. 20 unless a seed is given.
    #[arg(long, value_name = "N")]
    pub(crate) seeds: Option<u64>,
    /// The first seed. Alone it runs just that one and tells the whole story.
    #[arg(long, value_name = "S")]
    pub(crate) seed: Option<u64>,
    /// Print one JSON object instead of the table.
    #[arg(long, conflicts_with = "hashes")]
    pub(crate) json: bool,
    /// Print one line per run: scenario, variant, seed, trace hash.
    #[arg(long)]
    pub(crate) hashes: bool,
}

/// Arguments of `replay`.
#[derive(clap::Args)]
pub(crate) struct ReplayArgs {
    /// A file that `serve --record` or `soak` has written.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Stop after this many seconds of the recorded run, such as 12.5.
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    pub(crate) until: Option<kafka_sim::SimTime>,
    /// Print every event, one per line.
    #[arg(long)]
    pub(crate) events: bool,
    /// Print the state of every broker and replica.
    #[arg(long)]
    pub(crate) dump: bool,
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

/// Decimal seconds without a detour over floating point.
fn parse_seconds(text: &str) -> Result<kafka_sim::SimTime, String> {
    let wrong = || "expected seconds with up to nine decimals, such as 12.5".to_owned();
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if decimals.len() > 9 || !(whole.bytes().chain(decimals.bytes())).all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let nanos: u64 = format!("{decimals:0<9}").parse().map_err(|_| wrong())?;
    let whole: u64 = whole.parse().map_err(|_| wrong())?;
    Ok(kafka_sim::SimTime::from_secs(whole) + std::time::Duration::from_nanos(nanos))
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
    fn seconds_are_exact_to_the_nanosecond() {
        assert_eq!(parse_seconds("12.5"), Ok(kafka_sim::SimTime::from_millis(12_500)));
        assert_eq!(parse_seconds("0.000000001"), Ok(kafka_sim::SimTime::from_nanos(1)));
        for wrong in ["", "-1", "1e3", "1.0000000001", "1,5", "."] {
            assert!(parse_seconds(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_pair_without_a_key_or_a_sign_is_refused() {
        assert_eq!(parse_pair("a.b = c=d"), Ok(("a.b".to_owned(), "c=d".to_owned())));
        assert!(parse_pair("a.b").is_err() && parse_pair("=c").is_err());
    }
}
