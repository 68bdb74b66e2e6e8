//! Whether groups have come to rest.

use std::collections::BTreeSet;
use std::sync::Arc;

use kafka_sim_check::Observation;
use kafka_sim_cluster::view::View;
use kafka_sim_core::SimTime;

use super::Process;

/// The members that have not left for good, by the group they are asked of.
fn members<'a>(processes: &'a [&'a Process], group: &'a str) -> impl Iterator<Item = &'a Process> {
    let members = processes.iter().copied();
    members.filter(move |process| *process.plan.group == *group && !process.has_left())
}

/// Groups of which somebody is left.
fn groups(processes: &[&Process]) -> BTreeSet<Arc<str>> {
    let left = processes.iter().filter(|process| !process.has_left());
    left.map(|process| process.plan.group.clone()).collect()
}

/// Whether every group has been given everything that can be read.
pub(in crate::sim) fn have_caught_up(processes: &[&Process], view: &View) -> bool {
    groups(processes)
        .iter()
        .all(|group| has_caught_up(processes, group, view))
}

/// Every partition of the topics that the group subscribes to has a member that has been given all of it.
fn has_caught_up(processes: &[&Process], group: &str, view: &View) -> bool {
    let is_read = |topic: &str| members(processes, group).any(|process| process.plan.reads(topic));
    let mut ends = view.high_watermarks().filter(|(tp, _)| is_read(&tp.topic));
    members(processes, group).all(Process::is_at_rest)
        && ends.all(|(tp, end)| members(processes, group).any(|process| process.has_reached(&tp, end)))
}

/// How each group stands at the end of its time.
pub(in crate::sim) fn notes(processes: &[&Process], view: &View, now: SimTime) -> Vec<Observation> {
    let settled = |group: Arc<str>| Observation::GroupSettled {
        at: now.as_nanos(),
        caught_up: has_caught_up(processes, &group, view),
        group,
    };
    groups(processes).into_iter().map(settled).collect()
}
