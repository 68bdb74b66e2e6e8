//! Measures a Kafka address next to librdkafka's own mock cluster: same client, same machine, same run.
//!
//! The mock checks nothing, replicates nothing and forgets all but the last 5 MiB of a partition, which makes it a
//! hard mark for a broker that does all three. Four things are measured, each on a fresh server:
//!
//! 1. `client`: a librdkafka producer, acks=all, 1,000,000 messages of 100 bytes, over 6 partitions and over 1;
//! 2. `flood`: pre-encoded Produce frames of 1,000 records, five in flight on one plain socket;
//! 3. `ping`: one-record Produce frames, one in flight on one plain socket;
//! 4. `start`: from the start of the process to the first answered Metadata request.
//!
//! Rounds alternate between the servers and the median round counts. With librdkafka as the client both servers
//! keep up with it, so only the plain-socket rows tell servers apart.

mod args;
mod client;
mod mock;
mod proc_stat;
mod raw;
mod report;
mod rounds;
mod server;
mod wire;

use std::process::ExitCode;

/// Any failure ends the run with a sentence; nothing here recovers from one.
type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("kafka-sim-bench: {error}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Outcome<ExitCode> {
    let command = args::parse(std::env::args().skip(1))?;
    match command {
        args::Command::Help => {
            println!("{}", args::USAGE);
            Ok(ExitCode::SUCCESS)
        }
        args::Command::Mock(topics) => {
            mock::serve(&topics)?;
            Ok(ExitCode::SUCCESS)
        }
        args::Command::Bench(plan) => {
            let results = rounds::run(&plan)?;
            println!(
                "{}",
                if plan.json {
                    report::json(&results)
                } else {
                    report::table(&results)
                }
            );
            let missed = plan.strict && results.iter().any(|row| row.mark.is_some_and(|mark| !mark.met));
            Ok(if missed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
        }
    }
}
