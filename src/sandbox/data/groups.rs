//! Which rows of a table belong together.

use std::collections::HashMap;

/// Which rows belong together, for one grouping of a table.
#[derive(Debug)]
pub(crate) struct Groups {
    /// For each row its group; groups are numbered by their first rows.
    group_of: Vec<u32>,
    /// For each group the position of its first row in `rows`, then the end.
    starts: Vec<u32>,
    /// Rows group by group, in the table's own order within each.
    rows: Vec<u32>,
}

impl Groups {
    pub(crate) const BYTES_PER_ROW: usize = 3 * size_of::<u32>();

    /// Groups rows with equal keys; `write_key` appends the key of a row.
    pub(crate) fn new(num_rows: u32, write_key: impl Fn(u32, &mut Vec<u8>)) -> Self {
        let (group_of, sizes) = assign(num_rows, write_key);
        let mut starts = Vec::with_capacity(sizes.len() + 1);
        let mut end = 0;
        starts.push(end);
        for size in &sizes {
            end += size;
            starts.push(end);
        }
        let rows = ordered_by_group(&group_of, starts.clone());
        Self {
            group_of,
            starts,
            rows,
        }
    }

    /// The group of a row.
    pub(crate) fn group_of(&self, row: u32) -> Option<u32> {
        self.group_of.get(index(row)).copied()
    }

    /// The rows of a group in the table's own order.
    pub(crate) fn members(&self, group: u32) -> &[u32] {
        let position = index(group);
        let Some([start, end]) = self.starts.get(position..position + 2) else {
            return &[];
        };
        self.rows
            .get(index(*start)..index(*end))
            .unwrap_or_default()
    }
}

/// For each row its group, and for each group its size.
fn assign(num_rows: u32, write_key: impl Fn(u32, &mut Vec<u8>)) -> (Vec<u32>, Vec<u32>) {
    let mut numbers: HashMap<Box<[u8]>, u32> = HashMap::new();
    let mut group_of = Vec::with_capacity(index(num_rows));
    let mut sizes: Vec<u32> = Vec::new();
    let mut key = Vec::new();
    for row in 0..num_rows {
        key.clear();
        write_key(row, &mut key);
        let group = if let Some(group) = numbers.get(key.as_slice()) {
            *group
        } else {
            let next = u32::try_from(sizes.len()).unwrap_or(u32::MAX);
            numbers.insert(key.as_slice().into(), next);
            sizes.push(0);
            next
        };
        group_of.push(group);
        if let Some(size) = sizes.get_mut(index(group)) {
            *size += 1;
        }
    }
    (group_of, sizes)
}

/// Rows group by group; `next` is where the next row of each group goes.
fn ordered_by_group(group_of: &[u32], mut next: Vec<u32>) -> Vec<u32> {
    let mut rows = vec![0; group_of.len()];
    for (row, group) in (0_u32..).zip(group_of) {
        if let Some(position) = next.get_mut(index(*group)) {
            if let Some(slot) = rows.get_mut(index(*position)) {
                *slot = row;
            }
            *position += 1;
        }
    }
    rows
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
