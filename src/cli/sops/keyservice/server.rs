//! Answering as a key service.
//!
//! Connections are served by threads of their own; the keys stay with the caller, who gets each request as a [`Job`] and answers it.

use std::convert::Infallible;
use std::sync::mpsc::Sender;

use tokio::sync::oneshot;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Context, Poll, Service, http, tokio_stream};
use tonic::{Code, Status};

use super::client::Method;
use super::messages::{KeyType, Request, Response};
use super::{Address, MAX_MESSAGE};
use crate::secret::SecretBytes;

/// One request.
pub(in crate::cli::sops) struct Job {
    /// What is asked for.
    pub(in crate::cli::sops) method: Method,
    /// The age recipient.
    pub(in crate::cli::sops) recipient: String,
    /// The data key, or the wrapped one.
    pub(in crate::cli::sops) content: SecretBytes,
    answer: oneshot::Sender<Result<SecretBytes, String>>,
}

impl Job {
    /// Sends the answer; a caller that is gone does not matter.
    pub(in crate::cli::sops) fn answer(self, result: Result<SecretBytes, String>) {
        _ = self.answer.send(result);
    }
}

/// A running service. It ends when this is dropped.
pub(in crate::cli::sops) struct Running {
    runtime: Option<tokio::runtime::Runtime>,
    socket: Option<std::path::PathBuf>,
    /// Where it listens.
    pub(in crate::cli::sops) address: String,
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
        if let Some(socket) = &self.socket {
            _ = std::fs::remove_file(socket);
        }
    }
}

/// Listens, and hands every request to `jobs`.
///
/// # Errors
/// When the address cannot be listened on.
pub(in crate::cli::sops) fn start(address: &Address, jobs: Sender<Job>) -> std::io::Result<Running> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let service = Keys(jobs);
    let (socket, shown) = runtime.block_on(async {
        match address {
            Address::Tcp(address) => {
                let listener = tokio::net::TcpListener::bind(address).await?;
                let shown = listener.local_addr()?.to_string();
                let incoming = tonic::transport::server::TcpIncoming::from(listener);
                tokio::spawn(tonic::transport::Server::builder().add_service(service).serve_with_incoming(incoming));
                Ok::<_, std::io::Error>((None, shown))
            }
            #[cfg(unix)]
            Address::Unix(path) => {
                let listener = tokio::net::UnixListener::bind(path)?;
                // The keys' owner alone.
                std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
                let incoming = Incoming(listener);
                tokio::spawn(tonic::transport::Server::builder().add_service(service).serve_with_incoming(incoming));
                Ok((Some(path.clone()), path.display().to_string()))
            }
            #[cfg(not(unix))]
            Address::Unix(_) => Err(std::io::Error::other("there are no unix sockets on this system")),
        }
    })?;
    Ok(Running { runtime: Some(runtime), socket, address: shown })
}

#[cfg(unix)]
struct Incoming(tokio::net::UnixListener);

#[cfg(unix)]
impl tokio_stream::Stream for Incoming {
    type Item = std::io::Result<tokio::net::UnixStream>;

    fn poll_next(self: std::pin::Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_accept(context).map(|accepted| Some(accepted.map(|(stream, _)| stream)))
    }
}

#[derive(Clone)]
struct Keys(Sender<Job>);

impl tonic::server::NamedService for Keys {
    const NAME: &'static str = "KeyService";
}

impl Service<http::Request<Body>> for Keys {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let method = match request.uri().path() {
            "/KeyService/Encrypt" => Some(Method::Encrypt),
            "/KeyService/Decrypt" => Some(Method::Decrypt),
            _ => None,
        };
        let jobs = self.0.clone();
        Box::pin(async move {
            let Some(method) = method else { return Ok(Status::new(Code::Unimplemented, "").into_http()) };
            let codec = tonic_prost::ProstCodec::<Response, Request>::default();
            let mut server = tonic::server::Grpc::new(codec).max_decoding_message_size(MAX_MESSAGE);
            Ok(server.unary(Handler(method, jobs), request).await)
        })
    }
}

struct Handler(Method, Sender<Job>);

impl tonic::server::UnaryService<Request> for Handler {
    type Response = Response;
    type Future = BoxFuture<tonic::Response<Response>, Status>;

    fn call(&mut self, request: tonic::Request<Request>) -> Self::Future {
        let (method, jobs) = (self.0, self.1.clone());
        Box::pin(async move {
            let mut request = request.into_inner();
            let content = request.take();
            let recipient = match request.key.and_then(|key| key.key_type) {
                Some(KeyType::Age(key)) => key.name,
                Some(_) => return Err(Status::unimplemented("only age keys are served here")),
                None => return Err(Status::not_found("Must provide a key")),
            };
            let (answer, answered) = oneshot::channel();
            let gone = |_| Status::unavailable("the key service is ending");
            jobs.send(Job { method, recipient, content, answer }).map_err(|_| gone(()))?;
            match answered.await.map_err(|_| gone(()))? {
                Ok(content) => Ok(tonic::Response::new(Response { content: content.expose().to_vec() })),
                Err(reason) => Err(Status::internal(reason)),
            }
        })
    }
}
