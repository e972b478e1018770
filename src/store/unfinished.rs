//! Tasks that did not end in a commit, as the state of their partition records them.

use crate::table::manifest::{Committed, PartitionState, UnfinishedStatus, UnfinishedTask};

/// Removes the tasks that the commit `next` completed: all but those that it carried over unchanged.
pub(super) fn drop_finished(
    unfinished: &mut Vec<UnfinishedTask>,
    previous: Option<&Committed>,
    next: &Committed,
) {
    unfinished.retain(|task| {
        let entry = next.tasks.iter().find(|entry| entry.task == task.task);
        let tasks = previous
            .map(|previous| previous.tasks.as_slice())
            .unwrap_or_default();
        let carried_over = tasks.iter().find(|entry| entry.task == task.task);
        entry.is_none() || entry == carried_over
    });
}

/// Adds tasks that did not end in a commit to a state; `known` is what was committed before the state was recovered.
/// Returns whether anything changed.
pub(super) fn add_unfinished(
    state: &mut PartitionState,
    known: Option<&Committed>,
    mut tasks: Vec<UnfinishedTask>,
) -> bool {
    if let Some(committed) = &state.committed {
        // A commit that failed after its rows were in place did not fail.
        drop_finished(&mut tasks, known, committed);
    }
    let before = state.unfinished.clone();
    tasks.retain(|task| {
        task.status != UnfinishedStatus::Skipped || state.task(&task.task).is_none()
    });
    state
        .unfinished
        .retain(|known| !tasks.iter().any(|task| task.task == known.task));
    state.unfinished.extend(tasks);
    state
        .unfinished
        .sort_by(|left, right| (&left.target, &left.params).cmp(&(&right.target, &right.params)));
    state.unfinished != before
}
