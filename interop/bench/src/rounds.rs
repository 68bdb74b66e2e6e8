//! Which measures run, in which order, and what becomes of their figures.

use std::time::Duration;

use crate::Outcome;
use crate::args::Plan;
use crate::client;
use crate::raw;
use crate::report::{Better, Mark, Row, Unit, median};
use crate::server::{Server, Subject, TopicSpec};
use crate::wire::{self, Connection};

/// One figure of one server in one round.
struct Figure {
    name: String,
    unit: Unit,
    better: Better,
    value: f64,
}

fn figure(name: impl Into<String>, unit: Unit, better: Better, value: f64) -> Figure {
    Figure {
        name: name.into(),
        unit,
        better,
        value,
    }
}

/// Runs every wanted measure and returns one row per figure, in the order of measuring.
pub(crate) fn run(plan: &Plan) -> Outcome<Vec<Row>> {
    let mut rows = Vec::new();
    if plan.wants("client") {
        for partitions in [6, 1] {
            rows.extend(measure(plan, plan.rounds, |subject| {
                driven(subject, partitions, plan.messages)
            })?);
        }
    }
    if plan.wants("flood") {
        rows.extend(measure(plan, plan.rounds, |subject| {
            flooded(subject, plan.flood_bytes)
        })?);
    }
    if plan.wants("ping") {
        // The floor is no server's figure: it says how much of a ping the machine itself takes.
        rows.extend(measure(plan, plan.rounds, |_| {
            let ping = raw::echo(plan.pings)?;
            Ok(vec![figure(
                "ping echo floor p50",
                Unit::Seconds,
                Better::Lower,
                ping.p50.as_secs_f64(),
            )])
        })?);
        for acks in [1, -1] {
            rows.extend(measure(plan, plan.rounds, |subject| pinged(subject, acks, plan.pings))?);
        }
    }
    if plan.wants("start")
        && !plan
            .subjects
            .iter()
            .any(|subject| matches!(subject, Subject::Running(_)))
    {
        rows.extend(measure(plan, plan.starts, started)?);
    }
    for row in &mut rows {
        row.mark = mark(row);
    }
    Ok(rows)
}

/// The marks to reach. The figures of other servers come from this run where they can, else from earlier runs on
/// the same kind of machine.
fn mark(row: &Row) -> Option<Mark> {
    let (mock, sim) = (row.medians[0], *row.medians.get(1)?);
    if row.name.starts_with("client") && row.name.ends_with("msg/s") {
        // Two runs of one server differ by a quarter; a tenth is asked for so that noise alone rarely decides.
        return Some(Mark {
            text: "at least the mock, less 10 % noise",
            met: sim >= mock * 0.9,
        });
    }
    match row.name.as_str() {
        "flood kept" => Some(Mark {
            text: "at least 1.5 GB/s",
            met: sim >= 1.5e9,
        }),
        "ping acks=1 p50" => Some(Mark {
            text: "at most 25.5 us (kfake)",
            met: sim <= 25.5e-6,
        }),
        "start to first metadata" => Some(Mark {
            text: "at most 2 ms",
            met: sim <= 2e-3,
        }),
        _ => None,
    }
}

/// Runs one measure in alternating rounds and folds equal names into rows.
fn measure(plan: &Plan, rounds: usize, one: impl Fn(&Subject) -> Outcome<Vec<Figure>>) -> Outcome<Vec<Row>> {
    let mut rows: Vec<Row> = Vec::new();
    for _ in 0..rounds {
        for (column, subject) in plan.subjects.iter().enumerate() {
            let figures = one(subject).map_err(|error| format!("{}: {error}", subject.name()))?;
            for figure in figures {
                let at = rows.iter().position(|row| row.name == figure.name).unwrap_or_else(|| {
                    rows.push(Row::new(
                        figure.name.clone(),
                        figure.unit,
                        figure.better,
                        &plan.subjects,
                    ));
                    rows.len() - 1
                });
                rows[at].samples[column].push(figure.value);
            }
        }
    }
    for row in &mut rows {
        row.medians = row.samples.iter().map(|samples| median(samples)).collect();
    }
    Ok(rows)
}

fn usage_figures(server: &Server, prefix: &str) -> Vec<Figure> {
    server.usage().map_or_else(Vec::new, |usage| {
        vec![
            figure(
                format!("{prefix} server CPU"),
                Unit::Seconds,
                Better::Lower,
                usage.cpu_ms as f64 / 1e3,
            ),
            figure(
                format!("{prefix} server peak memory"),
                Unit::Bytes,
                Better::Lower,
                usage.peak_kib as f64 * 1024.0,
            ),
        ]
    })
}

fn driven(subject: &Subject, partitions: i32, messages: usize) -> Outcome<Vec<Figure>> {
    let topic = TopicSpec::new(&format!("bench-{partitions}"), partitions);
    let server = Server::start(subject, &topic)?;
    raw::leader(&server.bootstrap, &topic.name)?;
    let prefix = format!(
        "client {partitions} partition{}",
        if partitions == 1 { "" } else { "s" }
    );
    let rate = client::produce(&server.bootstrap, &topic.name, messages)?;
    let mut figures = vec![figure(format!("{prefix} msg/s"), Unit::PerSecond, Better::Higher, rate)];
    figures.extend(usage_figures(&server, &prefix));
    Ok(figures)
}

fn flooded(subject: &Subject, bytes: usize) -> Outcome<Vec<Figure>> {
    let topic = TopicSpec::new("bench-flood", 1);
    let server = Server::start(subject, &topic)?;
    let flood = raw::flood(&server.bootstrap, &topic.name, bytes)?;
    let mut figures = vec![
        figure(
            "flood requests/s",
            Unit::PerSecond,
            Better::Higher,
            flood.requests_per_second,
        ),
        figure(
            "flood accepted",
            Unit::BytesPerSecond,
            Better::Higher,
            flood.accepted_per_second,
        ),
        figure(
            "flood kept",
            Unit::BytesPerSecond,
            Better::Higher,
            flood.kept_per_second,
        ),
    ];
    figures.extend(usage_figures(&server, "flood"));
    Ok(figures)
}

fn pinged(subject: &Subject, acks: i16, requests: usize) -> Outcome<Vec<Figure>> {
    let topic = TopicSpec::new("bench-ping", 1);
    let server = Server::start(subject, &topic)?;
    let ping = raw::ping(&server.bootstrap, &topic.name, acks, requests)?;
    let prefix = format!(
        "ping acks={}",
        if acks == -1 { "all".to_owned() } else { acks.to_string() }
    );
    Ok(vec![
        figure(
            format!("{prefix} requests/s"),
            Unit::PerSecond,
            Better::Higher,
            ping.requests_per_second,
        ),
        figure(
            format!("{prefix} p50"),
            Unit::Seconds,
            Better::Lower,
            ping.p50.as_secs_f64(),
        ),
        figure(
            format!("{prefix} p99"),
            Unit::Seconds,
            Better::Lower,
            ping.p99.as_secs_f64(),
        ),
    ])
}

/// A whole process from its start to the first answered Metadata request that names a leader.
fn started(subject: &Subject) -> Outcome<Vec<Figure>> {
    let topic = TopicSpec::new("bench-start", 6);
    let server = Server::start(subject, &topic)?;
    let first = server.bootstrap.split(',').next().unwrap_or_default().to_owned();
    let mut connection = Connection::open(&first)?;
    wire::leaders(connection.ask(&wire::metadata(&topic.name))?)?;
    let metadata_after = server.started.elapsed();
    raw::leader(&server.bootstrap, &topic.name)?;
    let leader_after = server.started.elapsed();
    let row = |name: &str, after: Duration| figure(name, Unit::Seconds, Better::Lower, after.as_secs_f64());
    Ok(vec![
        row("start to bootstrap line", server.line_after),
        row("start to first metadata", metadata_after),
        row("start to first leader", leader_after),
    ])
}
