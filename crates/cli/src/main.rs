//! The `kafka-sim` command.
//!
//! Standard output carries what was asked for and nothing else; everything said besides goes to standard error. The
//! exit status is 0 for success, 1 for a negative answer and 2 for wrong usage.

mod args;
mod check;
mod control;
mod failure;
mod judge;
mod matrix;
#[cfg(feature = "mutants")]
mod mutants;
mod page;
mod replay;
mod scenarios;
mod serve;
mod soak;
mod stop;
mod threads;
mod topic;
mod trial;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Parser as _;
use tracing_subscriber::EnvFilter;

use args::{Args, Command};

fn main() -> ExitCode {
    let args = Args::parse();
    report_to_standard_error(&args.command);
    let outcome = match args.command {
        Command::Check(args) => check::run(args),
        Command::Matrix(args) => matrix::run(&args),
        Command::Scenarios => scenarios::run(),
        Command::Serve(args) => serve::run(args),
        Command::Soak(args) => soak::run(args),
        Command::Judge(args) => judge::run(args),
        #[cfg(feature = "mutants")]
        Command::Mutants(args) => mutants::run(args),
        Command::Replay(args) => replay::run(args),
    };
    outcome.unwrap_or_else(|failure| failure.report())
}

/// `RUST_LOG` says how much is reported; without it, what a user should know.
fn report_to_standard_error(command: &Command) {
    let default = match command {
        // What single runs have to say drowns the answer.
        Command::Check(_) | Command::Matrix(_) | Command::Soak(_) => "error",
        #[cfg(feature = "mutants")]
        Command::Mutants(_) => "error",
        _ => "warn,kafka_sim=info",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
}
