//! `roundrobin`: all partitions of all topics in turn, members in order; who is not subscribed to a topic is skipped.

use super::{Assignment, Membership, Topics, nobody_has_anything, partitions};

pub(super) fn assign(topics: &Topics, members: &[Membership]) -> Assignment {
    let mut assignment = nobody_has_anything(members);
    let mut sorted: Vec<&Membership> = members.iter().collect();
    sorted.sort_by(|left, right| left.rank().cmp(&right.rank()));
    let mut turn = sorted.iter().cycle();
    for (topic, count) in topics {
        if !members.iter().any(|member| member.subscription.topics.contains(topic)) {
            continue;
        }
        for partition in partitions(topic, *count) {
            let mut subscribed = turn
                .by_ref()
                .filter(|member| member.subscription.topics.contains(topic));
            let member = subscribed.next().expect("some member is subscribed");
            assignment.entry(member.id.clone()).or_default().push(partition);
        }
    }
    assignment
}
