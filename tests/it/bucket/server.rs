//! An S3 server in this process: `s3s` checks the signatures, `s3s-fs` keeps the objects. What the latter lacks of S3 is
//! added here: requests are carried out one at a time and to the end, though the client has left; an ended upload is
//! `NoSuchUpload`; a missing bucket is `NoSuchBucket`; a folder is not an object; reads have conditions; open uploads are
//! listed.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, CompleteMultipartUploadInput,
    CompleteMultipartUploadOutput, CreateMultipartUploadInput, CreateMultipartUploadOutput,
    DeleteObjectInput, DeleteObjectOutput, ETagCondition, GetObjectInput, GetObjectOutput,
    HeadObjectInput, HeadObjectOutput, ListMultipartUploadsInput, ListMultipartUploadsOutput,
    ListObjectsV2Input, ListObjectsV2Output, MultipartUpload, PutObjectInput, PutObjectOutput,
    UploadPartInput, UploadPartOutput,
};
use s3s::service::S3ServiceBuilder;
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};
use s3s_fs::FileSystem;

pub const KEY: &str = "tester";
pub const SECRET: &str = "hush-hush";
pub const BUCKET: &str = "acme";

pub struct Server {
    pub address: SocketAddr,
    pub open: Uploads,
    is_ignorant: Arc<AtomicBool>,
    folder: tempfile::TempDir,
    _task: tokio_util::task::AbortOnDropHandle<()>,
}

/// Open uploads: id → object and start.
type Uploads = Arc<Mutex<BTreeMap<String, (String, SystemTime)>>>;

impl Server {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(BUCKET)).unwrap();
        let open = Uploads::default();
        let is_ignorant = Arc::<AtomicBool>::default();
        let strict = Strict {
            files: Arc::new(FileSystem::new(folder.path()).unwrap()),
            root: folder.path().to_owned(),
            turn: Arc::default(),
            open: Arc::clone(&open),
            is_ignorant: Arc::clone(&is_ignorant),
        };
        let mut builder = S3ServiceBuilder::new(strict);
        builder.set_auth(SimpleAuth::from_single(KEY, SECRET));
        let service = builder.build();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let service = service.clone();
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(socket), service),
                );
            }
        });
        Self {
            address,
            open,
            is_ignorant,
            folder,
            _task: tokio_util::task::AbortOnDropHandle::new(task),
        }
    }

    /// From now on it treats conditional writes as plain ones, as some S3-compatible services do.
    pub fn ignore_conditions(&self) {
        self.is_ignorant.store(true, Ordering::Relaxed);
    }

    /// Where the objects are stored, as files under their keys.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().join(BUCKET)
    }

    /// The same with the server's own files.
    pub fn whole_folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    pub fn open_uploads(&self) -> Vec<String> {
        self.open.lock().unwrap().keys().cloned().collect()
    }
}

#[derive(Clone)]
struct Strict {
    files: Arc<FileSystem>,
    root: PathBuf,
    turn: Arc<tokio::sync::Mutex<()>>,
    open: Uploads,
    is_ignorant: Arc<AtomicBool>,
}

impl Strict {
    fn no_folder(&self, bucket: &str, key: &str) -> S3Result<()> {
        if self.root.join(bucket).join(key).is_dir() {
            Err(s3_error!(NoSuchKey))
        } else {
            self.bucket(bucket)
        }
    }

    fn bucket(&self, name: &str) -> S3Result<()> {
        if self.root.join(name).is_dir() {
            Ok(())
        } else {
            Err(s3_error!(NoSuchBucket))
        }
    }

    fn is_open(&self, id: &str) -> S3Result<()> {
        if self.open.lock().unwrap().contains_key(id) {
            Ok(())
        } else {
            Err(s3_error!(NoSuchUpload))
        }
    }

    /// Runs to the end, alone, whether or not the client still waits for the answer.
    async fn alone<T: Send + 'static>(
        &self,
        work: impl Future<Output = S3Result<T>> + Send + 'static,
    ) -> S3Result<T> {
        let turn = Arc::clone(&self.turn);
        let task = tokio::spawn(async move {
            let _turn = turn.lock().await;
            work.await
        });
        task.await.unwrap()
    }
}

/// Forwards an operation after a check.
macro_rules! forward {
    ($($name:ident($input:ty) -> $output:ty;)*) => {
        #[async_trait::async_trait]
        impl S3 for Strict {
            $(async fn $name(&self, request: S3Request<$input>) -> S3Result<S3Response<$output>> {
                let own = self.clone();
                self.alone(async move {
                    own.bucket(&request.input.bucket)?;
                    own.files.$name(request).await
                })
                .await
            })*

            async fn put_object(&self, mut request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
                let own = self.clone();
                self.alone(async move {
                    own.bucket(&request.input.bucket)?;
                    if own.is_ignorant.load(Ordering::Relaxed) {
                        (request.input.if_match, request.input.if_none_match) = (None, None);
                    }
                    own.files.put_object(request).await
                })
                .await
            }

            async fn get_object(&self, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
                let own = self.clone();
                self.alone(async move {
                    own.no_folder(&request.input.bucket, &request.input.key)?;
                    let condition = request.input.if_match.clone();
                    let response = own.files.get_object(request).await?;
                    match condition.as_ref().and_then(ETagCondition::as_etag) {
                        Some(wanted) if response.output.e_tag.as_ref() != Some(wanted) => {
                            Err(s3_error!(PreconditionFailed))
                        }
                        _ => Ok(response),
                    }
                })
                .await
            }

            async fn head_object(&self, request: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
                let own = self.clone();
                self.alone(async move {
                    own.no_folder(&request.input.bucket, &request.input.key)?;
                    own.files.head_object(request).await
                })
                .await
            }

            async fn create_multipart_upload(
                &self,
                request: S3Request<CreateMultipartUploadInput>,
            ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
                let own = self.clone();
                self.alone(async move {
                    own.bucket(&request.input.bucket)?;
                    let key = request.input.key.clone();
                    let response = own.files.create_multipart_upload(request).await?;
                    let id = response.output.upload_id.clone().unwrap();
                    own.open.lock().unwrap().insert(id, (key, SystemTime::now()));
                    Ok(response)
                })
                .await
            }

            async fn upload_part(&self, request: S3Request<UploadPartInput>) -> S3Result<S3Response<UploadPartOutput>> {
                let own = self.clone();
                self.alone(async move {
                    own.is_open(&request.input.upload_id)?;
                    own.files.upload_part(request).await
                })
                .await
            }

            async fn complete_multipart_upload(
                &self,
                request: S3Request<CompleteMultipartUploadInput>,
            ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
                let own = self.clone();
                self.alone(async move {
                    let id = request.input.upload_id.clone();
                    own.is_open(&id)?;
                    let response = own.files.complete_multipart_upload(request).await?;
                    own.open.lock().unwrap().remove(&id);
                    Ok(response)
                })
                .await
            }

            async fn abort_multipart_upload(
                &self,
                request: S3Request<AbortMultipartUploadInput>,
            ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
                let own = self.clone();
                self.alone(async move {
                    let id = request.input.upload_id.clone();
                    own.is_open(&id)?;
                    let response = own.files.abort_multipart_upload(request).await?;
                    own.open.lock().unwrap().remove(&id);
                    Ok(response)
                })
                .await
            }

            async fn list_multipart_uploads(
                &self,
                request: S3Request<ListMultipartUploadsInput>,
            ) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
                let prefix = request.input.prefix.unwrap_or_default();
                let after = request.input.upload_id_marker;
                let open = self.open.lock().unwrap();
                let mut fitting = open
                    .iter()
                    .filter(|(id, (key, _))| key.starts_with(&prefix) && after.as_ref().is_none_or(|after| *id > after));
                // Pages of two, so that every test of more than two turns pages.
                let page: Vec<_> = fitting.by_ref().take(2).collect();
                let is_cut = fitting.next().is_some();
                let upload = |(id, (key, started)): &(&String, &(String, SystemTime))| MultipartUpload {
                    key: Some(key.clone()),
                    upload_id: Some((*id).clone()),
                    initiated: Some((*started).into()),
                    ..MultipartUpload::default()
                };
                Ok(S3Response::new(ListMultipartUploadsOutput {
                    is_truncated: Some(is_cut),
                    next_key_marker: page.last().filter(|_| is_cut).map(|(_, (key, _))| key.clone()),
                    next_upload_id_marker: page.last().filter(|_| is_cut).map(|(id, _)| (*id).clone()),
                    uploads: Some(page.iter().map(upload).collect()),
                    ..ListMultipartUploadsOutput::default()
                }))
            }
        }
    };
}

forward! {
    delete_object(DeleteObjectInput) -> DeleteObjectOutput;
    list_objects_v2(ListObjectsV2Input) -> ListObjectsV2Output;
}
