//! Committed files against the manifest, and what lies beside them: what can be said without reading rows.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::committing::file_name;
use super::disk::file_names;
use super::listing::folders;
use super::{SYSTEM_FOLDER, Store, UNPARTITIONED, cannot};
use crate::error::Result;
use crate::model::hex;
use crate::table::manifest::{FileEntry, PartitionState};

/// Folder of `_backhaul/` in which files of live runs may have their final names for a moment.
const STAGING: &str = "staging";

/// One thing that is wrong with a committed partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The table.
    pub report: String,
    /// The partition's folder.
    pub partition: String,
    /// The file, if one is meant.
    pub file: Option<String>,
    /// What is wrong with it.
    pub problem: String,
    /// Nobody committed it.
    pub is_foreign: bool,
}

/// Committed files by their size, so that copies of them can be told.
#[derive(Debug, Default)]
pub struct KnownFiles(BTreeMap<u64, Vec<(String, String)>>);

impl KnownFiles {
    /// Adds the files of a partition.
    pub fn add(&mut self, state: &PartitionState) {
        for file in state
            .committed
            .iter()
            .flat_map(|committed| &committed.files)
        {
            let place = file_name(&state.report, &state.partition, &file.name);
            self.0
                .entry(file.bytes)
                .or_default()
                .push((file.sha256.clone(), place));
        }
    }

    /// What to say of a file that nobody committed, by its name from the destination's root on.
    ///
    /// # Errors
    /// [`crate::error::Code::Destination`] if it cannot be read.
    pub fn describe_foreign(&self, store: &Store, name: &str, bytes: u64) -> Result<String> {
        if let Some(alike) = self.0.get(&bytes)
            && let Some(file) = store.local(name)?
        {
            let sha256 = sha256(file.path())?;
            if let Some((_, place)) = alike.iter().find(|(known, _)| *known == sha256) {
                return Ok(format!(
                    "is a copy of {place}: its rows would be counted twice"
                ));
            }
        }
        Ok("was not committed: a foreign file, which readers of the folder would count".to_owned())
    }
}

/// Presence, size and checksum of every file of a partition, and files that nobody committed.
///
/// # Errors
/// [`crate::error::Code::Destination`] if the disk refuses to be read.
pub fn verify_files(
    store: &Store,
    state: &PartitionState,
    known: &KnownFiles,
) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let mut found = |file: Option<&str>, is_foreign: bool, problem: String| {
        findings.push(Finding {
            report: state.report.clone(),
            partition: state.partition.clone(),
            file: file.map(str::to_owned),
            problem,
            is_foreign,
        });
    };
    let place = |name: &str| file_name(&state.report, &state.partition, name);
    let mut held = store.held(place("").trim_end_matches('/'))?;
    for file in state
        .committed
        .iter()
        .flat_map(|committed| &committed.files)
    {
        let local = match held.remove(&file.name) {
            Some(_) => store.local(&place(&file.name))?,
            None => None,
        };
        match local {
            None => found(Some(&file.name), false, "is missing".to_owned()),
            Some(local) => {
                if let Some(problem) = file_problem(local.path(), file)? {
                    found(Some(&file.name), false, problem);
                }
            }
        }
    }
    for (name, bytes) in held {
        let problem = known.describe_foreign(store, &place(&name), bytes)?;
        found(Some(&name), true, problem);
    }
    if state.pending.is_some() {
        found(
            None,
            false,
            "has an unfinished commit: the next command that writes settles it".to_owned(),
        );
    }
    Ok(findings)
}

/// What lies in a table's folder and belongs to no partition that has a state.
///
/// # Errors
/// [`crate::error::Code::Destination`] if the disk refuses to be read.
pub fn strays(store: &Store, table: &str, known: &KnownFiles) -> Result<Vec<Finding>> {
    let partitions: BTreeSet<String> = store.partitions(table)?.into_iter().collect();
    if partitions.contains(UNPARTITIONED) {
        return Ok(Vec::new());
    }
    let mut findings = Vec::new();
    let mut told: BTreeSet<String> = BTreeSet::new();
    for (name, bytes) in store.held(table)? {
        let (entry, file) = match name.split_once('/') {
            Some((folder, file)) => (folder, Some(file)),
            None => (name.as_str(), None),
        };
        if partitions.contains(entry) {
            continue;
        }
        let mut found = |file: Option<&str>, problem: String| {
            findings.push(Finding {
                report: table.to_owned(),
                partition: entry.to_owned(),
                file: file.map(str::to_owned),
                problem,
                is_foreign: true,
            });
        };
        if file.is_some() && told.insert(entry.to_owned()) {
            found(
                None,
                "is a folder that no state names: readers would count what it holds".to_owned(),
            );
        }
        found(
            file,
            known.describe_foreign(store, &format!("{table}/{name}"), bytes)?,
        );
    }
    let is_stray = |name: &String| !partitions.contains(name) && !told.contains(name);
    for name in store.folders(table)?.into_iter().filter(is_stray) {
        findings.push(Finding {
            report: table.to_owned(),
            partition: name,
            file: None,
            problem: "is a folder that no state names: readers would count what it holds"
                .to_owned(),
            is_foreign: true,
        });
    }
    Ok(findings)
}

impl Store {
    /// Names of the folders in a folder. A bucket has none without files.
    fn folders(&self, folder: &str) -> Result<Vec<String>> {
        match self {
            Self::Disk(disk) => folders(&disk.root().join(folder)),
            Self::Bucket(_) => Ok(Vec::new()),
        }
    }

    /// The files in a folder and below it, by their names from the folder on, with their sizes in bytes.
    fn held(&self, folder: &str) -> Result<BTreeMap<String, u64>> {
        match self {
            Self::Disk(disk) => {
                let folder = disk.root().join(folder);
                let size = |name: String| {
                    let path = folder.join(&name);
                    let bytes = std::fs::metadata(&path)
                        .map_err(|error| cannot("read", &path, error))?
                        .len();
                    Ok((name, bytes))
                };
                file_names(&folder)?.into_iter().map(size).collect()
            }
            Self::Bucket(remote) => {
                let listed = remote.wait(remote.bucket().list(folder))?;
                let prefix = format!("{folder}/");
                let below = |listed: super::bucket::Listed| {
                    Some((listed.name.strip_prefix(&prefix)?.to_owned(), listed.bytes))
                };
                Ok(listed.into_iter().filter_map(below).collect())
            }
        }
    }
}

/// Files below `_backhaul/` that readers who glob hidden folders would take for data, from the destination's root on. What
/// a live process is putting in place is left out.
///
/// # Errors
/// [`crate::error::Code::Destination`] if the disk refuses to be read.
pub fn hidden_data(store: &Store) -> Result<Vec<String>> {
    let is_data = |name: &String| name.ends_with(".parquet");
    let mut found = Vec::new();
    for name in store.files("").list_all("")?.into_iter().filter(is_data) {
        let staged = name
            .strip_prefix(STAGING)
            .and_then(|name| name.strip_prefix('/'));
        let owner = staged.and_then(|name| name.split('/').next());
        if !owner.is_some_and(|owner| store.is_of_live_run(owner)) {
            found.push(format!("{SYSTEM_FOLDER}/{name}"));
        }
    }
    Ok(found)
}

/// What is wrong with a committed file as it lies there; nothing if it is what the manifest says.
///
/// # Errors
/// [`crate::error::Code::Destination`] if it cannot be read.
pub fn file_problem(path: &Path, entry: &FileEntry) -> Result<Option<String>> {
    let bytes = std::fs::metadata(path)
        .map_err(|error| cannot("read", path, error))?
        .len();
    if bytes != entry.bytes {
        return Ok(Some(format!(
            "has {bytes} bytes, the manifest says {}",
            entry.bytes
        )));
    }
    Ok((sha256(path)? != entry.sha256)
        .then(|| "differs from its checksum in the manifest".to_owned()))
}

fn sha256(path: &Path) -> Result<String> {
    let mut file = File::open(path).map_err(|error| cannot("open", path, error))?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = file
            .read(&mut buffer)
            .map_err(|error| cannot("read", path, error))?;
        if read == 0 {
            break;
        }
        digest.update(buffer.get(..read).unwrap_or_default());
    }
    Ok(hex(&digest.finalize()))
}
