//! `range`: topic by topic, each member gets neighbouring partitions; the first members get one more where it does not
//! come out even.

use super::{Assignment, Membership, Topics, nobody_has_anything, partitions};

pub(super) fn assign(topics: &Topics, members: &[Membership]) -> Assignment {
    let mut assignment = nobody_has_anything(members);
    for (topic, count) in topics {
        let subscribed = members
            .iter()
            .filter(|member| member.subscription.topics.contains(topic));
        let mut subscribed: Vec<&Membership> = subscribed.collect();
        if subscribed.is_empty() {
            continue;
        }
        subscribed.sort_by(|left, right| left.rank().cmp(&right.rank()));
        let (each, more) = (count / subscribed.len(), count % subscribed.len());
        let mut rest = partitions(topic, *count);
        for (index, member) in subscribed.iter().enumerate() {
            let share = each + usize::from(index < more);
            let own = assignment.entry(member.id.clone()).or_default();
            own.extend(rest.by_ref().take(share));
        }
    }
    assignment
}
