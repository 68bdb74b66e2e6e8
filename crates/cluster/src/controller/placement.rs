//! Where replicas go (StripedReplicaPlacer): spread over racks first, then over the brokers of a rack, unfenced brokers
//! before fenced ones. The first replica is always unfenced, because it will lead.

use std::collections::BTreeMap;
use std::sync::Arc;

use kafka_sim_core::{BrokerId, SimRng};

use crate::peer::BrokerState;

/// Brokers handed out in turn, starting one further for each partition.
#[derive(Default, Debug)]
struct Ring {
    brokers: Vec<BrokerId>,
    offset: usize,
    /// How many were handed out for the partition `round`.
    taken: usize,
    round: usize,
}

impl Ring {
    fn next(&mut self, round: usize) -> Option<BrokerId> {
        if self.brokers.is_empty() {
            return None;
        }
        if self.round != round {
            self.round = round;
            self.taken = 0;
            self.offset = (self.offset + 1) % self.brokers.len();
        }
        if self.taken == self.brokers.len() {
            return None;
        }
        let broker = self.brokers[(self.offset + self.taken) % self.brokers.len()];
        self.taken += 1;
        Some(broker)
    }
}

#[derive(Default, Debug)]
struct Rack {
    fenced: Ring,
    unfenced: Ring,
}

impl Rack {
    fn next(&mut self, round: usize) -> Option<BrokerId> {
        self.unfenced.next(round).or_else(|| self.fenced.next(round))
    }
}

/// Places the partitions of one topic.
#[derive(Debug)]
pub(super) struct Placer {
    racks: Vec<Rack>,
    brokers: usize,
    unfenced: usize,
    /// The rack that the next partition starts with.
    first_rack: usize,
    round: usize,
}

impl Placer {
    /// A placer over `brokers`, which come by id. Brokers without a rack share one.
    pub(super) fn new<'a>(brokers: impl Iterator<Item = &'a BrokerState>, rng: &mut SimRng) -> Self {
        let mut racks: BTreeMap<Option<Arc<str>>, Rack> = BTreeMap::new();
        let (mut count, mut unfenced) = (0, 0);
        for broker in brokers {
            let rack = racks.entry(broker.rack.clone()).or_default();
            let ring = if broker.fenced {
                &mut rack.fenced
            } else {
                &mut rack.unfenced
            };
            ring.brokers.push(broker.id);
            count += 1;
            unfenced += usize::from(!broker.fenced);
        }
        let mut racks: Vec<Rack> = racks.into_values().collect();
        for ring in racks.iter_mut().flat_map(|rack| [&mut rack.fenced, &mut rack.unfenced]) {
            if !ring.brokers.is_empty() {
                ring.offset = rng.index(ring.brokers.len());
            }
        }
        let first_rack = if racks.is_empty() { 0 } else { rng.index(racks.len()) };
        Self {
            racks,
            brokers: count,
            unfenced,
            first_rack,
            round: 0,
        }
    }

    /// Whether so many replicas can be placed; otherwise why not.
    pub(super) fn check(&self, replication_factor: usize) -> Result<(), String> {
        if self.unfenced == 0 {
            return Err("every broker is fenced.".to_owned());
        }
        if replication_factor > self.brokers {
            return Err(format!("only {} broker(s) are registered.", self.brokers));
        }
        Ok(())
    }

    /// The replicas of the next partition. `replication_factor` must have passed [`Placer::check`].
    pub(super) fn place(&mut self, replication_factor: usize, rng: &mut SimRng) -> Vec<BrokerId> {
        // After as many partitions as there are brokers to lead them, the same replica sets would come again.
        if self.round == self.unfenced && self.unfenced > 1 {
            self.shuffle(rng);
            self.round = 0;
        }
        let racks = self.racks.len();
        let (leader_rack, leader) = (self.first_rack..self.first_rack + racks)
            .find_map(|at| Some((at % racks, self.racks[at % racks].unfenced.next(self.round)?)))
            .expect("an unfenced broker is left for every round");
        let mut replicas = vec![leader];
        let mut at = self.first_rack;
        let mut skips_leader_rack = true;
        while replicas.len() < replication_factor {
            if skips_leader_rack && at == leader_rack {
                skips_leader_rack = false;
            } else {
                replicas.extend(self.racks[at].next(self.round));
            }
            at = (at + 1) % racks;
        }
        self.round += 1;
        self.first_rack = (self.first_rack + 1) % racks;
        replicas
    }

    fn shuffle(&mut self, rng: &mut SimRng) {
        rng.shuffle(&mut self.racks);
        for rack in &mut self.racks {
            rng.shuffle(&mut rack.fenced.brokers);
            rng.shuffle(&mut rack.unfenced.brokers);
        }
    }
}

#[cfg(test)]
mod tests {
    use kafka_sim_core::Seed;

    use super::*;

    fn brokers(racks: &[Option<&str>], fenced: &[i32]) -> Vec<BrokerState> {
        (0..)
            .zip(racks)
            .map(|(id, rack)| BrokerState {
                id: BrokerId(id),
                epoch: i64::from(id) + 1,
                fenced: fenced.contains(&id),
                in_controlled_shutdown: false,
                rack: rack.map(Arc::from),
            })
            .collect()
    }

    fn place(brokers: &[BrokerState], partitions: usize, factor: usize, seed: u64) -> Vec<Vec<i32>> {
        let mut rng = Seed(seed).stream("placement", 0);
        let mut placer = Placer::new(brokers.iter(), &mut rng);
        assert_eq!(placer.check(factor), Ok(()));
        (0..partitions)
            .map(|_| placer.place(factor, &mut rng).into_iter().map(|id| id.0).collect())
            .collect()
    }

    #[test]
    fn replicas_of_a_partition_are_in_different_racks_while_there_are_enough() {
        let brokers = brokers(&[Some("a"), Some("a"), Some("b"), Some("b"), Some("c"), Some("c")], &[]);
        for seed in 0..20 {
            for replicas in place(&brokers, 12, 3, seed) {
                let mut racks: Vec<i32> = replicas.iter().map(|id| id / 2).collect();
                racks.sort_unstable();
                assert_eq!(racks, [0, 1, 2], "{replicas:?}");
            }
        }
    }

    #[test]
    fn leaders_are_spread_evenly() {
        let brokers = brokers(&[None; 4], &[]);
        for seed in 0..20 {
            let mut leaders: Vec<i32> = place(&brokers, 4, 2, seed).iter().map(|replicas| replicas[0]).collect();
            leaders.sort_unstable();
            assert_eq!(leaders, [0, 1, 2, 3]);
        }
    }

    #[test]
    fn a_fenced_broker_follows_if_it_must_and_never_leads() {
        let brokers = brokers(&[Some("a"), Some("b"), Some("b")], &[0]);
        for seed in 0..20 {
            for replicas in place(&brokers, 7, 3, seed) {
                assert_ne!(replicas[0], 0);
                let mut sorted = replicas.clone();
                sorted.sort_unstable();
                assert_eq!(sorted, [0, 1, 2]);
            }
        }
        for replicas in place(&self::brokers(&[None; 4], &[1, 2]), 6, 2, 3) {
            assert!(!replicas.contains(&1) && !replicas.contains(&2), "{replicas:?}");
        }
    }

    #[test]
    fn one_unfenced_broker_leads_every_partition() {
        let brokers = brokers(&[None, None], &[1]);
        assert_eq!(place(&brokers, 3, 2, 0), [[0, 1], [0, 1], [0, 1]]);
    }

    #[test]
    fn placement_depends_on_the_seed_alone() {
        let brokers = brokers(&[None; 5], &[]);
        assert_eq!(place(&brokers, 20, 3, 1), place(&brokers, 20, 3, 1));
        assert_ne!(place(&brokers, 20, 3, 1), place(&brokers, 20, 3, 2));
    }

    #[test]
    fn too_many_replicas_or_no_leader_cannot_be_placed() {
        let mut rng = Seed(0).stream("placement", 0);
        let two = brokers(&[None, None], &[]);
        assert!(Placer::new(two.iter(), &mut rng).check(3).is_err());
        let fenced = brokers(&[None, None], &[0, 1]);
        assert!(Placer::new(fenced.iter(), &mut rng).check(1).is_err());
        assert!(Placer::new([].iter(), &mut rng).check(1).is_err());
    }
}
