//! The tables that requests read: made when first needed, changed by churn, dropped when they take too much memory.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::catalog::Endpoint;
use crate::sandbox::data::{MakeTable as _, Table, TableFactory, table_name};
use crate::sandbox::options::Options;
use crate::sandbox::refusal::Refusal;
use crate::sandbox::request::Query;

/// Bytes that all tables may take; beyond it the least recently used is dropped. Five tables of 1,000,000 rows with all that
/// can be cached of them take half of it.
const MAX_BYTES: usize = 768 << 20;
/// Tables cached at most.
const MAX_TABLES: usize = 64;

/// A table once it was made. Its lock is held while it is made or changed: that delays requests for this table only.
type Slot = Arc<Mutex<Option<Arc<Table>>>>;

/// Tables by name, the least recently used first.
#[derive(Debug)]
pub(crate) struct TableCache {
    options: Arc<Options>,
    factory: TableFactory,
    slots: Mutex<Vec<(String, Slot)>>,
}

impl TableCache {
    pub(crate) fn new(options: Arc<Options>) -> Self {
        Self {
            factory: TableFactory::new(Arc::clone(&options)),
            options,
            slots: Mutex::default(),
        }
    }

    /// What tables are made by.
    pub(crate) fn factory(&self) -> &TableFactory {
        &self.factory
    }

    /// The table that a query reads, made when first requested; the request with this number may change it.
    ///
    /// # Errors
    /// If the query names something that does not exist.
    pub(crate) fn get(
        &self,
        endpoint: &Endpoint,
        query: &Query,
        request: u64,
    ) -> Result<Arc<Table>, Refusal> {
        let name = table_name(endpoint, query, self.options.daily_churn);
        let table = self.make_or_change(&self.slot(&name), endpoint, query, request)?;
        // What churn changed cannot be made again.
        if self.options.churn <= 0.0 {
            self.evict();
        }
        Ok(table)
    }

    fn make_or_change(
        &self,
        slot: &Slot,
        endpoint: &Endpoint,
        query: &Query,
        request: u64,
    ) -> Result<Arc<Table>, Refusal> {
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        let mut table = match slot.take() {
            Some(table) => table,
            None => Arc::new(self.factory.table(endpoint, query)?),
        };
        let seeded = self.factory.seeded().named("churn").numbered(request);
        if endpoint.parameter("limit").is_some() && seeded.happens(self.options.churn) {
            table = Arc::new(table.churned(seeded));
        }
        Ok(Arc::clone(slot.insert(table)))
    }

    fn slot(&self, name: &str) -> Slot {
        let mut slots = self.lock();
        let slot = match slots.iter().position(|(known, _)| known == name) {
            Some(position) => slots.remove(position).1,
            None => Slot::default(),
        };
        slots.push((name.to_owned(), Arc::clone(&slot)));
        slot
    }

    /// Drops the least recently used tables until the others fit; a request that still reads one keeps it as long.
    fn evict(&self) {
        let mut slots = self.lock();
        let mut bytes: usize = slots.iter().map(|(_, slot)| bytes_of(slot)).sum();
        while slots.len() > 1 && (slots.len() > MAX_TABLES || bytes > MAX_BYTES) {
            let (_, oldest) = slots.remove(0);
            bytes = bytes.saturating_sub(bytes_of(&oldest));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(String, Slot)>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A table that is being made counts as nothing, and is not waited for.
fn bytes_of(slot: &Slot) -> usize {
    match slot.try_lock() {
        Ok(slot) => slot.as_ref().map_or(0, |table| table.bytes()),
        Err(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use chrono::Utc;

    use super::*;
    use crate::catalog::Catalog;
    use crate::sandbox::request::Parameters;

    fn cache() -> TableCache {
        TableCache::new(Arc::new(Options {
            rows: 10,
            ..Options::default()
        }))
    }

    fn read(cache: &TableCache, target: &str) -> Arc<Table> {
        let endpoint = Catalog::embedded()
            .endpoint("site-explorer/anchors")
            .unwrap();
        let parameters = [
            ("target".to_owned(), target.to_owned()),
            ("select".to_owned(), "anchor".to_owned()),
        ];
        let query = Query::read(endpoint, &Parameters(&parameters), &[], Utc::now()).unwrap();
        cache.get(endpoint, &query, 1).unwrap()
    }

    #[test]
    fn a_table_that_is_being_made_does_not_delay_others() {
        let cache = cache();
        let slot = cache.slot("a table that takes long");
        let _being_made = slot.lock().unwrap();
        assert!(read(&cache, "acme.com").len() > 0);
    }

    #[test]
    fn the_least_recently_used_table_is_dropped_when_there_are_too_many() {
        let cache = cache();
        for number in 0..=MAX_TABLES {
            read(&cache, &format!("acme{number}.com"));
        }
        let slots = cache.slots.lock().unwrap();
        assert!(
            slots.len() == MAX_TABLES && slots[0].0.contains("acme1.com"),
            "{}",
            slots[0].0
        );
    }
}
