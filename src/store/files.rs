//! Small files on a disk or in a bucket, behind one face: saved responses, nights, ledgers, promises.
//!
//! Names are relative, with `/` between folders; a folder exists while something lies in it. What begins with a dot is
//! nobody's business: files that are being written, and locks. A file without a byte is no file.
//!
//! What a bucket cannot promise, nobody may rely on: a name that was removed for good ([`Files::remove`]) is not used
//! again, since a removal whose answer was lost may arrive late; and what [`Files::create_new`] writes tells its writer
//! from every other.
//!
//! Long because each operation stands once, with its disk half and its bucket half side by side.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::de::DeserializeOwned;

use super::bucket::Listed;
use super::disk::{
    FileLock, create_folder, create_new, lock_beside, remove, remove_tree, replace, sync_dir,
    temporaries,
};
use super::{Remote, cannot, names};
use crate::error::{Code, Error, Result};

/// A change takes milliseconds; whoever holds a file longer is stuck.
const PATIENCE: Duration = Duration::from_mins(1);

/// Requests to a bucket that go on side by side where none waits for another.
const AT_A_TIME: usize = 16;

/// Keeps a folder of a bucket that nothing lies in yet.
const MARKER: &str = ".folder";

/// A folder of small files.
#[derive(Debug, Clone)]
pub enum Files {
    /// On a local disk. What is written survives a power cut.
    Disk(PathBuf),
    /// In a bucket, below a folder of it.
    Bucket(Remote, String),
}

impl Files {
    /// Puts `bytes` under a name, whole or not at all, replacing what was there.
    ///
    /// # Errors
    /// [`Code::Destination`], as every call here; what was there before is then untouched, or replaced unheard.
    pub fn replace(&self, name: &str, bytes: impl Into<Bytes>) -> Result<()> {
        let bytes = bytes.into();
        match self {
            Self::Disk(root) => replace(&root.join(name), &bytes),
            Self::Bucket(remote, folder) => {
                let name = format!("{folder}/{name}");
                let bucket = remote.bucket();
                // By compare-and-swap: a plain write whose answer was lost could arrive after the next one, and undo it.
                // Contents must not come back to what they once were: some stores know versions by their content.
                remote.wait(async {
                    loop {
                        let written = match bucket.head(&name).await? {
                            Some((_, version)) => {
                                bucket
                                    .compare_and_swap(&name, &version, bytes.clone())
                                    .await?
                            }
                            None => bucket.put_if_absent(&name, bytes.clone()).await?,
                        };
                        if written.is_some() {
                            return Ok(());
                        }
                    }
                })
            }
        }
    }

    /// Puts `bytes` under a name unless something is there already; says whether it did.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn create_new(&self, name: &str, bytes: impl Into<Bytes>) -> Result<bool> {
        let bytes = bytes.into();
        match self {
            Self::Disk(root) => create_new(&root.join(name), &bytes),
            Self::Bucket(remote, folder) => {
                let name = format!("{folder}/{name}");
                let bucket = remote.bucket();
                remote.wait(async {
                    if bucket.put_if_absent(&name, bytes.clone()).await?.is_some() {
                        return Ok(true);
                    }
                    // What was taken away leaves an object without a byte.
                    match bucket.head(&name).await? {
                        Some((listed, version)) if listed.bytes == 0 => Ok(bucket
                            .compare_and_swap(&name, &version, bytes)
                            .await?
                            .is_some()),
                        _ => Ok(false),
                    }
                })
            }
        }
    }

    /// Reads a file; `None` if there is none.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn load(&self, name: &str) -> Result<Option<Bytes>> {
        let loaded = match self {
            Self::Disk(root) => read(&root.join(name))?.map(Bytes::from),
            Self::Bucket(remote, folder) => remote
                .wait(remote.bucket().get(&format!("{folder}/{name}")))?
                .map(|object| object.bytes),
        };
        Ok(loaded.filter(|bytes| !bytes.is_empty()))
    }

    /// Reads several files, side by side where that saves time, with their names; without those that are not there.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn load_all(&self, names: Vec<String>) -> Result<Vec<(String, Bytes)>> {
        let loaded: Vec<(String, Option<Bytes>)> = match self {
            Self::Disk(_) => names
                .into_iter()
                .map(|name| Ok((name.clone(), self.load(&name)?)))
                .collect::<Result<_>>()?,
            Self::Bucket(remote, folder) => {
                let load = |name: String| async move {
                    let object = remote.bucket().get(&format!("{folder}/{name}")).await?;
                    Ok::<_, Error>((name, object.map(|object| object.bytes)))
                };
                remote.wait(
                    stream::iter(names)
                        .map(load)
                        .buffered(AT_A_TIME)
                        .try_collect::<Vec<_>>(),
                )?
            }
        };
        let is_there = |bytes: &Bytes| !bytes.is_empty();
        Ok(loaded
            .into_iter()
            .filter_map(|(name, bytes)| Some((name, bytes.filter(is_there)?)))
            .collect())
    }

    /// Reads the first bytes of a file; `None` if there is none.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn load_start(&self, name: &str, bytes: usize) -> Result<Option<Bytes>> {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        match self {
            Self::Disk(root) => {
                let path = root.join(name);
                let file = match File::open(&path) {
                    Ok(file) => file,
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
                    Err(error) => return Err(cannot("read", &path, error)),
                };
                let mut start = Vec::new();
                file.take(bytes)
                    .read_to_end(&mut start)
                    .map_err(|error| cannot("read", &path, error))?;
                Ok(Some(Bytes::from(start)).filter(|start| !start.is_empty()))
            }
            Self::Bucket(remote, folder) => {
                let name = format!("{folder}/{name}");
                remote.wait(async {
                    match remote.bucket().head(&name).await? {
                        Some((listed, version)) if listed.bytes > 0 => {
                            let range = 0..bytes.min(listed.bytes);
                            remote
                                .bucket()
                                .get_range(&name, range, Some(&version))
                                .await
                                .map(Some)
                        }
                        _ => Ok(None),
                    }
                })
            }
        }
    }

    /// Makes sure, durably, that a folder is there, with something in it that is no file where folders need that.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn make_folder(&self, folder: &str) -> Result<()> {
        match self {
            Self::Disk(root) => create_folder(&root.join(folder)),
            Self::Bucket(remote, root) => {
                let name = format!("{}/{MARKER}", below(root, folder));
                remote
                    .wait(remote.bucket().put(&name, Bytes::new()))
                    .map(drop)
            }
        }
    }

    /// Removes what dead processes were writing directly in a folder; `is_live` tells those that are at it still, by the name
    /// of the file. A bucket has nothing of the kind.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn remove_half_written(&self, folder: &str, is_live: impl Fn(&str) -> bool) -> Result<()> {
        let Self::Disk(root) = self else {
            return Ok(());
        };
        let folder = root.join(folder);
        for (path, name) in temporaries(&folder)? {
            if !is_live(&name) {
                remove(&path)?;
            }
        }
        Ok(())
    }

    /// Removes a folder if nothing is in it. That another process has put something there a moment ago is no fault.
    pub fn remove_folder_if_empty(&self, folder: &str) {
        if let Self::Disk(root) = self {
            let path = root.join(folder);
            if std::fs::remove_dir(&path).is_ok() {
                // It may come back with a power cut, empty.
                let _ = path.parent().map(sync_dir);
            }
        }
    }

    /// Reads a file of JSON; `None` if there is none.
    ///
    /// # Errors
    /// [`Code::Destination`], also if it is damaged.
    pub fn load_json<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let Some(bytes) = self.load(name)? else {
            return Ok(None);
        };
        serde_json::from_slice(&bytes).map(Some).map_err(|error| {
            Error::new(Code::Destination, format!("{} is damaged", self.place_of(name))).with_source(error).with_next(
                "restore the file from a backup of the destination; backhaul verify shows what else is affected",
            )
        })
    }

    /// Changes a file by what it holds, so that no other change in between is lost. `None` leaves it as it is; no bytes
    /// take it away.
    ///
    /// `change` may be asked more than once, and a change whose answer was lost may be made twice if another one came in
    /// between: what is added carries a name, and what stands there already is not added again.
    ///
    /// # Errors
    /// [`Code::Destination`], [`Code::Locked`] if another process does not let go of the file, or what `change` says.
    pub fn change<F>(&self, name: &str, change: F) -> Result<()>
    where
        F: Fn(Option<&[u8]>) -> Result<Option<Vec<u8>>> + Send + Sync,
    {
        match self {
            Self::Disk(root) => {
                let path = root.join(name);
                let guard = lock_beside(&path);
                let held = FileLock::acquire(
                    &guard,
                    &format!("process {}", std::process::id()),
                    PATIENCE,
                )?;
                let before = read(&path)?.filter(|bytes| !bytes.is_empty());
                let changed = match change(before.as_deref())? {
                    None => Ok(()),
                    Some(next) if next.is_empty() => remove(&path),
                    Some(next) => replace(&path, &next),
                };
                held.remove(&guard)?;
                changed
            }
            Self::Bucket(remote, folder) => {
                let name = format!("{folder}/{name}");
                let bucket = remote.bucket();
                remote.wait(async {
                    loop {
                        let before = bucket.get(&name).await?;
                        let held = before
                            .as_ref()
                            .map(|object| object.bytes.as_ref())
                            .filter(|held| !held.is_empty());
                        let Some(next) = change(held)? else {
                            return Ok(());
                        };
                        let written = match before {
                            Some(object) => {
                                bucket
                                    .compare_and_swap(&name, &object.version, next.into())
                                    .await?
                            }
                            None if next.is_empty() => return Ok(()),
                            None => bucket.put_if_absent(&name, next.into()).await?,
                        };
                        if written.is_some() {
                            return Ok(());
                        }
                    }
                })
            }
        }
    }

    /// Names of the files and folders directly in a folder, in order; none if there is no folder. The empty name is the
    /// folder of them all.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn list(&self, folder: &str) -> Result<Vec<String>> {
        let mut listed = match self {
            Self::Disk(root) => names(&root.join(folder))?,
            Self::Bucket(remote, root) => {
                let (mut objects, folders) =
                    remote.wait(remote.bucket().children(&below(root, folder)))?;
                objects.extend(folders);
                objects
            }
        };
        listed.retain(|name| !name.starts_with('.'));
        listed.sort();
        listed.dedup();
        Ok(listed)
    }

    /// Names of all files in a folder and below it, from the folder on, in order.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn list_all(&self, folder: &str) -> Result<Vec<String>> {
        match self {
            Self::Disk(root) => {
                let names = super::disk::file_names(&root.join(folder))?.into_iter();
                Ok(names
                    .filter(|name| !name.split('/').any(|part| part.starts_with('.')))
                    .collect())
            }
            Self::Bucket(remote, root) => {
                let folder = below(root, folder);
                let listed = remote
                    .wait(remote.bucket().list(&folder))?
                    .into_iter()
                    .filter(|listed| listed.bytes > 0);
                let prefix = format!("{folder}/");
                Ok(listed
                    .filter_map(|listed| Some(listed.name.strip_prefix(&prefix)?.to_owned()))
                    .collect())
            }
        }
    }

    /// All objects in a folder of a bucket and below it, those without a byte included, by their names from the folder on:
    /// one request tells of a thousand. `None` on a disk, which tells of each for nothing.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn survey(&self, folder: &str) -> Result<Option<Vec<Listed>>> {
        let Self::Bucket(remote, root) = self else {
            return Ok(None);
        };
        let folder = below(root, folder);
        let mut listed = remote.wait(remote.bucket().list(&folder))?;
        for one in &mut listed {
            one.name.drain(..(folder.len() + 1).min(one.name.len()));
        }
        Ok(Some(listed))
    }

    /// Names of the JSON files directly in this folder, without their ending.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn json_names(&self) -> Result<Vec<String>> {
        Ok(self
            .list("")?
            .iter()
            .filter_map(|name| Some(name.strip_suffix(".json")?.to_owned()))
            .collect())
    }

    /// Gives a file another name, which is free. A crash may leave it under both; its old name may be used again.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn rename(&self, name: &str, to: &str) -> Result<()> {
        match self {
            Self::Disk(root) => {
                let path = root.join(name);
                std::fs::rename(&path, root.join(to))
                    .map_err(|error| cannot("rename", &path, error))?;
                path.parent().map_or(Ok(()), sync_dir)
            }
            Self::Bucket(..) => {
                let Some(bytes) = self.load(name)? else {
                    return Err(Error::new(
                        Code::Destination,
                        format!("{} is not there", self.place_of(name)),
                    ));
                };
                self.create_new(to, bytes)?;
                self.replace(name, Bytes::new())
            }
        }
    }

    /// Removes a file for good; it may be absent.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn remove(&self, name: &str) -> Result<()> {
        match self {
            Self::Disk(root) => {
                let path = root.join(name);
                if path.parent().is_some_and(Path::exists) {
                    remove(&path)
                } else {
                    Ok(())
                }
            }
            Self::Bucket(remote, folder) => {
                remote.wait(remote.bucket().delete(&format!("{folder}/{name}")))
            }
        }
    }

    /// Removes a folder with all that is in it, for good; it may be absent.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn remove_all(&self, folder: &str) -> Result<()> {
        match self {
            Self::Disk(root) => {
                let path = root.join(folder);
                remove_tree(&path)?;
                path.parent()
                    .filter(|above| above.exists())
                    .map_or(Ok(()), sync_dir)
            }
            Self::Bucket(remote, root) => remote.wait(async {
                let listed = remote.bucket().list(&below(root, folder)).await?;
                let delete =
                    |listed: Listed| async move { remote.bucket().delete(&listed.name).await };
                stream::iter(listed)
                    .map(delete)
                    .buffer_unordered(AT_A_TIME)
                    .try_collect::<()>()
                    .await
            }),
        }
    }

    /// When a file, or any file in a folder, last changed, by the clock of [`Files::now`]; `None` if there is none.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn changed(&self, name: &str) -> Result<Option<DateTime<Utc>>> {
        match self {
            Self::Disk(root) => newest(&root.join(name)),
            Self::Bucket(remote, folder) => {
                let name = format!("{folder}/{name}");
                remote.wait(async {
                    match remote.bucket().head(&name).await? {
                        Some((listed, _)) => Ok(Some(listed.changed)),
                        None => Ok(remote
                            .bucket()
                            .list(&name)
                            .await?
                            .into_iter()
                            .map(|listed| listed.changed)
                            .max()),
                    }
                })
            }
        }
    }

    /// The time by the clock that says when files change: the store's own, never this machine's for a bucket.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn now(&self) -> Result<DateTime<Utc>> {
        match self {
            Self::Disk(_) => Ok(SystemTime::now().into()),
            Self::Bucket(remote, _) => remote.wait(remote.bucket().now()),
        }
    }

    /// Where a file lies, for people.
    pub fn place_of(&self, name: &str) -> String {
        match self {
            Self::Disk(root) => root.join(name).display().to_string(),
            Self::Bucket(remote, folder) => {
                format!("{}/{}", remote.bucket().place(), below(folder, name))
            }
        }
    }
}

fn below(root: &str, name: &str) -> String {
    if name.is_empty() {
        root.to_owned()
    } else {
        format!("{root}/{name}")
    }
}

fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(cannot("read", path, error)),
    }
}

fn newest(path: &Path) -> Result<Option<DateTime<Utc>>> {
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(cannot("read", path, error)),
    };
    if metadata.is_file() {
        return metadata
            .modified()
            .map(|changed| Some(changed.into()))
            .map_err(|error| cannot("read", path, error));
    }
    let mut latest = metadata.modified().ok().map(DateTime::from);
    for name in names(path)?
        .into_iter()
        .filter(|name| !name.starts_with('.'))
    {
        latest = latest.max(newest(&path.join(name))?);
    }
    Ok(latest)
}
