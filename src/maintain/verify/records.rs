//! Compares the record of a table with the states of its partitions, which are authoritative.

use std::collections::BTreeMap;

use crate::store::TableRecord;
use crate::table::manifest::PartitionState;

/// Problems of the record with these partitions.
pub(crate) fn record_problems(record: &TableRecord, states: &[PartitionState]) -> Vec<String> {
    let mut problems = Vec::new();
    for state in states {
        let Some(committed) = &state.committed else {
            continue;
        };
        let (partition, generation) = (&state.partition, state.generation);
        match record.partitions.get(partition) {
            None => problems.push(format!("lacks the partition {partition}: an incremental load misses it")),
            Some(number) if *number < generation => problems.push(format!(
                "says that {partition} changed last with commit {number}, and it has changed {generation} times"
            )),
            Some(number) if *number > record.commit_number => problems.push(format!(
                "says that {partition} changed last with commit {number}, of {} in all",
                record.commit_number
            )),
            Some(_) => {}
        }
        for column in &committed.columns {
            match record
                .columns
                .iter()
                .find(|known| known.name == column.name)
            {
                None => problems.push(format!(
                    "lacks the column `{}`, which {partition} has",
                    column.name
                )),
                Some(known) if known.kind != column.kind => problems.push(format!(
                    "says that the column `{}` is {}, and in {partition} it is {}",
                    column.name, known.kind, column.kind
                )),
                Some(_) => {}
            }
        }
    }
    let mut by_number: BTreeMap<u64, Vec<&str>> = BTreeMap::new();
    for (partition, number) in &record.partitions {
        by_number.entry(*number).or_default().push(partition);
    }
    by_number.retain(|_, partitions| partitions.len() > 1);
    for (number, partitions) in by_number {
        let mut names = states.iter().map(|state| state.partition.as_str());
        if names.any(|name| partitions.contains(&name)) {
            problems.push(format!(
                "gives commit {number} to {}: a commit changes one partition",
                partitions.join(" and ")
            ));
        }
    }
    problems
}
