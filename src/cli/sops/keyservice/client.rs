//! Asking a key service.

use std::time::Duration;

use tonic::transport::{Channel, Endpoint};

use super::messages::{Request, Response};
use super::{Address, MAX_MESSAGE};
use crate::secret::SecretBytes;
use crate::sops::metadata::MasterKey;

/// How long a connection may take. Answers may need a person, and have no limit but this one's tenfold.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is asked of a service.
#[derive(Debug, Clone, Copy)]
pub(in crate::cli::sops) enum Method {
    /// Wrap a data key.
    Encrypt,
    /// Unwrap one.
    Decrypt,
}

/// Asks a service about one key of a file.
///
/// # Errors
/// The words of the service, or why it cannot be reached.
pub(in crate::cli::sops) fn ask(
    address: &Address,
    method: Method,
    key: &MasterKey,
    content: &[u8],
) -> Result<SecretBytes, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let channel = connect(address).await?;
        let mut client = tonic::client::Grpc::new(channel).max_decoding_message_size(MAX_MESSAGE);
        client.ready().await.map_err(|error| format!("it is not ready: {error}"))?;
        let path = match method {
            Method::Encrypt => "/KeyService/Encrypt",
            Method::Decrypt => "/KeyService/Decrypt",
        };
        let mut request = tonic::Request::new(Request::new(key, content));
        request.set_timeout(PATIENCE * 10);
        let codec = tonic_prost::ProstCodec::<Request, Response>::default();
        let path = tonic::codegen::http::uri::PathAndQuery::from_static(path);
        let answer = client.unary(request, path, codec).await.map_err(|status| status.message().to_owned())?;
        Ok(SecretBytes::new(answer.into_inner().content))
    })
}

async fn connect(address: &Address) -> Result<Channel, String> {
    let unreachable = |error: tonic::transport::Error| {
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
        format!("it cannot be reached: {error}{cause}")
    };
    match address {
        Address::Tcp(address) => {
            let endpoint = Endpoint::from_shared(format!("http://{address}"))
                .map_err(|error| format!("{address:?} is no address: {error}"))?;
            endpoint.connect_timeout(PATIENCE).connect().await.map_err(unreachable)
        }
        #[cfg(unix)]
        Address::Unix(path) => {
            let path = path.clone();
            let connector = tower::service_fn(move |_: tonic::codegen::http::Uri| {
                let path = path.clone();
                async move { tokio::net::UnixStream::connect(path).await.map(hyper_util::rt::TokioIo::new) }
            });
            // The name is of no meaning for a socket, and there must be one.
            Endpoint::from_static("http://localhost").connect_with_connector(connector).await.map_err(unreachable)
        }
        #[cfg(not(unix))]
        Address::Unix(_) => Err("there are no unix sockets on this system".to_owned()),
    }
}
