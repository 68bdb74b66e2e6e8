//! librdkafka's mock cluster behind the command-line contract of `kafka-sim serve`.

use std::io::{Read as _, Write as _};

use rdkafka::mocking::MockCluster;

use crate::Outcome;
use crate::server::TopicSpec;

/// Hosts three mock brokers with `topics`, prints the bootstrap list, and stays until standard input ends, which
/// it also does when the process that started this one is gone.
pub(crate) fn serve(topics: &[TopicSpec]) -> Outcome<()> {
    let cluster = MockCluster::new(3)?;
    for topic in topics {
        // The mock stores the replication factor and replicates nothing.
        cluster.create_topic(&topic.name, topic.partitions, topic.replicas)?;
    }
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{}", cluster.bootstrap_servers())?;
    stdout.flush()?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
